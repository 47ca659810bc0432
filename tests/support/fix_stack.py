"""Real Kafka, Postgres and Redis for integration tests: started at the first use, once a run, on free ports.

They are the processes of `gateway/local` (one implementation), or containers where a Docker engine answers
(`containers.py`). Everything is thrown away at the end. Fixtures: `kafka`, `postgres`, `redis` (per run),
`database` (a new database per test).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from gateway.local import kafka as local_kafka
from gateway.local import postgres as local_postgres
from gateway.local import redis as local_redis
from gateway.local.children import Running, Spec
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from tests.support import containers


class Server:
    """One real server. `kill`, `restart`, `signal` are for fault tests; leave it running for the next
    test.
    """

    def __init__(self, running: Running | containers.Container) -> None:
        self._running = running

    @property
    def address(self) -> str:
        """host:port, the same after a restart."""
        return self._running.address

    @property
    def pid(self) -> int:
        """Pid of the server's process (of the container's first process, with Docker)."""
        return self._running.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._running.kill()

    def signal(self, number: int) -> None:
        """SIGSTOP, SIGCONT, …"""
        self._running.signal(number)

    def stop(self) -> None:
        """An orderly stop."""
        self._running.stop()

    def restart(self) -> None:
        """Start again on the same data and address, after an orderly stop if it lives; returns when it
        serves.
        """
        self._running.restart()


class KafkaServer(Server):
    """`bootstrap` is for a client's `bootstrap.servers`. There are no topics; make your own, with fresh
    names.
    """

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return self.address


class PostgresServer(Server):
    """`dsn` is the owner's (superuser's) address of the database `postgres`."""

    def __init__(self, running: Running | containers.Container, password: str) -> None:
        super().__init__(running)
        self._password = password
        self._numbers = itertools.count(1)

    @property
    def dsn(self) -> str:
        """DSN of the maintenance database."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """DSN of one database, as its owner."""
        return local_postgres.dsn(int(self.address.rpartition(":")[2]), self._password, database)

    def create_database(self) -> str:
        """A new, empty database; returns its DSN."""
        name = f"test_{next(self._numbers)}"
        local_postgres.create_database(self.dsn, name)
        return self.dsn_of(name)

    def drop_database(self, dsn: str) -> None:
        """Drop it, also under open connections."""
        name = dsn.rpartition("/")[2]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


class RedisServer(Server):
    """`url` names database 0; a test that writes flushes it first."""

    @property
    def url(self) -> str:
        """redis://host:port."""
        return f"redis://{self.address}"


def _start(spec: Spec, folder: Path) -> Running:
    running = Running(spec, folder / f"{spec.name}.log")
    running.start()
    return running


def _end(running: Running | containers.Container) -> None:
    if isinstance(running, containers.Container):
        running.remove()
    else:
        running.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real one-node broker."""
    running: Running | containers.Container
    if containers.wanted():
        running = containers.kafka()
    else:
        home, folder = find_home(), tmp_path_factory.mktemp("kafka")
        local_kafka.ensure_class_archive(home)
        running = _start(local_kafka.spec(home, folder / "data", free_port(), free_port()), folder)
    yield KafkaServer(running)
    _end(running)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real Postgres, without fsync."""
    running: Running | containers.Container
    password = "only-for-tests"
    if containers.wanted():
        running = containers.postgres(password)
    else:
        home, folder = find_home(), tmp_path_factory.mktemp("postgres")
        spec = local_postgres.spec(home, folder / "data", free_port(), password, durable=False)
        running = _start(spec, folder)
    yield PostgresServer(running, password)
    _end(running)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """DSN of a new, empty database of this test's own."""
    dsn = postgres.create_database()
    yield dsn
    postgres.drop_database(dsn)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis."""
    running: Running | containers.Container
    if containers.wanted():
        running = containers.redis()
    else:
        folder = tmp_path_factory.mktemp("redis")
        running = _start(local_redis.spec(folder / "data", free_port()), folder)
    yield RedisServer(running)
    _end(running)
