"""I7, I8, I9: nothing is left, nobody died of a bug, and the record is what today's code makes of the inputs."""

from __future__ import annotations

import threading

from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.host.transport import group_of
from schemas.errors import MandateError
from tests.simulation.facts import Facts


def check(facts: Facts, threads: int) -> None:
    """All of it; `threads` were there before the run."""
    facts.broken += [f"I8 {trouble}" for trouble in facts.town.troubles.found]
    facts.expect("I8 threads left behind", threads, threading.active_count())
    _lag(facts)
    _replay(facts)


def _lag(facts: Facts) -> None:
    for name, room in facts.town.rooms.items():
        offsets = facts.log.group(group_of(name), room.input).offsets
        for partition in range(facts.log.partitions(room.input)):
            place = Place(room.input, partition)
            end = facts.log.ends(place)
            facts.expect(f"I7 undecided transactions on {place}", end.high, end.stable)
            at = offsets.get(place, (end.low, ""))[0]
            left = facts.log.read(place, at, end.high)[0]
            if left:
                facts.broken.append(f"I7 {name}[{partition}] stands at {at}, {len(left)} records behind the end")


def _replay(facts: Facts) -> None:
    for name, room in facts.town.rooms.items():
        try:
            found = verify(room.room, facts.history, Window())
        except MandateError as error:
            facts.broken.append(f"I9 {name}: {error}")
            continue
        if found.first is not None:
            facts.broken.append(f"I9 {name}: {found.first}")
