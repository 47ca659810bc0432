"""Fills a version of a read model from a history: place after place, in large batches, each with its positions.

A place from its beginning to its end, because a read model's rows depend on one place's order only (a tenant's events
are on one partition), and because a history is read fastest in long stretches. With more than one hand, places are
filled side by side: while one waits for the store, the other makes rows. Killed, it goes on from the positions.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
# Threads of a rebuild: one makes rows (Python, one core) while the other's are taken by Postgres (another core).
HANDS = 2
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


@dataclass(frozen=True, slots=True)
class Hand:
    """What one thread fills with: a store and a history of its own."""

    store: Store
    history: History


def removed_tenants(history: History, places: Sequence[Place]) -> frozenset[str]:
    """Whose records were taken out of a history on purpose: a rebuilt read model has fewer rows of theirs."""
    asked: Callable[[Sequence[Place]], frozenset[str]] = getattr(history, "removed_tenants", lambda _: frozenset())
    return asked(places)


class Filling:
    """One version being filled. `said` is called after every batch, by whoever wrote it, one at a time.

    `more` hands help with long stretches; the first one's store and history are asked for everything else.
    """

    def __init__(self, projection: str, store: Store, history: History, said: Said, more: Sequence[Hand] = ()) -> None:
        self._projection = projection
        self._store = store
        self._history = history
        self._hands = (Hand(store, history), *more)
        self._said = said
        self._lock = threading.Lock()
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
        stored = self._store.positions()
        left = {place: (stored[place], end) for place, end in sorted(goal.items()) if stored[place] < end}
        total = sum(end - start for start, end in left.values())
        work = _Work(left, total)
        if total <= HELD_MAX or len(self._hands) == 1:
            self._fill(self._hands[0], work, step)
            return
        for hand in self._hands[1:]:
            hand.store.positions()
        with ThreadPoolExecutor(len(self._hands), "filling") as threads:
            done = [threads.submit(self._fill, hand, work, step) for hand in self._hands]
            try:
                for each in done:
                    each.result()
            except BaseException:  # a Ctrl-C too: the batches in hand are ended, no more are begun
                work.stopped = True
                raise

    def _fill(self, hand: Hand, work: _Work, step: str) -> None:
        try:
            while (one := work.take()) is not None:
                place, start, end = one
                for records, after in batches(hand.history, place, start, end):
                    if work.stopped:
                        return
                    hand.store.write(records, {place: start}, {place: after})
                    with self._lock:
                        work.done += after - start
                        self.rows += len(records)
                        self.say(step, work.done, work.total)
                    start = after
        except BaseException:
            work.stopped = True
            raise

    def say(self, step: str, done: int = 0, total: int = 0) -> None:
        """Tell how far it is."""
        self._said(Moment(self._projection, step, done, total, self.rows, time.monotonic() - self._began))


class _Work:
    """Places that are still to be filled, taken by one hand each; `stopped` when one of them failed."""

    def __init__(self, left: Mapping[Place, tuple[int, int]], total: int) -> None:
        self._left = deque((place, start, end) for place, (start, end) in left.items())
        self.total = total
        self.done = 0
        self.stopped = False

    def take(self) -> tuple[Place, int, int] | None:
        """A place with its stretch, or None: all are taken."""
        try:
            return None if self.stopped else self._left.popleft()
        except IndexError:
            return None


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
