"""The loop of one room on one slot, as steps: restore, or collect a batch, decide it, commit it whole.

    1. poll; when the assignment moved, everything known is thrown away and restored (restore.py)
    2. collect: the first record, then until max(20 ms, duration of the last commit) after the last commit, or N records
    3. stop a partition whose append times are ahead of our clock
    4. send ticks that are due (ticks.py)
    5. decide every record in order; nothing is written yet
    6. begin, produce outputs and changelog, send positions, commit: one transaction
    7. on any abort or unknown outcome: throw the state away, restore
    8. a record whose decide raised: restore, redo with it as a dead letter (one by one where nobody knows which it was)

Called by run.py in a thread of its own, and by tests and replay on virtual time through `step(0.0)`. It never
polls inside a transaction, so a revocation never meets an open one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from operator import itemgetter

from processors.host import points
from processors.host.clock import Clock
from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown, Transient
from processors.host.loop_settings import LoopSettings as LoopSettings
from processors.host.metrics import RoomMetrics
from processors.host.ports import Engine, Room
from processors.host.restore import Restore
from processors.host.ticks import Ticks
from processors.host.transport import Slot, TickSender, bytes_of, too_large
from processors.kernel.sizes import DecideFailed
from schemas.record import Output, Record

log = logging.getLogger(__name__)
_append_time = itemgetter(3)
NEVER = 1 << 63  # above every offset


class Step(Enum):
    """What one step did."""

    IDLE = "idle"
    RESTORING = "restoring"
    DECIDED = "decided"
    ABORTED = "aborted"
    FAILED = "failed"


class RoomLoop:
    """One room, one slot, one thread. After an exception out of `step` the process must end."""

    def __init__(
        self,
        room: Room,
        slot: Slot,
        ticker: TickSender,
        clock: Clock,
        metrics: RoomMetrics,
        limits: Mapping[str, int],
        settings: LoopSettings,
    ) -> None:
        self._room = room
        self._slot = slot
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._settings = settings
        self._batch_records = settings.plain_batch_records if room.plain else settings.batch_records
        self._ticks = Ticks(ticker, clock, metrics.ticked, settings.tick_hold_seconds)
        self._ticker = ticker
        self._generation = -1
        self._restore: Restore | None = None
        self._engines: dict[int, Engine] = {}
        self._positions: dict[int, int] = {}
        self._counted: dict[int, Counter[str]] = {}
        self._carry: list[Record] = []
        self._held: dict[int, int] = {}
        # (partition, offset) of records that raised; and up to where each partition is decided one by one.
        self._failed: set[tuple[int, int]] = set()
        self._suspect: dict[int, int] = {}
        self._next_at = 0.0

    @property
    def ready(self) -> bool:
        """True when the whole assignment has its state."""
        return self._restore is None and self._generation == self._slot.generation

    @property
    def trouble(self) -> Transient | None:
        """Why the restore does not end by itself (`positions_unstable` or `changelog_undecided`), or None."""
        return None if self._restore is None else self._restore.trouble

    @property
    def engines(self) -> Mapping[int, Engine]:
        """The live engines by partition, for status and tests; not to be moved from outside."""
        return self._engines

    @property
    def positions(self) -> Mapping[int, int]:
        """Next offset to decide, by partition."""
        return self._positions

    def step(self, seconds: float) -> Step:
        """One turn; waits at most about `seconds` for something to do. Raises Fatal, or a bug."""
        if self._restore is not None or self._generation != self._slot.generation:
            return self._restore_step(seconds)
        self._release_held()
        records = self._collect(seconds)
        if self._generation != self._slot.generation:
            self._forget()
            return Step.RESTORING
        self._send_ticks()
        if not records:
            return Step.IDLE
        points.reached("host.collected")
        return self._decide(records)

    def observe(self) -> None:
        """Bring the gauges up to date; asks nobody."""
        if self.ready:
            self._metrics.state(self._slot.lag(), {p: engine.keys for p, engine in self._engines.items()})

    # --- assignment ---------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """All state of the assignment is void; begin to restore what is owned now."""
        self._generation = self._slot.generation
        self._engines, self._positions, self._counted = {}, {}, {}
        self._carry, self._held = [], {}
        self._ticks.forget()
        self._metrics.holding(0)
        self._restore = None
        if self._slot.owned:
            self._metrics.restoring()
            self._restore = Restore(self._room, self._slot, self._clock, self._settings.from_progress)
        else:
            self._failed, self._suspect = set(), {}
            self._metrics.unassigned()

    def _restore_step(self, seconds: float) -> Step:
        # The member must keep polling, or it is put out of the group; nothing is fetched until read_from.
        self._slot.poll(1, 0.0)
        if self._generation != self._slot.generation or self._restore is None:
            self._forget()
        if self._restore is None:
            return Step.IDLE
        restored = self._restore.step(seconds)
        if restored is None:
            return Step.RESTORING
        points.reached("host.restored")
        self._engines = {p: found.engine for p, found in restored.items()}
        self._positions = {p: found.position for p, found in restored.items()}
        self._counted = {p: Counter() for p in restored}
        self._slot.read_from(self._positions)
        took = self._clock.monotonic() - self._restore.started
        self._restore = None
        self._metrics.restored(took, len(restored))
        log.info("%s restored %s in %.3f s", self._room.name, dict(self._positions), took)
        return Step.RESTORING

    # --- collecting ---------------------------------------------------------------------------------------------------

    def _collect(self, seconds: float) -> list[Record]:
        if self._carry:
            # Polled all the same, one record at a time: redoing a batch one by one can take longer than the
            # interval within which a member must poll.
            records, self._carry = [*self._carry, *self._slot.poll(1, 0.0)], []
            return self._guard(records)
        wait = seconds
        for partition, engine in self._engines.items():
            if self._slot.at_end(partition):
                wait = self._ticks.wait(partition, engine, wait)
        records = list(self._slot.poll(self._batch_records, wait))
        size = bytes_of(records)
        while records and len(records) < self._batch_records and size < self._settings.batch_bytes:
            now = self._clock.monotonic()
            left = self._next_at - now
            if left <= 0.0 or self._generation != self._slot.generation:
                break
            more = self._slot.poll(min(500, self._batch_records - len(records)), left, fill=True)
            if not more and self._clock.monotonic() == now:
                break  # a clock that stands still: there is nothing to wait for
            records += more
            size += bytes_of(more)
        return self._guard(records)

    def _guard(self, records: list[Record]) -> list[Record]:
        """Cut off what was appended ahead of our clock, before it is decided: `now` never goes back."""
        if self._settings.accept_clock:
            return records
        limit = self._clock.wall_ms() + self._settings.clock_ahead_ms
        if max(map(_append_time, records), default=0) <= limit:
            return records
        kept: list[Record] = []
        behind = dict(self._positions)
        for record in records:
            if record.partition in self._held:
                continue
            if record.append_time > limit:
                self._held[record.partition] = record.append_time
                log.error(
                    "error[clock_ahead]: %s[%d]@%d was appended %d ms ahead of this machine's clock; the partition "
                    "stands until the clocks agree. Correct the clocks, or start with --accept-clock.",
                    record.topic,
                    record.partition,
                    record.offset,
                    record.append_time - limit + 5_000,
                )
                continue
            kept.append(record)
            behind[record.partition] = record.offset + 1
        self._metrics.holding(len(self._held))
        self._slot.read_from({p: at for p, at in behind.items() if p not in self._held})
        return kept

    def _release_held(self) -> None:
        if not self._held:
            return
        limit = self._clock.wall_ms() + self._settings.clock_ahead_ms
        released = [p for p, append_time in self._held.items() if append_time <= limit]
        if not released or self._carry:
            return
        for partition in released:
            del self._held[partition]
        self._metrics.holding(len(self._held))
        self._slot.read_from({p: at for p, at in self._positions.items() if p not in self._held})

    def _send_ticks(self) -> None:
        self._ticker.serve()
        for partition, engine in self._engines.items():
            if partition not in self._held:
                self._ticks.serve(partition, engine, self._positions[partition], self._slot.at_end(partition))

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _decide(self, records: list[Record]) -> Step:
        if self._suspect and len(records) > 1:
            records, self._carry = records[:1], records[1:]
        outputs: list[Output] = []
        to: dict[int, int] = {}
        last: dict[int, Record] = {}
        budget = self._settings.firings
        decided = 0
        for end, run in self._runs(records):
            partition = run[0].partition
            failed_at = frozenset(at for p, at in self._failed if p == partition)
            try:
                found = self._engines[partition].advance_all(run, budget, failed_at)
                self._check_sizes(found.outputs)
            except DecideFailed as failed:
                culprit = run[0] if len(run) == 1 else failed.record
                return self._decide_failed(records, culprit, failed)
            outputs += found.outputs
            budget -= found.fired
            decided += found.decided
            if found.decided:
                last[partition] = run[found.decided - 1]
                to[partition] = last[partition].offset + 1
            if found.decided == len(run):
                continue
            # The budget ran out: end here; the first undecided record and all after it come again.
            if found.begun or partition in to:
                to[partition] = run[found.decided].offset
            self._carry = [*run[found.decided :], *records[end:], *self._carry]
            break
        if not to:
            return Step.IDLE
        try:
            for partition, at in to.items():
                changelog = self._engines[partition].flush(at)
                self._check_sizes(changelog)
                outputs += changelog
        except DecideFailed as failed:
            return self._decide_failed(records, records[0] if len(records) == 1 else None, failed)
        return self._commit(outputs, to, last, decided)

    def _runs(self, records: Sequence[Record]) -> Iterator[tuple[int, list[Record]]]:
        """Successive records of one partition, which its engine decides at once, and the index after them.

        Records of partitions without state, or before the position, are not ours to decide.
        """
        run: list[Record] = []
        current, position = -1, 0
        for index, record in enumerate(records):
            partition = record[1]  # by place, as in all loops over records: names take twice as long
            if partition != current:
                if run:
                    yield index, run
                    run = []
                current = partition
                position = self._positions[partition] if partition in self._engines else NEVER
            if record[2] >= position:
                run.append(record)
        if run:
            yield len(records), run

    def _check_sizes(self, outputs: Sequence[Output]) -> None:
        found = too_large(outputs, self._limits)
        if found is not None:
            raise DecideFailed(f"an output for {found.topic} is above the topic's {self._limits[found.topic]} bytes")

    def _decide_failed(self, records: list[Record], culprit: Record | None, failed: DecideFailed) -> Step:
        """State is thrown away; the batch is redone with the culprit as a known failure, or one by one to find it."""
        self._metrics.decide_failed()
        where = "?" if culprit is None else f"{culprit.partition}@{culprit.offset}"
        log.error("error[decide_failed]: %s: record %s: %s", self._room.name, where, failed)
        if culprit is not None:
            if (culprit.partition, culprit.offset) in self._failed:
                raise Fatal(
                    "undecidable",
                    f"{self._room.name}: record {where}",
                    f"it cannot even be made a dead letter: {failed}",
                    "Give dead.letters a larger max.message.bytes, or correct the processor.",
                )
            self._failed.add((culprit.partition, culprit.offset))
        else:
            for record in records:
                self._suspect[record.partition] = max(record.offset, self._suspect.get(record.partition, -1))
        self._forget()
        return Step.FAILED

    def _commit(self, outputs: list[Output], to: Mapping[int, int], last: Mapping[int, Record], decided: int) -> Step:
        started = self._clock.monotonic()
        notes = {p: f"now={self._engines[p].last_now}" for p in to}
        points.reached("host.decided")
        try:
            self._slot.begin()
            self._slot.produce(outputs)
            self._slot.send_offsets(to, notes)
            self._slot.commit()
        except (AbortNeeded, Transient) as needed:
            log.warning("%s: %s", self._room.name, needed)
            return self._abort(needed.code)
        except OutcomeUnknown as unknown:
            log.warning("%s: %s", self._room.name, unknown)
            return self._renew(unknown.code)
        ended = self._clock.monotonic()
        took = ended - started
        self._next_at = ended + min(self._settings.pace_seconds_max, max(self._settings.pace_seconds, took))
        self._positions.update(to)
        for partition, record in last.items():
            self._ticks.read(partition, record.append_time)
        self._pass_suspects(to)
        self._metrics.committed(decided, len(outputs), took, self._reasons(to))
        return Step.DECIDED

    def _pass_suspects(self, to: Mapping[int, int]) -> None:
        if not self._suspect and not self._failed:
            return
        for partition, position in to.items():
            if self._suspect.get(partition, position) < position:
                self._suspect.pop(partition, None)
            self._failed = {(p, at) for p, at in self._failed if p != partition or at >= position}

    def _abort(self, why: str) -> Step:
        self._metrics.aborted(why)
        try:
            self._slot.abort()
        except (OutcomeUnknown, AbortNeeded, Transient):
            return self._renew("abort_unknown")
        self._forget()
        return Step.ABORTED

    def _renew(self, why: str) -> Step:
        self._metrics.aborted(why)
        self._slot.renew()
        self._metrics.producer_renewed()
        self._forget()
        return Step.ABORTED

    def _reasons(self, partitions: Mapping[int, int]) -> Counter[str]:
        new: Counter[str] = Counter()
        for partition in partitions:
            counts = Counter(self._engines[partition].counts)
            new += counts - self._counted[partition]
            self._counted[partition] = counts
        return new
