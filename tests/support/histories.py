"""Histories for tests: what a log in memory holds, kept as lists that a test may damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from processors.host.errors import Fatal
from processors.host.history import check_bounds
from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from schemas.record import Record


@dataclass
class ListHistory:
    """Records by place, ascending, and each place's end (behind the markers)."""

    topics: Mapping[str, int]
    records: dict[Place, list[Record]]
    ends: dict[Place, int]
    lows: dict[Place, int] = field(default_factory=dict)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        if topic not in self.topics:
            raise Fatal("topic_missing", topic, "nobody recorded it", "Name another.")
        return self.topics[topic]

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept offset and the end."""
        return self.lows.get(place, 0), self.ends.get(place, 0)

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Records with start <= offset < end."""
        if start < end:
            check_bounds(place, start, end, self.bounds(place))
        yield from (r for r in self.records.get(place, ()) if start <= r.offset < end)

    def change(self, place: Place, offset: int, change: Callable[[Record], Record]) -> None:
        """Put another record in the place of one."""
        self.records[place] = [change(r) if r.offset == offset else r for r in self.records[place]]

    def drop(self, place: Place, *offsets: int) -> None:
        """Take records away."""
        self.records[place] = [r for r in self.records[place] if r.offset not in offsets]

    def of(self, topic: str) -> list[Record]:
        """All records of a topic, by partition and offset."""
        return [r for p in range(self.topics[topic]) for r in self.records.get(Place(topic, p), ())]


def recorded(log: MemoryLog, topics: Mapping[str, int]) -> ListHistory:
    """What a log in memory holds now."""
    places = [Place(topic, p) for topic, count in topics.items() for p in range(count)]
    ends = {place: log.ends(place) for place in places}
    records = {place: log.read(place, ends[place].low, ends[place].stable)[0] for place in places}
    return ListHistory(
        dict(topics),
        records,
        {place: e.stable for place, e in ends.items()},
        {place: e.low for place, e in ends.items()},
    )


def flipped(record: Record, at: int = -1) -> Record:
    """The record with one bit of its value's byte `at` changed."""
    value = bytearray(record.value or b"")
    value[at] ^= 1
    return record._replace(value=bytes(value))
