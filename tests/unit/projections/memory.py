"""A log and a store in memory with the runner's interfaces, and faults at every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from processors.host.history import check_bounds
from processors.host.places import Ends, Place
from processors.host.reader import Batch
from projections.errors import PositionLost
from schemas.record import Record

# Nothing waits here, so a test that never stops would spin.
IDLE_MAX = 1_000


class Boom(Exception):
    """The process died here."""


class MemoryLog:
    """Committed records by place. `ends` counts markers and aborted records too; `lows` what retention has taken."""

    def __init__(self, *places: Place) -> None:
        self.records: dict[Place, list[Record]] = {place: [] for place in places}
        self.ends: dict[Place, int] = dict.fromkeys(places, 0)
        self.lows: dict[Place, int] = dict.fromkeys(places, 0)

    def add(self, records: Sequence[Record], markers: int = 0) -> None:
        """Append committed records (their offsets are theirs), then this many markers."""
        for record in records:
            place = Place(record.topic, record.partition)
            self.records[place].append(record)
            self.ends[place] = record.offset + 1
        for place in {Place(r.topic, r.partition) for r in records}:
            self.ends[place] += markers


class MemoryHistory:
    """A MemoryLog as a History: what rebuild, replay and reconcile read."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def partitions(self, topic: str) -> int:
        """Its partitions."""
        return sum(place.topic == topic for place in self._log.records)

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept offset and the end."""
        return self._log.lows[place], self._log.ends[place]

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Records of a stretch; refused outside what is kept."""
        if start < end:
            check_bounds(place, start, end, self.bounds(place))
        yield from [r for r in self._log.records[place] if start <= r.offset < end]


class MemorySource:
    """A reader of a MemoryLog that gives at most `most` records a read."""

    def __init__(self, log: MemoryLog, most: int = 1_000) -> None:
        self._log = log
        self._most = most
        self._at: dict[Place, int] = {}
        self._idle = 0
        self.closed = False

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read from here."""
        self._at = {place: at if at is not None else self._log.lows[place] for place, at in positions.items()}

    def read(self, limit: int, seconds: float) -> Batch:
        """What is there; a place that is read to its end passes its markers."""
        left = min(limit, self._most)
        taken: list[Record] = []
        before: dict[Place, int] = {}
        after: dict[Place, int] = {}
        for place, at in self._at.items():
            beyond = [r for r in self._log.records[place] if r.offset >= at]
            mine = beyond[:left]
            left -= len(mine)
            taken += mine
            position = self._log.ends[place] if len(mine) == len(beyond) else mine[-1].offset + 1 if mine else at
            if position != at:
                before[place], after[place] = at, position
        self._at.update(after)
        self._idle = 0 if after else self._idle + 1
        assert self._idle < IDLE_MAX, "the test waits for records that never come"
        return Batch(tuple(taken), before, after)

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """Where the log begins and ends."""
        return {p: Ends(self._log.lows[p], self._log.ends[p], self._log.ends[p]) for p in places}

    def lag(self) -> Mapping[Place, int]:
        """Records not yet read."""
        return {place: self._log.ends[place] - at for place, at in self._at.items()}

    def close(self) -> None:
        """Leave."""
        self.closed = True


class Patient(MemorySource):
    """A reader that may be idle for as long as a test looks at other things."""

    def read(self, limit: int, seconds: float) -> Batch:
        """As the other, but nothing that never comes is an error."""
        self._idle = 0
        return super().read(limit, seconds)


class MemoryStore:
    """Transactional: rows and positions change together. `faults[step]` = how often to die there.

    Steps: open, positions, moved (positions moved, rows not), rows (both, not committed), committed.
    """

    def __init__(self, faults: Mapping[str, int] | None = None) -> None:
        self.rows: list[Record] = []
        self.stored: dict[Place, int] = {}
        self.faults = Counter(faults or {})
        self.writes = 0
        self.after_write: Callable[[], None] = lambda: None
        self.before_write: Callable[[], None] = lambda: None
        self.error: type[Exception] = Boom

    def _step(self, name: str) -> None:
        if self.faults[name] > 0:
            self.faults[name] -= 1
            raise self.error(name)

    def open(self) -> None:
        """Connect."""
        self._step("open")

    def positions(self) -> Mapping[Place, int]:
        """Stored positions."""
        self._step("positions")
        return dict(self.stored)

    def begin(self, lows: Mapping[Place, int]) -> None:
        """First positions."""
        self.stored = {**lows, **self.stored}

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Compare, move, append; all or nothing."""
        self.before_write()
        if any(self.stored[place] != at for place, at in before.items()):
            raise PositionLost("position_lost", "a test", "moved", "read again")
        self._step("moved")
        rows = [*self.rows, *records]
        self._step("rows")
        self.rows, self.stored = rows, {**self.stored, **after}
        self.writes += 1
        self.after_write()
        self._step("committed")
        return 0

    def close(self) -> None:
        """Disconnect."""
