"""What the tests of the effects process share: secrets in Postgres, topics, the process, the receiver, the driver."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.effects_process import EffectsProcess, Room, Topics, make_topics
from tests.support.fix_stack import KafkaServer
from tests.support.receiver import Receiver

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def secrets_database(database: str) -> str:
    """A database in which tenant `shop` has a signing secret."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table webhook_secrets (tenant text primary key, secret text not null)")
        connection.execute("create table configuration (tenant text, document text, version int, body bytea)")
        connection.execute("insert into webhook_secrets values ('shop', %s)", (SECRET,))
    return database


@pytest.fixture
def topics(kafka: KafkaServer, tmp_path: Path) -> Topics:
    """Topics of this test's own."""
    return make_topics(kafka.bootstrap, tmp_path)


@pytest.fixture
def effects(kafka: KafkaServer, secrets_database: str, topics: Topics, tmp_path: Path) -> Iterator[EffectsProcess]:
    """The process, not started."""
    process = EffectsProcess(kafka.bootstrap, secrets_database, topics, tmp_path)
    yield process
    process.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The receiver, serving."""
    receiver = Receiver(SECRET)
    await receiver.start()
    yield receiver
    await receiver.close()


@pytest.fixture
def room(kafka: KafkaServer, topics: Topics) -> Iterator[Room]:
    """The driver; asks again after 10 s without an outcome, as the processor does."""
    room = Room(kafka.bootstrap, topics, wait_seconds=10)
    yield room
    room.close()
