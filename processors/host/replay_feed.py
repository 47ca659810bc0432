"""One input partition of one processor, run again through today's code in the recorded transactions.

Called by replay.py, one step (a recorded transaction) at a time. The engine is the one that the host runs. What was
recorded as failed is not tried again (KERNEL 14); where a transaction ended between two firings, it ends there again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from processors.host.history import History
from processors.host.lists import lists_of
from processors.host.places import Place
from processors.host.replay_log import Failures, Transaction, failing, restored, transactions
from processors.host.replay_match import Difference, Totals
from processors.kernel.engine import PROGRESS_KEY, Advance, DecideFailed, Engine
from processors.kernel.room import Room
from schemas import codec, registry
from schemas.errors import MandateError
from schemas.messages.kernel import Progress
from schemas.record import Output, Record

# Records fed before other partitions get their turn where no transaction says how many; as in a host's batch.
STEP_RECORDS = 2_000
# Firings before one record: everything that is due. A number, because the engine wants a budget.
ALL_FIRINGS = 1 << 30
FOREVER = 1 << 62

# partition, offset of the first record that may be the cause, log time of the last, outputs, whether they must have a
# record, whether a difference is declared
Sink = Callable[[int, int, int, Sequence[Output], bool, bool], None]
_PROGRESS = codec.Words((Progress,))
_offset = attrgetter("offset")


@dataclass(frozen=True, slots=True)
class Window:
    """From the last Progress with last_now <= `since` (None: the beginning) to the last with last_now <= `until`."""

    since: int | None = None
    until: int | None = None


class _Input:
    """Input records in order, with one to look ahead."""

    def __init__(self, lists: Iterator[Sequence[Record]]) -> None:
        self._lists = lists
        self._records: Sequence[Record] = next(lists, ())
        self._at = 0

    @property
    def head(self) -> Record | None:
        """The next record."""
        return self._records[self._at] if self._records else None

    def take(self, to: int, limit: int) -> Sequence[Record]:
        """The next records before offset `to`, at most `limit`."""
        taken: list[Record] = []
        while self._records and len(taken) < limit:
            records, at = self._records, self._at
            stop = min(len(records), at + limit - len(taken))
            if records[stop - 1].offset >= to:
                stop = bisect_left(records, to, at, stop, key=_offset)
            taken += records[at:stop]
            if stop < len(records):
                self._at = stop
                break
            self._records, self._at = next(self._lists, ()), 0
        return taken


class Feed:
    """One partition. `key` says at which log time its next step belongs; None: nothing is left."""

    def __init__(
        self,
        room: Room,
        partition: int,
        history: History,
        window: Window,
        failures: Failures,
        changelog_end: int,
        totals: Totals,
        careful: bool = False,
    ) -> None:
        self.partition = partition
        # Record by record, which is slower and says exactly which record gave what.
        self.careful = careful
        # The transaction whose recorded state was taken over last.
        self._taken_over: Transaction | None = None
        self._room = failing(room, failures)
        self._history = history
        self._window = window
        self._failures = failures
        self._totals = totals
        self._changelog = Place(room.changelog, partition)
        self._changelog_end = changelog_end
        self._transactions = transactions(history, self._changelog, changelog_end)
        self._place = Place(room.input, partition)
        self.engine = Engine(self._room, partition)
        self._fed = -1  # offset of the last record fed
        self.began = 0  # append time of the Progress it begins at
        start = self._begin()
        self._next = self._transaction()
        self._lost = False  # whether compaction took the transaction before the next one
        low, self._end = history.bounds(self._place)
        if self._next is None and start is None:
            start = low  # never decided: what is there is fed, and nothing of it must be recorded
        self._start = start or 0
        self._input = _Input(lists_of(history, self._place, self._start, self._end))

    def _begin(self) -> int | None:
        since = self._window.since
        if since is None:
            return None
        found = restored(self.engine, self._history, self._changelog, self._changelog_end, since)
        if found is None:
            return None
        self.began, self._taken_over = found.append_time, found
        self._transactions = transactions(self._history, self._changelog, self._changelog_end, found.offset + 1)
        return found.progress.to

    def _transaction(self) -> Transaction | None:
        found = next(self._transactions, None)
        until = self._window.until
        return None if found is None or (until is not None and found.progress.last_now > until) else found

    @property
    def required(self) -> bool:
        """Whether recorded transactions are left."""
        return self._next is not None

    @property
    def position(self) -> int:
        """The next input offset."""
        return self._end if self._input.head is None else self._input.head.offset

    @property
    def key(self) -> int | None:
        """Log time (ms) of the next step: when its transaction was written; of a lost one, when its input was."""
        head, coming = self._input.head, self._next
        if coming is None:
            tail = self._window.until is None and head is not None
            return head.append_time if tail and head is not None else None
        if head is not None and head.offset < coming.progress.from_:
            return min(head.append_time, coming.append_time)
        return coming.append_time

    def step(self, sink: Sink) -> None:
        """Feed one recorded transaction (or, where none is known, at most STEP_RECORDS records)."""
        coming = self._next
        # Outputs and state are written in the versions that the recorded transaction names.
        with codec.writing_as(0 if coming is None else coming.progress.schemas or _before_it_was_named()):
            self._step(coming, sink)

    def _step(self, coming: Transaction | None, sink: Sink) -> None:
        if coming is None:
            self._advance(FOREVER, sink, False, False, STEP_RECORDS)
            return
        progress = coming.progress
        declared = progress.decision_version != self._room.decider.version
        head = self._input.head
        if head is not None and head.offset < progress.from_:
            # Compaction took the transactions in between: their outputs are compared, their states are not.
            self._advance(progress.from_, sink, True, declared, STEP_RECORDS)
            head = self._input.head
            if head is None or head.offset >= progress.from_:
                self._totals.boundaries_lost += 1
                self._lost = True
                self.engine.flush(progress.from_)
            return
        if head is None or head.offset > progress.from_:
            raise self._hole(progress, "the record that this transaction began with is missing")
        self._replay(coming, sink, declared)

    def _replay(self, coming: Transaction, sink: Sink, declared: bool) -> None:
        progress = coming.progress
        fed, fired = self._advance(progress.to, sink, True, declared, FOREVER)
        if fed != progress.counts.get("in", 0):
            raise self._hole(progress, f"it decided {progress.counts.get('in', 0)} records, the history has {fed}")
        left = progress.counts.get("timer", 0) + progress.counts.get("timer_failed", 0) - fired
        head = self._input.head
        if left > 0 and head is not None and progress.last_now <= max(self.engine.last_now, head.append_time):
            # The transaction ended between two firings before this record.
            advance = self.engine.advance(head, left, True)
            sink(self.partition, head.offset, head.append_time, advance.outputs, True, declared)
            if advance.consumed:
                self._input.take(head.offset + 1, 1)
        rows = self.engine.flush(progress.to)
        self._totals.states += 1
        self._compare(coming, rows, declared)
        self._lost = False
        self._next = self._transaction()
        following = self._next
        if declared and following is not None and following.progress.decision_version == self._room.decider.version:
            # From here today's version decided: go on from the state that it found, not from what it would have made.
            self.engine = Engine(self._room, self.partition)
            restored(self.engine, self._history, self._changelog, coming.offset + 1)
            self._taken_over = coming

    def _advance(self, to: int, sink: Sink, required: bool, declared: bool, limit: int) -> tuple[int, int]:
        """Feed records before offset `to`, at most `limit`. Gives how many, and how many timers fired."""
        run = self._input.take(to, limit)
        if not run:
            return 0, 0
        self._fed = run[-1].offset
        if required:
            self._totals.records += len(run)
        if not self.careful:
            failed = self._failures.records
            redo = frozenset(r.offset for r in run if r.offset in failed) if failed else frozenset()
            try:
                found = self.engine.advance_all(run, ALL_FIRINGS, redo)
            except DecideFailed:
                # What a batch had given before it raised is lost: back to its beginning, and record by record.
                self.careful = True
                self._rewind(run[0].offset)
            else:
                if found.outputs:
                    sink(self.partition, run[0].offset, run[-1].append_time, found.outputs, required, declared)
                return len(run), found.fired
        return len(run), self._one_by_one(run, sink, required, declared)

    def _one_by_one(self, run: Sequence[Record], sink: Sink, required: bool, declared: bool) -> int:
        fired = 0
        for record in run:
            advance = self._decide(record)
            fired += advance.fired
            if advance.outputs:
                sink(self.partition, record.offset, record.append_time, advance.outputs, required, declared)
        return fired

    def _decide(self, record: Record) -> Advance:
        engine = self.engine
        due = engine.earliest_due()
        # Where a timer fires or a failure is known, what raises becomes a dead letter at once.
        redo = record.offset in self._failures.records
        redo = redo or (due is not None and due <= max(engine.last_now, record.append_time))
        try:
            return engine.advance(record, ALL_FIRINGS, redo)
        except DecideFailed:
            # Nothing of it was applied; the host would do the same after restoring. The letter is an extra output.
            return engine.advance(record, ALL_FIRINGS, True)

    def _rewind(self, to: int) -> None:
        """The state before input offset `to`, decided anew from where this partition began."""
        self.engine = Engine(self._room, self.partition)
        if self._taken_over is not None:
            restored(self.engine, self._history, self._changelog, self._taken_over.offset + 1)
        start = self._start if self._taken_over is None else self._taken_over.progress.to
        for record in self._history.read(self._place, start, to):
            self._decide(record)
        self.engine.flush(to)

    def _compare(self, coming: Transaction, rows: Sequence[Output], declared: bool) -> None:
        if rows[-1].value == coming.written and _bytes_of(rows[:-1], 2) == _bytes_of(coming.rows, 4):
            return  # every row and the Progress after them, byte for byte
        recorded = coming.progress
        replayed = _PROGRESS.decode(rows[-1].value)
        names = ["last_now", "configuration_hash", "chains"]
        if not self._lost:
            names += ["from_", "counts", "parts_hash"]
        fields = tuple(n for n in names if getattr(recorded, n) != getattr(replayed, n))
        by_key = {row.key: row for row in rows}
        # A row that compaction took is not compared; one that is there must be what today's code writes.
        odd = None if self._lost else next((r for r in coming.rows if not _same(r, by_key.get(r.key))), None)
        if not fields and odd is None:
            return
        record = odd or Record(
            self._changelog.topic, self.partition, coming.offset, coming.append_time, PROGRESS_KEY,
            codec.encode(recorded),
        )  # fmt: skip
        output = by_key.get(record.key)
        named = (*fields, *(("row",) if odd is not None else ()))
        difference = Difference("state", self.partition, self._fed, coming.append_time, record, output, named, declared)
        self._totals.add(difference)

    def _hole(self, progress: Progress, why: str) -> MandateError:
        return MandateError(
            "history_hole",
            f"{self._place.topic}[{self._place.partition}]@{progress.from_} to {progress.to}",
            why,
            "Records of the input are missing: see whether the archive is whole (mandate archive verify).",
        )


def _before_it_was_named() -> int:
    """The newest schemas of a build whose Progress did not name them yet."""
    return registry.versions(registry.home_of(Progress), Progress.__name__)[1].id - 1


def _bytes_of(rows: Sequence[Output | Record], key: int) -> list[tuple[Any, ...]]:
    """Keys and values of rows, in order; the key is field `key` of each."""
    return [row[key : key + 2] for row in rows]


def _same(row: Record, output: Output | None) -> bool:
    return output is not None and output.value == row.value
