"""What a processor gives depends on its input log alone: not on batches, ticks, or the order of Python's sets."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.host.places import Place
from processors.kernel.engine import Engine
from processors.kernel.room import Room
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import codec, topology
from schemas.errors import SchemaError
from schemas.record import Output, Record
from tests.golden.recording import files, read

ROOMS = {name: wired.room for name, wired in runnables(topology.load(), DECIDERS).items()}
DIGEST = """
import hashlib
from tests.properties.test_replay import ROOMS, busiest, played
digest = hashlib.sha256()
for name in sorted(ROOMS):
    for output in played(ROOMS[name], busiest(name), frozenset(), 2_000):
        digest.update(repr(output).encode())
print(digest.hexdigest())
"""


@cache
def busiest(name: str) -> tuple[Record, ...]:
    """The input of the partition with the most records in the newest golden log."""
    history = read(files()[-1]).history
    topic = ROOMS[name].input
    places = [Place(topic, partition) for partition in range(history.topics[topic])]
    kept = {place: history.records.get(place, []) for place in places}
    return tuple(kept[max(places, key=lambda place: len(kept[place]))])


@cache
def whole(name: str) -> list[Output]:
    """What it gives in one go."""
    return played(ROOMS[name], busiest(name), frozenset(), 1 << 30)


def played(room: Room, log: tuple[Record, ...], cuts: frozenset[int], budget: int) -> list[Output]:
    """Outputs of a log with a transaction's end before each index in `cuts`; at most `budget` firings each."""
    engine = Engine(room, log[0].partition)
    outputs: list[Output] = []
    for index, record in enumerate(log):
        if index in cuts:
            engine.flush(record.offset)
        while True:
            step = engine.advance(record, budget, redo=True)
            outputs += step.outputs
            if step.consumed:
                break
            engine.flush(record.offset)
    return outputs


def is_tick(room: Room, record: Record) -> bool:
    try:
        return codec.id_of(record.value) in room.tick_ids
    except SchemaError:
        return False


@pytest.mark.parametrize("name", ROOMS)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_batches_split_anywhere(name: str, data: st.DataObject) -> None:
    log = busiest(name)
    cuts = data.draw(st.frozensets(st.integers(0, len(log) - 1), max_size=60))
    assert played(ROOMS[name], log, cuts, data.draw(st.sampled_from([1, 3, 2_000]))) == whole(name)


@pytest.mark.parametrize("name", ROOMS)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_ticks_removed_or_doubled(name: str, data: st.DataObject) -> None:
    room, log = ROOMS[name], busiest(name)
    ticks = [i for i, r in enumerate(log) if is_tick(room, r)]
    removed = frozenset(data.draw(st.lists(st.sampled_from(ticks), unique=True))) if ticks else frozenset()
    doubled = data.draw(st.frozensets(st.integers(0, len(log) - 1), max_size=20))
    changed: list[Record] = []
    for index, record in enumerate(log):
        if index in doubled:
            value = room_tick(room)
            changed.append(Record(record.topic, record.partition, record.offset, record.append_time, None, value))
        if index not in removed:
            changed.append(record)
    outputs = played(room, tuple(changed), frozenset(), 2_000)
    # Dead letters name their record's place, and no timer may fire that only a removed tick at the end let fire.
    assert outputs == whole(name)[: len(outputs)]
    assert len(outputs) == len(whole(name)) or removed


def room_tick(room: Room) -> bytes:
    value = Engine(room, 0).tick().value
    assert value is not None
    return value


def test_two_hash_seeds_give_the_same_bytes() -> None:
    found = set()
    for seed in ("1", "4711"):
        done = subprocess.run(  # the seed is read when Python starts
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        found.add(done.stdout.strip())
    assert len(found) == 1
    assert len(found.pop()) == 64
