"""Fills a version of a read model from a history: place after place, in large batches, each with its positions.

One place after the other, because a read model's rows depend on one place's order only (a tenant's events are on one
partition), and because a history is read fastest in long stretches. Killed, it goes on from the stored positions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from processors.host.history import History
from processors.host.places import Place
from projections.errors import NotReady, Refused
from projections.store import Store
from schemas.record import Record

# Four times the runner's: commits and upserts of mutable rows cost less of each row. At 250 bytes it is 5 MB.
BATCH_RECORDS = 20_000
# Values of one batch; packed for COPY they are in memory twice.
BATCH_BYTES = 16_777_216
# What is filled while the serving one waits: some 30 ms at 60,000 rows/s.
HELD_MAX = 2_000
# A read model that moves on faster than it is filled: after this many rounds a person must say what to do.
ROUNDS_MAX = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a rebuild is. `done` and `total` count positions of the log (markers are positions), `rows` records."""

    projection: str
    step: str
    done: int = 0
    total: int = 0
    rows: int = 0
    seconds: float = 0.0


Said = Callable[[Moment], None]


class Filling:
    """One version being filled. `said` is called after every batch."""

    def __init__(self, projection: str, store: Store, history: History, said: Said) -> None:
        self._projection = projection
        self._store = store
        self._history = history
        self._said = said
        self._began = time.monotonic()
        self.rows = 0

    def begin(self, places: list[Place]) -> None:
        """A first position where the history begins, for places without one; refuse one that it has lost.

        Raises Refused `rebuild_position_lost`.
        """
        lows = {place: self._history.bounds(place)[0] for place in places}
        stored = self._store.positions()
        missing = {place: low for place, low in lows.items() if place not in stored}
        if missing:
            self._store.begin(missing)
        for place, at in stored.items():
            if at < lows.get(place, 0):
                raise Refused(
                    "rebuild_position_lost",
                    f"the version beside {self._projection} at {place.topic}[{place.partition}]",
                    f"it stands at {at}, what is kept begins at {lows[place]}",
                    "It is thrown away and built anew by the next `mandate rebuild`.",
                )

    def comparable(self, serving: Mapping[Place, int], accept: bool) -> bool:
        """Whether both can stand at the serving one's positions. Raises Refused `rebuild_from_archive` unless `accept`.

        Its process has stopped then: the log has lost what it needs, and the history at hand does not reach back.
        """
        for place, at in sorted(serving.items()):
            low = self._history.bounds(place)[0]
            if at < low and not accept:
                raise Refused(
                    "rebuild_from_archive",
                    f"read model {self._projection} at {place.topic}[{place.partition}]",
                    f"it stands at {at}, what is kept begins at {low}: the two cannot be compared",
                    "Rebuild from an archive that reaches back; or take what there is with --accept-difference:"
                    f" then nothing from before {low} is in it.",
                )
            if at < low:
                return False
        return True

    def to_end(self, places: Sequence[Place]) -> None:
        """Write everything that is kept as of now."""
        self.to({place: self._history.bounds(place)[1] for place in places})

    def near(self, serving: Callable[[], Mapping[Place, int]]) -> None:
        """Fill until little is left to where the serving one stands. Raises NotReady `rebuild_too_slow`."""
        for _ in range(ROUNDS_MAX):
            goal, stored = serving(), self._store.positions()
            if sum(max(0, at - stored[place]) for place, at in goal.items()) <= HELD_MAX:
                return
            self.to(goal)
        raise NotReady(
            "rebuild_too_slow",
            f"read model {self._projection}",
            f"after {ROUNDS_MAX} rounds it is still further behind than {HELD_MAX} records",
            "Run it when less comes in.",
        )

    def to(self, goal: Mapping[Place, int], step: str = "filling") -> None:
        """Write everything before the goal. Raises MandateError of the history, and what the store raises."""
        stored = dict(self._store.positions())
        total = sum(max(0, at - stored[place]) for place, at in goal.items())
        left = total
        for place, end in sorted(goal.items()):
            for records, after in batches(self._history, place, stored[place], end):
                self._store.write(records, {place: stored[place]}, {place: after})
                left -= after - stored[place]
                stored[place] = after
                self.rows += len(records)
                self.say(step, total - left, total)

    def say(self, step: str, done: int = 0, total: int = 0) -> None:
        """Tell how far it is."""
        self._said(Moment(self._projection, step, done, total, self.rows, time.monotonic() - self._began))


def batches(history: History, place: Place, start: int, end: int) -> Iterator[tuple[list[Record], int]]:
    """Records of a stretch in batches, each with the position after it; the last one is `end`, whatever lies there."""
    if start >= end:
        return
    batch: list[Record] = []
    size = 0
    for record in history.read(place, start, end):
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch, batch[-1].offset + 1
            batch, size = [], 0
        batch.append(record)
        size += len(record.value or b"")
    yield batch, end
