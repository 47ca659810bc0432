"""A run that died had gathered what it had not published: the next one publishes it when it has read it, not a minute
later, and what comes after that waits for company as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from processors.host.memory import MemoryReader
from processors.host.places import Place
from projections.archive.project import Columns
from projections.archive.store import FLUSH_SECONDS, ArchiveStore, Gathering
from schemas.record import Output
from tests.support.archived import MAP, MemoryLedger, World

TOPICS = {"actions.raw": 2, "effects.requests": 1}


class Run:
    """One run over the world, as the runner drives it; its clock is the test's."""

    def __init__(self, world: World) -> None:
        self.now = 0.0
        self._world = world
        ledger = MemoryLedger(world.shared)
        self.store = ArchiveStore(ledger, world.files, Columns(MAP), clock=lambda: self.now, wall=lambda: 0.0)
        self.store.open()
        self._source = Gathering(MemoryReader(world.log), self.store)
        ends = self._source.ends(world.places)
        if not self.store.positions():
            self.store.begin({place: ends[place].low for place in world.places})
        self._source.assign(dict(self.store.positions()))

    def read(self, limit: int = 100) -> None:
        batch = self._source.read(limit, 0.0)
        if batch.positions:
            self.store.write(batch.records, batch.before, batch.positions)

    @property
    def published(self) -> int:
        return sum(entry.records or 0 for entry in self._world.shared.entries)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, TOPICS)


def add(world: World, count: int) -> None:
    for n in range(count):
        world.log.append(Output("actions.raw", n % 2, b"t/a", b"x"))


def test_what_was_on_the_log_at_the_start_is_published_as_soon_as_it_is_read(world: World) -> None:
    died = Run(world)
    add(world, 6)
    died.read()
    assert died.published == 0
    run = Run(world)
    run.read()
    run.read()
    assert run.published == 6


def test_not_before_all_of_it_is_read(world: World) -> None:
    add(world, 6)
    run = Run(world)
    for _ in range(3):
        run.read(2)
        assert run.published == 0
    run.read(2)
    assert run.published == 6


def test_only_once_and_then_by_age(world: World) -> None:
    add(world, 2)
    run = Run(world)
    run.read()
    run.read()
    add(world, 2)
    run.read()
    run.read()
    assert run.published == 2
    run.now = FLUSH_SECONDS
    run.read()
    assert run.published == 4


def test_a_log_without_anything_to_catch_up_with_gives_no_file(world: World) -> None:
    run = Run(world)
    run.read()
    add(world, 2)
    run.read()
    run.read()
    assert run.published == 0
    assert world.log.ends(Place("actions.raw", 0)).stable == 1
