"""The engine: runs one processor over one partition of its input. Pure: records in, outputs out (KERNEL
1-19).

    engine.load(record) …           restore: the changelog of this partition, in order
    engine.ready()                  -> where it stands: the next position and the last `now`
    engine.advance(record, budget)  -> fires due timers, then decides the record
    engine.flush(to)                -> the changelog records of this transaction, Progress last

Who calls it: the host on every transport, replay, tests. After an exception out of `advance` or `flush`
nothing of that record has been applied, but the transaction must be aborted and the engine thrown away,
unless `redo` was given.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from processors.kernel.commands import Commands
from processors.kernel.decider import Command, Decision, Refuse, TimerDue
from processors.kernel.outputs import Writer
from processors.kernel.room import Room
from processors.kernel.staging import Staged, stage
from processors.kernel.store import Store
from schemas import codec, ids
from schemas.envelope import correlation_id, flags, record_id
from schemas.errors import MandateError, SchemaError
from schemas.head import read_head
from schemas.messages.kernel import (
    Chain,
    ConfigurationAnnounced,
    Progress,
    RememberedCommand,
    StoredPart,
    Tick,
)
from schemas.record import Output, Record

FIRINGS_PER_TRANSACTION = 2_000
MAX_PART_BYTES = 65_536

# Headers the writer adds (at most seven, ids and names) and the broker's framing of a batch of one record.
FRAMING_BYTES = 1_152

# Keys of the kernel's own changelog records; no part of a processor begins with NUL.
PROGRESS_KEY = b"\x00progress"
_CONFIG = "\x00config/"
_COMMANDS = b"\x00commands/"
_CHANGELOG = codec.Words((StoredPart, Progress, ConfigurationAnnounced, RememberedCommand))


class DecideFailed(Exception):
    """A decide, evolve or react raised: a bug in a processor. Abort, restore, redo one by one (DESIGN 5)."""


class PartTooLarge(DecideFailed):
    """A part of the state is over 64 KB."""


class OutputTooLarge(DecideFailed):
    """An output is over its topic's max_bytes."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where an engine stands: `to` is the next input offset (None: it never ran), `last_now` its last log
    time (ms)."""

    to: int | None
    last_now: int


@dataclass(frozen=True, slots=True)
class Advance:
    """What one step gave. `consumed` False: the budget of firings ran out before the record was decided."""

    outputs: tuple[Output, ...]
    fired: int
    consumed: bool


class Engine:
    """One processor, one partition. Not thread-safe; owned by one loop."""

    def __init__(self, room: Room, partition: int) -> None:
        self.room = room
        self.partition = partition
        self.counts: Counter[str] = Counter()
        self._store = Store(room.decider.parts)
        self._commands = Commands({}, {})
        self._writer = Writer(room, partition)
        self._transaction: Counter[str] = Counter()
        self._new_configuration: dict[bytes, ConfigurationAnnounced] = {}
        self._configuration_hash = _hash_of_configuration([])
        self._progress: Progress | None = None
        self._from: int | None = None
        self._last_now = 0

    # --- restore
    # --------------------------------------------------------------------------------------------------

    def load(self, record: Record) -> None:
        """Fold one changelog record. Raises SchemaError when it was written by a newer version than this
        code."""
        key = record.key or b""
        message = None if record.value is None else _CHANGELOG.decode(record.value)
        if isinstance(message, Progress):
            self._progress = message
            self._last_now = message.last_now
        elif isinstance(message, ConfigurationAnnounced):
            self._store.announce(message)
        elif key.startswith(_COMMANDS):
            assert message is None or isinstance(message, RememberedCommand)
            self._commands.load(key[len(_COMMANDS) :], message)
        else:
            assert message is None or isinstance(message, StoredPart)
            self._store.load(key.decode(), message)

    def ready(self) -> Position:
        """Build the indexes and say where the log goes on."""
        self._store.loaded()
        self._commands.loaded()
        self._configuration_hash = _hash_of_configuration(self._store.configurations())
        if self._progress is None:
            return Position(None, 0)
        self._writer.chains = {c.topic: c.hash for c in self._progress.chains}
        return Position(self._progress.to, self._last_now)

    # --- what the host asks
    # ---------------------------------------------------------------------------------------

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

    # --- deciding
    # -------------------------------------------------------------------------------------------------

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
                self._check_sizes(staged)
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
                return self._answer_again(command, known)
        try:
            staged = stage(self.room, self._store, command)
            if redo:
                self._check_sizes(staged)
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
            outputs += self._answer(command, staged.decision)
        return outputs

    def _command(self, record: Record, now: int) -> Command | None:
        """The command in a record; None for what the kernel itself takes (ticks, configuration)."""
        number = codec.id_of(record.value)
        assert record.value is not None
        if number in self.room.tick_ids:
            self._count("tick")
            return None
        if number in self.room.configuration_ids:
            self._configure(self.room.words.decode(record.value))
            return None
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

    def _configure(self, message: ConfigurationAnnounced) -> None:
        newer = self._store.announce(message)
        self._count("configured" if newer else "configuration_not_newer")
        if newer:
            key = f"{_CONFIG}{ids.key_of(message.tenant, message.document)}".encode()
            self._new_configuration[key] = message
            self._configuration_hash = _hash_of_configuration(self._store.configurations())

    def _apply(self, command: Command, staged: Staged, correlation: bytes | None) -> list[Output]:
        for key, part in staged.changes.items():
            self._store.put(key, part)
        for key, timers in staged.timers.items():
            self._store.set_timers(key, timers)
        for reason in staged.decision.reasons:
            self._count(reason)
        self._writer.begin()
        outputs = []
        for event, sends in zip(staged.decision.events, staged.sends, strict=True):
            outputs += self._writer.event(command, event, correlation, sends)
        return outputs

    def _check_sizes(self, staged: Staged) -> None:
        for key, part in staged.changes.items():
            if part is not None and len(codec.encode(part)) > MAX_PART_BYTES:
                raise PartTooLarge(f"a part is over {MAX_PART_BYTES} bytes: {key[:100]}")
        for event, sends in zip(staged.decision.events, staged.sends, strict=True):
            topic = self.room.spec.writes.get(event.kind)
            if topic is not None:
                value = codec.encode(event.message) if event.raw is None else event.raw
                headers = sum(len(name) + len(content) for name, content in event.headers)
                self._check_size(topic, event.key, len(value) + headers)
            for _, target, commands in sends:
                for send in commands:
                    self._check_size(target, send.key, len(codec.encode(send.message)))

    def _check_size(self, topic: str, key: str, size: int) -> None:
        limit = self.room.topology.topics[topic].max_bytes
        # The key stands in the record and, escaped, in a header.
        if size + 2 * len(key.encode()) + FRAMING_BYTES > limit:
            raise OutputTooLarge(f"an output for {topic} is {size} bytes, the topic takes {limit}")

    # --- answers to people's commands
    # -----------------------------------------------------------------------------

    def _answer(self, command: Command, decision: Decision) -> list[Output]:
        assert decision.answer is not None  # staging has checked it
        event_ids = tuple(self._writer.last_event_ids)
        m = command.message
        remembered = RememberedCommand(
            command.now // 1000, m.command_id, m.body_hash, decision.answer, decision.reasons, event_ids
        )
        self._commands.remember(remembered)
        return [self._writer.answer(command, remembered)]

    def _answer_again(self, command: Command, known: RememberedCommand | None) -> list[Output]:
        m = command.message
        second = command.now // 1000
        if known is None:
            self._count("too_many_commands")
            shown = RememberedCommand(second, m.command_id, m.body_hash, "too_many_commands", (), ())
        elif known.body_hash != m.body_hash:
            self._count("idempotency_conflict")
            shown = RememberedCommand(second, m.command_id, m.body_hash, "idempotency_conflict", (), ())
        else:
            self._count("command_known")
            shown = known
        return [self._writer.answer(command, shown)]

    # --- the changelog
    # --------------------------------------------------------------------------------------------

    def flush(self, to: int) -> tuple[Output, ...]:
        """The changelog of this transaction: every dirty part once, then Progress(…, to). Raises
        PartTooLarge."""
        outputs = []
        digest = blake2b(digest_size=16)
        rows = [(key.encode(), value) for key, value in self._store.flush()]
        rows += [(key, codec.encode(message)) for key, message in self._new_configuration.items()]
        for command_id, remembered in self._commands.flush(self._last_now):
            rows.append((_COMMANDS + command_id, None if remembered is None else codec.encode(remembered)))
        for key, value in rows:
            if value is not None and len(value) > MAX_PART_BYTES and not key.startswith(_CONFIG.encode()):
                raise PartTooLarge(f"a part is {len(value)} bytes, the limit is {MAX_PART_BYTES}: {key[:100]!r}")
            digest.update(len(key).to_bytes(4, "big") + key + len(value or b"").to_bytes(4, "big") + (value or b""))
            outputs.append(Output(self.room.changelog, self.partition, key, value))
        progress = Progress(
            room=self.room.name,
            partition=self.partition,
            from_=to if self._from is None else self._from,
            to=to,
            last_now=self._last_now,
            decision_version=self.room.decider.version,
            configuration_hash=self._configuration_hash,
            counts=dict(self._transaction),
            chains=tuple(Chain(t, self._writer.chains[t]) for t in sorted(self._writer.chains)),
            parts_hash=digest.digest(),
        )
        outputs.append(Output(self.room.changelog, self.partition, PROGRESS_KEY, codec.encode(progress)))
        self._progress, self._from = progress, None
        self._new_configuration, self._transaction = {}, Counter()
        return tuple(outputs)

    def _count(self, reason: str) -> None:
        self.counts[reason] += 1
        self._transaction[reason] += 1


def _hash_of_configuration(configurations: list[ConfigurationAnnounced]) -> str:
    fields: list[str | int] = []
    for c in configurations:
        fields += [c.tenant, c.document, c.version, c.hash]
    return ids.derive("configuration", *fields).hex()
