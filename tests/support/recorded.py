"""The log of a world on virtual time as a history: what it says of itself is a record like any other."""

from __future__ import annotations

from collections.abc import Iterator

from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from schemas.record import Record

BATCH = 10_000


class MemoryHistory:
    """A `History` of a MemoryLog."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return self._log.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept offset, last stable offset."""
        low, stable, _ = self._log.ends(place)
        return low, stable

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end."""
        position = start
        while position < end:
            records, position = self._log.read(place, position, BATCH)
            if not records:
                return
            yield from (r for r in records if r.offset < end)
