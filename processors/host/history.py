"""History: what topics held, read again. One contract over whatever keeps it: a live broker, an archive, both.

Called by replay, what-if, rebuild and reconcile, which take a `History` and do not care which one. It reads only, joins
no group and commits nothing.

    history.partitions("actions.raw")        -> 6
    history.bounds(Place("actions.raw", 0))  -> (0, 1234)     first kept offset, end after the last committed record
    history.read(place, 0, 1234)             -> records, ascending

Offsets inside the bounds may be missing: transaction markers, aborted records, and what compaction took from a
changelog (an archive that was there in time has it still). What must not be missing raises.
A history from which records may have been taken out on purpose has `removed(place, start, end) -> bool` as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from processors.host import client
from processors.host.admin import Admin
from processors.host.errors import Fatal
from processors.host.places import Place
from processors.host.reader import Batch, LogReader
from schemas.errors import MandateError
from schemas.record import Record

# A first fetch from a cold broker takes a second or two; a broker that gives nothing for this long is away.
SILENT_SECONDS = 30.0
STEP_SECONDS = 0.5
# Records a step; at 512 KB each it is the reader's fetch queue (4 MB) that bounds memory.
STEP_RECORDS = 2_000
# Readers kept for the next `read`. Replay reads an input, its changelog and some outputs side by side: one each.
READERS_MAX = 32


class History(Protocol):
    """Committed records of topics by place. Several `read`s may be open side by side, in one thread."""

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises MandateError when there is no such topic."""

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept offset, and the end after the last committed record. Equal: nothing is kept."""

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end, ascending.

        Raises MandateError with a stable code, naming place and position: `history_begins_later` (start lies below what
        is kept), `history_ends_earlier` (end lies above it), `history_hole` (a stretch is missing),
        `history_silent` (the broker gives nothing). Bounds are asked when the first record is.
        """


@runtime_checkable
class Timed(Protocol):
    """A history that finds a time without reading. Others are searched by halves (`since`)."""

    def since(self, place: Place, time_ms: int) -> int:
        """The first offset whose record was appended at this time or later; the end when there is none."""


def since(history: History, place: Place, time_ms: int) -> int:
    """The first offset from which records were appended at `time_ms` or later, as far as append times ascend."""
    if isinstance(history, Timed):
        return history.since(place, time_ms)
    low, end = history.bounds(place)
    high = end
    while low < high:
        middle = (low + high) // 2
        found = next(history.read(place, middle, end), None)
        if found is None or found.append_time >= time_ms:
            high = middle
        else:
            low = found.offset + 1
    return low


class _Reads(Protocol):
    """What is needed of `LogReader`."""

    def position(self, place: Place) -> int: ...

    def read(self, limit: int, seconds: float) -> Batch: ...


class LogHistory:
    """A history of what a live broker still keeps. One thread; close it."""

    def __init__(self, bootstrap: str, *, security: client.Security | None = None) -> None:
        self._admin = Admin(bootstrap, security=security)
        self._new: Callable[[], LogReader] = lambda: LogReader(bootstrap, name="history", security=security)
        self._idle: list[LogReader] = []
        self._counts: dict[str, int] = {}

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises Fatal `topic_missing`, Transient."""
        if topic not in self._counts:
            found: Mapping[str, int] = self._admin.partitions([topic])
            if topic not in found:
                raise Fatal("topic_missing", topic, "the broker has no such topic", "Run `mandate topology apply`.")
            self._counts[topic] = found[topic]
        return self._counts[topic]

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept offset and the last stable offset, asked now. Raises Fatal `topic_missing`, Transient."""
        ends = self._admin.ends([place])[place]
        return ends.low, ends.stable

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end, ascending; see History. A log knows no holes."""
        if start >= end:
            return
        check_bounds(place, start, end, self.bounds(place))
        reader = self._idle.pop() if self._idle else self._opened()
        try:
            reader.assign({place: start})
            yield from _records(reader, place, end)
        finally:
            if len(self._idle) < READERS_MAX:
                self._idle.append(reader)
            else:
                reader.close()

    def since(self, place: Place, time_ms: int) -> int:
        """As Timed says, asked of the broker."""
        low, stable = self.bounds(place)
        found = self._admin.since(place, time_ms)
        return stable if found is None else min(max(low, found), stable)

    def _opened(self) -> LogReader:
        reader = self._new()
        reader.warm()
        return reader

    def close(self) -> None:
        """Leave. It cannot be used again."""
        for reader in self._idle:
            reader.close()
        self._idle = []
        self._admin.close()


def check_bounds(place: Place, start: int, end: int, bounds: tuple[int, int]) -> None:
    """Refuse a stretch that is not all kept. Raises MandateError `history_begins_later`, `history_ends_earlier`."""
    where = f"{place.topic}[{place.partition}]"
    low, high = bounds
    if start < low:
        raise MandateError(
            "history_begins_later",
            f"{where}@{start}",
            f"what is kept begins at {low}",
            "Begin later, or read from an archive that reaches further back.",
        )
    if end > high:
        raise MandateError(
            "history_ends_earlier",
            f"{where}@{end}",
            f"what is kept ends before {high}",
            "Ask for what has been committed; check that this is the right broker or archive.",
        )


def _records(reader: _Reads, place: Place, end: int) -> Iterator[Record]:
    silent_since = time.monotonic()
    while reader.position(place) < end:
        batch = reader.read(STEP_RECORDS, STEP_SECONDS)
        if batch.positions:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > SILENT_SECONDS:
            raise MandateError(
                "history_silent",
                f"{place.topic}[{place.partition}]@{reader.position(place)}",
                f"nothing came for {SILENT_SECONDS:.0f} s",
                "See whether the broker is well: mandate status.",
            )
        for record in batch.records:
            if record.offset >= end:
                return
            yield record
