"""Tells records that wait in an input from transaction markers at its end, which no processor commits past.

A processor's committed position is one after the last record that it decided. Behind that record lie the marker of its
transaction and, after a crash, aborted records: nothing that anybody waits for, yet the input's end is beyond the
position for as long as nothing new comes. Only reading tells the two apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from processors.host.places import Place
from processors.host.reader import Batch

Standing = Mapping[str, Mapping[Place, int | None]]

# A processor that works moves between two looks; only one that stands is worth reading behind.
STOOD_LOOKS = 2
# All of a look's reading; what it did not reach stays behind and is read again a second later.
READ_S = 1.0


class Reader(Protocol):
    """What is needed of `processors.host.reader.LogReader`."""

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read exactly these places from there on."""

    def read(self, limit: int, seconds: float) -> Batch:
        """Some records, or positions that passed markers."""

    def close(self) -> None:
        """Leave."""


class Tails:
    """Remembers which positions stand before nothing but markers. Used by one thread."""

    def __init__(self, reader: Callable[[], Reader], clock: Callable[[], float] = time.monotonic) -> None:
        self._open = reader
        self._reader: Reader | None = None
        self._clock = clock
        self._stood: dict[Place, tuple[int, int]] = {}  # position, looks since
        self._passed: dict[Place, tuple[int, int]] = {}  # position, and how far behind it there is no record

    def passed(self, committed: Standing, ends: Mapping[Place, int]) -> Standing:
        """The positions, moved over what holds no record. Raises MandateError when the broker cannot be read."""
        waiting: dict[Place, int | None] = {}
        for places in committed.values():
            for place, at in places.items():
                if at is None:
                    continue
                before, looks = self._stood.get(place, (at, 0))
                self._stood[place] = (at, looks + 1 if before == at else 1)
                if (
                    at < ends.get(place, 0)
                    and self._stood[place][1] >= STOOD_LOOKS
                    and self._over(place, at) < ends[place]
                ):
                    waiting[place] = self._over(place, at)
        if waiting:
            self._read(waiting, ends)
        return {
            name: {place: None if at is None else self._over(place, at) for place, at in places.items()}
            for name, places in committed.items()
        }

    def close(self) -> None:
        """Leave; `passed` may not be called again."""
        if self._reader is not None:
            self._reader.close()

    def _over(self, place: Place, at: int) -> int:
        position, over = self._passed.get(place, (at, at))
        return over if position == at else at

    def _read(self, waiting: dict[Place, int | None], ends: Mapping[Place, int]) -> None:
        if self._reader is None:
            self._reader = self._open()
        self._reader.assign(waiting)
        open_ = set(waiting)
        deadline = self._clock() + READ_S
        while open_ and (left := deadline - self._clock()) > 0:
            batch = self._reader.read(1, left)
            open_ -= {Place(record.topic, record.partition) for record in batch.records}
            for place in open_ & set(batch.positions):
                self._passed[place] = (self._stood[place][0], batch.positions[place])
                if batch.positions[place] >= ends[place]:
                    open_.discard(place)
