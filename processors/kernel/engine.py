"""The engine: runs one processor over one partition of its input. Pure: records in, outputs out (KERNEL
1-19).

    engine.load(record) …           restore: the changelog of this partition, in order
    engine.ready()                  -> where it stands: the next position and the last `now`
    engine.advance(record, budget)  -> fires due timers, then decides the record
    engine.advance_all(records, budget, redo) -> the same for many, plain ones by the batch face; the same bytes
    engine.flush(to)                -> the changelog records of this transaction, Progress last

Who calls it: the host on every transport, replay, tests. After an exception out of `advance` or `flush`
nothing of that record has been applied, but the transaction must be aborted and the engine thrown away,
unless `redo` was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from processors.kernel.batch import NEVER, batch_of
from processors.kernel.changelog import PROGRESS_KEY, Changelog, Position
from processors.kernel.commands import Commands, answer_again, remembered_of
from processors.kernel.configuration import IN_FORCE
from processors.kernel.decider import Command, Configured, Refuse, TimerDue
from processors.kernel.outputs import Writer
from processors.kernel.room import Room
from processors.kernel.sizes import MAX_PART_BYTES, DecideFailed, check_sizes
from processors.kernel.staging import Staged, stage
from processors.kernel.store import Store
from schemas import codec, ids
from schemas.announcing import Message
from schemas.envelope import correlation_id, flags, record_id
from schemas.errors import MandateError, SchemaError
from schemas.head import read_head
from schemas.messages.kernel import RememberedCommand, Tick
from schemas.record import Output, Record

__all__ = [
    "FIRINGS_PER_TRANSACTION",
    "MAX_PART_BYTES",
    "PROGRESS_KEY",
    "Advance",
    "AdvanceAll",
    "DecideFailed",
    "Engine",
    "Position",
]

FIRINGS_PER_TRANSACTION = 2_000


@dataclass(frozen=True, slots=True)
class Advance:
    """What one step gave. `consumed` False: the budget of firings ran out before the record was decided."""

    outputs: tuple[Output, ...]
    fired: int
    consumed: bool


@dataclass(frozen=True, slots=True)
class AdvanceAll:
    """What many records gave. `decided` of them were; fewer than were given: the budget of firings ran out.

    `begun`: a timer fired before the first undecided one, so a transaction that ends there has something to say.
    """

    outputs: list[Output]
    decided: int
    fired: int
    begun: bool


class Engine:
    """One processor, one partition. Not thread-safe; owned by one loop."""

    def __init__(self, room: Room, partition: int) -> None:
        self.room = room
        self.partition = partition
        self.counts: Counter[str] = Counter()
        self._store = Store(room.decider.parts, room.decider.index)
        self._commands = Commands({}, {})
        self._changelog = Changelog(room, partition, self._store, self._commands)
        self._writer = Writer(room, partition)
        self._batch = batch_of(room, partition, self._store, self._writer)
        self._transaction: Counter[str] = Counter()
        self._from: int | None = None
        self._last_now = 0

    # --- restore ------------------------------------------------------------------------------------------------------

    def load(self, record: Record) -> None:
        """Fold one changelog record. Raises SchemaError when it was written by a newer version than this
        code."""
        self._changelog.load(record)

    def ready(self) -> Position:
        """Build the indexes and say where the log goes on. Raises SchemaError for a part that cannot be read."""
        progress = self._changelog.ready()
        if progress is None:
            return Position(None, 0)
        self._last_now = progress.last_now
        self._writer.chains = {c.topic: c.hash for c in progress.chains}
        return Position(progress.to, self._last_now)

    # --- what the host asks -------------------------------------------------------------------------------------------

    @property
    def last_now(self) -> int:
        """Log time of the last decision (ms)."""
        return self._last_now

    @property
    def keys(self) -> int:
        """How many parts the state has."""
        return len(self._store)

    def earliest_due(self) -> int | None:
        """When the next timer is due (ms of log time), or None."""
        found = self._store.earliest()
        return found[0] if found else None

    def tick(self) -> Output:
        """The record that says `time passed` on this partition."""
        return Output(self.room.input, self.partition, None, codec.encode(Tick()))

    def part(self, key: str) -> Any | None:
        """A part of the state, for tests and diagnosis."""
        return self._store.get(key)

    def snapshot(self) -> dict[str, bytes | None]:
        """All parts as the changelog would hold them; for comparing live state with restored state."""
        return {key: self._store.encode(key) for key in self._store.keys("")}

    # --- deciding -----------------------------------------------------------------------------------------------------

    def advance(self, record: Record, budget: int = FIRINGS_PER_TRANSACTION, redo: bool = False) -> Advance:
        """Fire what is due, then decide the record. With `redo` what raises goes to dead letters and the log
        goes on.

        Raises DecideFailed (without redo); the engine must then be thrown away.
        """
        if self._from is None:
            self._from = record.offset
        now = max(self._last_now, record.append_time)
        outputs: list[Output] = []
        fired = 0
        while (timer := self._store.earliest()) is not None and timer[0] <= now:
            if fired == budget:
                return Advance(tuple(outputs), fired, False)
            outputs += self._fire(timer, record, redo)
            fired += 1
        self._last_now = now
        outputs += self._decide(record, now, redo)
        self._count("in")
        return Advance(tuple(outputs), fired, True)

    def advance_all(
        self, records: Sequence[Record], budget: int = FIRINGS_PER_TRANSACTION, redo: AbstractSet[int] = frozenset()
    ) -> AdvanceAll:
        """Decide many records of this partition in order; those at the offsets in `redo` as `advance` with redo.

        It writes the bytes that `advance` would, one by one. Raises DecideFailed with the record at which it raised.
        """
        outputs: list[Output] = []
        fired = index = 0
        while index < len(records):
            if not redo:
                index = self._take(records, index, outputs)
                if index == len(records):
                    break
            record = records[index]
            try:
                step = self.advance(record, budget - fired, record.offset in redo)
            except DecideFailed as failed:
                failed.record = record
                raise
            outputs += step.outputs
            fired += step.fired
            if not step.consumed:
                return AdvanceAll(outputs, index, fired, step.fired > 0)
            index += 1
        return AdvanceAll(outputs, index, fired, False)

    def _take(self, records: Sequence[Record], index: int, outputs: list[Output]) -> int:
        """Plain records in place, from `index` on; gives the index of the first that is not plain."""
        if self._batch is None:
            return index
        due = self._store.earliest()
        end, now, aside = self._batch.take(records, index, self._last_now, NEVER if due is None else due[0], outputs)
        taken = end - index
        if taken:
            self._last_now = now
            if self._from is None:
                self._from = records[index].offset
            self._count("in", taken)
            if taken > aside:
                self._count(self._batch.face.reason, taken - aside)
            if aside:
                for reason in self._batch.face.aside_reasons:
                    self._count(reason, aside)
        return end

    def _fire(self, timer: tuple[int, str, str], record: Record, redo: bool) -> list[Output]:
        due, part, name = timer
        origin = self._store.timers(part)[name][1]
        self._last_now = due
        timers = {n: t for n, t in self._store.timers(part).items() if n != name}
        self._store.set_timers(part, timers)
        command = Command(ids.firing_id(origin, part, name, due), part, due, TimerDue(part, name, due))
        try:
            staged = stage(self.room, self._store, command)
            if redo:
                check_sizes(self.room, staged)
        except Exception as error:
            if not redo:
                raise DecideFailed(f"timer {name} of {part}: {type(error).__name__}: {error}") from error
            self._count("timer_failed")
            return [self._writer.failed_timer(record, timer, origin, error)]
        self._count("timer")
        return self._apply(command, staged, None)

    def _decide(self, record: Record, now: int, redo: bool) -> list[Output]:
        try:
            command = self._command(record, now)
        except MandateError as error:
            self._count(error.code)
            return [self._writer.dead_letter(record, error.code, f"{error.what}: {error.why}", now)]
        if command is None:
            return []
        if type(command.message) in self.room.answered:
            known = self._commands.known(command.message.command_id, now)
            if known is not None or self._commands.full(now):
                return self._said_again(command, known)
        try:
            staged = stage(self.room, self._store, command)
            if redo:
                check_sizes(self.room, staged)
        except Refuse as verdict:
            self._count(verdict.code)
            return [self._writer.dead_letter(record, verdict.code, verdict.why, now)]
        except Exception as error:
            if not redo:
                raise DecideFailed(f"{self.room.name} at {record.offset}: {type(error).__name__}: {error}") from error
            self._count("decide_failed")
            return [self._writer.dead_letter(record, "decide_failed", f"{type(error).__name__}: {error}", now)]
        outputs = self._apply(command, staged, correlation_id(record))
        if type(command.message) in self.room.answered:
            remembered = remembered_of(command, staged.decision, tuple(self._writer.last_event_ids))
            self._commands.remember(remembered)
            outputs.append(self._writer.answer(command, remembered))
        return outputs

    def _said_again(self, command: Command, known: RememberedCommand | None) -> list[Output]:
        reason, shown = answer_again(command, known)
        self._count(reason)
        return [self._writer.answer(command, shown)]

    def _command(self, record: Record, now: int) -> Command | None:
        """The command in a record; None for what the kernel itself takes (ticks, most configuration)."""
        number = codec.id_of(record.value)
        assert record.value is not None
        if number in self.room.tick_ids:
            self._count("tick")
            return None
        if number in self.room.configuration_ids:
            return self._configured(self.room.words.decode(record.value), record, now)
        try:
            key = (record.key or b"").decode()
        except UnicodeDecodeError as error:
            raise SchemaError("undecodable_key", "a record's key", str(error), "Use UTF-8.") from error
        if self.room.decider.on_heads:
            return self._action(record, key, number, now)
        message = self.room.words.decode(record.value)
        if key != ids.key_of(message.tenant):
            raise SchemaError(
                "wrong_key",
                f"key {key!r}",
                f"the message belongs to tenant {message.tenant!r}",
                "Use the tenant as key.",
            )
        cause = record_id(record) or ids.derive("record", record.key or b"", record.value)
        return Command(cause, key, now, message, record)

    def _action(self, record: Record, key: str, number: int, now: int) -> Command:
        assert record.value is not None
        self.room.words.expect(number)
        head = read_head(record.value)
        cause = head.event_id
        # An id that was admitted again after the window gives its children ids of their own (KERNEL 23).
        for flag in flags(record.headers):
            if flag.startswith("id_reused:"):
                cause = ids.derive("reused", cause, flag)
        return Command(cause, key, now, head, record, self.room.partitions)

    def _configured(self, message: Message, record: Record, now: int) -> Command | None:
        """A document may be in force from here on; the processor is told of those that it asks for, its face of all."""
        did = self._changelog.configure(message)
        self._count(did)
        if did != IN_FORCE:
            return None
        told = Configured(message.tenant, message.document, message.version)
        if self._batch is not None:
            self._batch.face.told({}, (told,))
        if message.document not in self.room.decider.told_of:
            return None
        cause = record_id(record) or ids.derive("record", record.key or b"", record.value or b"")
        return Command(cause, ids.key_of(message.tenant), now, told, record)

    def _apply(self, command: Command, staged: Staged, correlation: bytes | None) -> list[Output]:
        for key, part in staged.changes.items():
            self._store.put(key, part)
        for key, timers in staged.timers.items():
            self._store.set_timers(key, timers)
        if self._batch is not None:
            self._batch.face.told(staged.changes, [event.message for event in staged.decision.events])
        for reason in staged.decision.reasons:
            self._count(reason)
        self._writer.begin()
        outputs = []
        for event, sends in zip(staged.decision.events, staged.sends, strict=True):
            outputs += self._writer.event(command, event, correlation, sends)
        return outputs

    # --- the changelog ------------------------------------------------------------------------------------------------

    def flush(self, to: int) -> list[Output]:
        """The changelog of this transaction: every dirty part once, then Progress(…, to). Raises PartTooLarge."""
        begin = to if self._from is None else self._from
        outputs = self._changelog.flush(begin, to, self._last_now, self._transaction, self._writer.chains)
        self._from, self._transaction = None, Counter()
        return outputs

    def _count(self, reason: str, times: int = 1) -> None:
        self.counts[reason] += times
        self._transaction[reason] += times
