"""Poison is written straight to `actions.raw`: each becomes what its table says, its neighbours go on, nothing stops.

On the log in memory with the real loops, processors and the timeline's projection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from projections.reading import understand
from projections.timeline.project import TIMELINE, project
from projections.timeline.queries import whole
from schemas import ids
from schemas.head import read_head
from schemas.messages.kernel import DeadLetter
from schemas.record import Output, header
from tests.support.poisons import NOON, RECORDS, TENANT
from tests.support.world import World

DEAD = [name for name, poison in RECORDS.items() if poison.code is not None]
SHOWN = [name for name, poison in RECORDS.items() if poison.code is None]


class Poisoned:
    """A world that has taken all of them, each between two neighbours of the same actor."""

    def __init__(self) -> None:
        world = World(TENANT)
        world.clock.step(NOON - world.clock.wall_ms())
        self.places: dict[str, tuple[int, int]] = {}
        self.neighbours: set[bytes] = set()
        for name, poison in RECORDS.items():
            self.neighbours.add(world.act("poison", "charge", "payments"))
            placed = world.log.append(Output("actions.raw", None, poison.key, poison.value, poison.headers))
            self.places[name] = (placed.partition, placed.offset)
        self.neighbours.add(world.act("poison", "charge", "payments"))
        world.run_to(60.0)
        self.world = world
        self.letters = {(x.topic, x.partition, x.offset): x for x in world.said("dead.letters", DeadLetter)}
        self.ordered = {read_head(r.value).event_id: r for r in world.log.records("actions.ordered") if r.value}
        said, self.rejected = understand(world.log.records("actions.ordered"), {"actions.ordered": "actions"})
        rows = [dict(zip(TIMELINE.names, row, strict=True)) for row in project(said).timeline]
        self.rows = {row["event_id"]: row for row in rows}


@pytest.fixture(scope="module")
def poisoned() -> Poisoned:
    """All at once: what stops on one stops all."""
    return Poisoned()


def test_every_neighbour_goes_on(poisoned: Poisoned) -> None:
    assert poisoned.neighbours <= set(poisoned.rows)
    assert not poisoned.rejected
    assert len(poisoned.rows) == len(poisoned.neighbours) + len(SHOWN) + len([n for n in DEAD if passes(n)])
    for name, loop in poisoned.world.loops.items():
        assert loop.ready, name


def passes(name: str) -> bool:
    """It is dead further on, and has a row all the same."""
    return RECORDS[name].processor != "dedup"


@pytest.mark.parametrize("name", DEAD)
def test_what_cannot_be_read_is_a_dead_letter_with_its_bytes(poisoned: Poisoned, name: str) -> None:
    poison = RECORDS[name]
    at = ("actions.raw", *poisoned.places[name])
    if passes(name):
        assert poison.value is not None
        record = poisoned.ordered[read_head(poison.value).event_id]
        at = (record.topic, record.partition, record.offset)
    letter = poisoned.letters.pop(at)
    assert (letter.room, letter.code) == (poison.processor, poison.code)
    assert letter.original == poison.value
    assert letter.original_length == len(poison.value or b"")
    assert letter.detail


@pytest.mark.parametrize("name", [*SHOWN, *filter(passes, DEAD)])
def test_what_can_be_read_is_shown_and_flagged(poisoned: Poisoned, name: str) -> None:
    poison = RECORDS[name]
    assert poison.value is not None
    head = read_head(poison.value)
    row = poisoned.rows[head.event_id]
    assert row["original"] == poison.value
    assert ("actions.raw", *poisoned.places[name]) not in poisoned.letters
    moment = datetime.fromtimestamp(row["append_time"] / 1000, UTC)
    shown: dict[str, Any] = whole(row | {"event_id": ids.text(row["event_id"]), "processed_at": moment})
    assert set(shown["flags"]) == set(poison.flags)
    assert shown["timestamp"].endswith("Z")


def test_a_verdict_of_the_sender_reaches_nobody(poisoned: Poisoned) -> None:
    value = RECORDS["verdicts that the sender says itself"].value
    assert value is not None
    assert header(poisoned.ordered[read_head(value).event_id].headers, "flags") is None
