"""Committed records of topics for commands: the newest of a topic, or what came since a position.

Called by `dead-letters`, `dropped` and the demo. It reads only; it belongs to no consumer group.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.local.connections import connections
from processors.host.places import Place
from processors.host.reader import LogReader
from schemas import topology
from schemas.errors import MandateError
from schemas.record import Record

# A first fetch from a cold broker takes a second or two.
READ_SECONDS = 15.0
STEP_SECONDS = 0.5


@contextmanager
def reader(bootstrap: str | None = None) -> Iterator[LogReader]:
    """A reader of committed records, closed at the end. `bootstrap` None: MANDATE_KAFKA or the local
    stack's."""
    opened = LogReader(bootstrap or connections().kafka, name="mandate-cli")
    try:
        yield opened
    finally:
        opened.close()


def places(topic: str) -> tuple[Place, ...]:
    """Every partition of a topic, from topology.yaml."""
    return tuple(Place(topic, number) for number in range(topology.load().partitions(topic)))


def ends(topic: str, bootstrap: str | None = None) -> Mapping[Place, int]:
    """The next offset of every partition of a topic (committed records lie before it)."""
    with reader(bootstrap) as opened:
        return {place: end.stable for place, end in opened.ends(places(topic)).items()}


def since(positions: Mapping[Place, int], bootstrap: str | None = None) -> list[Record]:
    """All committed records from these positions up to the ends of now, per partition in order.

    Raises MandateError `topic_read_late` when they do not come within READ_SECONDS.
    """
    with reader(bootstrap) as opened:
        return _read(opened, positions)


def newest(topic: str, limit: int, bootstrap: str | None = None) -> list[Record]:
    """The newest `limit` committed records of a topic, oldest first (by append time)."""
    with reader(bootstrap) as opened:
        found = opened.ends(places(topic))
        # Markers count as offsets too, so twice as many are read of each partition and the newest kept.
        positions = {place: max(end.low, end.stable - 2 * limit) for place, end in found.items()}
        records = _read(opened, positions)
    return sorted(records, key=lambda r: (r.append_time, r.partition, r.offset))[-limit:]


def _read(opened: LogReader, positions: Mapping[Place, int]) -> list[Record]:
    goal = {place: end.stable for place, end in opened.ends(tuple(positions)).items()}
    opened.assign(dict(positions))
    out: list[Record] = []
    deadline = time.monotonic() + READ_SECONDS
    while any(opened.position(place) < goal[place] for place in goal):
        if time.monotonic() > deadline:
            raise MandateError(
                "topic_read_late",
                f"topic {next(iter(positions)).topic}",
                f"not read to its end within {READ_SECONDS:.0f} s",
                "See whether the broker is well: mandate status.",
            )
        out += opened.read(1_000, STEP_SECONDS).records
    return out
