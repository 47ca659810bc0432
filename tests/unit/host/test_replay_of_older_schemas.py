"""A log that was written before a message got its newest fields is replayed in the versions that it names."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.kernel.engine import PROGRESS_KEY
from schemas import codec, registry
from schemas.messages.incidents import IncidentOpened, IncidentStateChanged
from schemas.messages.kernel import Progress
from schemas.record import Record
from tests.support.histories import ListHistory, recorded
from tests.support.world import World

PROGRESS = codec.Words((Progress,))


def test_outputs_are_written_as_the_build_of_that_day_wrote_them() -> None:
    first, *_, newest = registry.versions("incidents", "IncidentOpened")
    assert first.id < newest.id
    world = World()
    with codec.writing_as(newest.id - 1):
        world.fail("agent-1", "call", "res-1", "Timeout", "no answer")
        world.run_to(3)
    # From here today's build goes on.
    world.fail("agent-1", "call", "res-2", "Timeout", "no answer")
    world.run_to(6)
    opened = [
        r for r in world.log.records("incidents.events") if codec.id_of(r.value) in codec.schema_ids(IncidentOpened)
    ]
    assert codec.id_of(opened[0].value) < codec.id_of(opened[1].value) == newest.id
    history = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})
    _named(history, newest.id - 1)
    for name in ("signals", "incidents", "notifications"):
        found = verify(world.rooms[name].room, history, Window())
        assert found.first is None, name
        assert found.equal == found.events > 0


def _named(history: ListHistory, highest: int) -> None:
    """Let every Progress that names no schemas name these, as if the field were older than they are."""
    for place in list(history.records):
        for record in list(history.records[place]):
            if record.key != PROGRESS_KEY:
                continue
            progress = PROGRESS.decode(record.value)
            if not progress.schemas:
                value = codec.encode(replace(progress, schemas=highest))
                history.change(place, record.offset, partial(_with, value))


def _with(value: bytes, record: Record) -> Record:
    return record._replace(value=value)


def test_a_log_from_before_progress_named_them_is_written_as_the_last_such_build_did() -> None:
    named = registry.versions("kernel", "Progress")[1].id
    world = World()
    with codec.writing_as(named - 1):
        world.fail("agent-1", "call", "res-1", "Timeout", "no answer")
        world.run_to(3)
    history = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})
    assert verify(world.rooms["incidents"].room, history, Window()).first is None


def test_a_word_that_the_build_of_that_day_did_not_know_is_written_as_today_and_so_differs() -> None:
    first, *_, newest = registry.versions("incidents", "IncidentStateChanged")
    known = IncidentStateChanged("shop", bytes(16), 1, "investigating", "resolved", "alice", "it is over", 1_000)
    with codec.writing_as(first.id):
        assert codec.id_of(codec.encode(known)) == first.id
        assert codec.id_of(codec.encode(replace(known, after="postmortem"))) == newest.id
