"""What would break: a simulation that pages somebody, or that can reach a broker, a network, the effects service."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.whatif.report import html
from processors.host.places import Place
from schemas.record import Record
from tests.support.recorded import MemoryHistory
from tests.support.shop import Shop
from tests.support.whatifs import alice_waits, what_if
from tests.support.world import World

ROOT = Path(__file__).parents[2]
CLIENTS = ("confluent_kafka", "aiokafka", "faust", "aiohttp", "psycopg", "redis", "processors.effects.webhook")


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **more: Any) -> Any:
        raise AssertionError("a simulation opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


class ReadOnly(MemoryHistory):
    """A history that has nothing but what the contract names, and says what was read."""

    def __init__(self, world: World) -> None:
        super().__init__(world.log)
        self.topics: set[str] = set()

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        self.topics.add(place.topic)
        return super().read(place, start, end)


def test_given_no_socket_may_be_opened_then_the_answer_and_its_report_come_all_the_same(no_sockets: None) -> None:
    world = Shop().play(45.0)
    asked = len(world.log.records("notifications.events"))
    found = what_if(world, alice_waits(4), history=ReadOnly(world))
    assert found.document["pages"]["moved"]
    assert "<html" in html(found, 0)
    # The live log is as it was: not one record more on any topic.
    assert len(world.log.records("notifications.events")) == asked


def test_given_a_run_then_no_topic_of_the_log_is_written(no_sockets: None) -> None:
    world = Shop().play(45.0)
    before = {t: len(world.log.records(t)) for t in world.map.topics}
    what_if(world, {"ownership": {"resources": []}}, assume_answer_s=1)
    assert {t: len(world.log.records(t)) for t in world.map.topics} == before


def test_given_a_fresh_process_then_the_engine_of_what_if_loads_no_client_of_anything() -> None:
    program = (
        "import json, sys; import gateway.whatif.run, gateway.whatif.answer, gateway.whatif.report;"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert "processors.host.memory_merge" in loaded
    assert [m for m in loaded if m in CLIENTS] == []
