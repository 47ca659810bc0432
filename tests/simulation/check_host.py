"""I7, I8, I9: nothing is left, nobody died of a bug, and the record is what today's code makes of the inputs."""

from __future__ import annotations

import threading
from collections import Counter

from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.host.transport import group_of
from processors.kernel.runnable import Runnable
from processors.kernel.sizes import DecideFailed
from schemas import codec
from schemas.errors import MandateError
from schemas.messages.kernel import DeadLetter, Progress, Tick
from schemas.record import Record
from tests.simulation.facts import Facts, shortened


def check(facts: Facts, threads: int) -> None:
    """All of it; `threads` were there before the run."""
    facts.broken += [f"I8 {trouble}" for trouble in facts.town.troubles.found]
    facts.expect("I8 threads left behind", threads, threading.active_count())
    _lag(facts)
    _replay(facts)
    _time(facts)
    _decidable(facts)
    if facts.town.stepping:
        return  # where log time was set back, a tick is an input like any other (KERNEL 13)
    for room in facts.town.rooms.values():
        try:
            _without_ticks(facts, room)
        except DecideFailed as failed:
            facts.broken.append(f"I9 {room.name} without ticks: {failed}")


def _time(facts: Facts) -> None:
    """I3: log time never goes back, whatever the broker's clock does and whoever owns a partition."""
    for name, room in facts.town.rooms.items():
        last: dict[int, int] = {}
        for record, progress in facts.of(room.changelog, Progress):
            if progress.last_now < last.get(record.partition, 0):
                facts.broken.append(f"I3 the log time of {name}[{record.partition}] went back at {progress.to}")
            last[record.partition] = progress.last_now


def _decidable(facts: Facts) -> None:
    """Nothing that was sent makes a processor raise."""
    for _, letter in facts.of("dead.letters", DeadLetter):
        if letter.code in ("decide_failed", "timer_failed"):
            facts.broken.append(f"I8 {letter.room}: {letter.code}: {letter.detail}")


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


# What was written, without its place: (topic, key, value, headers).
_Words = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
_TICKS = frozenset(codec.frame(number) for number in codec.schema_ids(Tick))
_ANY = 1 << 30


def _without_ticks(facts: Facts, room: Runnable) -> None:
    """I9: record by record, in one piece and without a tick, the inputs give the same bytes."""
    made: Counter[_Words] = Counter()
    for partition in range(facts.log.partitions(room.input)):
        engine, last = room.engine(partition), 0
        engine.ready()
        for record in facts.history.records.get(Place(room.input, partition), ()):
            last = max(last, record.append_time)
            if record.value is not None and record.value[: codec.PREFIX_BYTES] in _TICKS:
                continue
            made.update((o.topic, o.key, o.value, o.headers) for o in engine.advance(record, _ANY).outputs)
        end = Record(room.input, partition, 1 << 40, last, None, codec.encode(Tick()))
        made.update((o.topic, o.key, o.value, o.headers) for o in engine.advance(end, _ANY).outputs)
    written: Counter[_Words] = Counter()
    for topic in room.outputs:
        for r in facts.records(topic):
            if facts.log.author(Place(topic, r.partition), r.offset).startswith(f"mandate-{room.name}-"):
                written[r.topic, r.key, r.value, r.headers] += 1
    if made != written:
        missing, extra = list((made - written).elements()), list((written - made).elements())
        facts.broken.append(
            f"I9 {room.name} without ticks: {len(missing)} not written {shortened(missing[:1])}, "
            f"{len(extra)} written all the same {shortened(extra[:1])}"
        )
