"""What a processor's changelog says of its past: every transaction with its Progress, and the state at any of them.

Called by replay.py and by what-if. It reads a History, and decodes the kernel's own words only (Progress, dead
letters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from processors.host.places import Place
from processors.kernel.decider import Command, Decision, TimerDue, View
from processors.kernel.engine import PROGRESS_KEY, Engine
from processors.kernel.room import Room
from schemas import codec, ids
from schemas.errors import MandateError
from schemas.messages import kernel
from schemas.messages.kernel import DeadLetter, Progress
from schemas.record import Record
from schemas.topology import DEAD_LETTERS

if TYPE_CHECKING:
    # Its module brings the client of the broker, which not everybody here needs.
    from processors.host.history import History

_CHANGELOG = codec.Words(kernel.CHANGELOG)
_LETTERS = codec.Words((*kernel.DEAD_LETTERS, *kernel.SHARED))


@dataclass(frozen=True, slots=True)
class Transaction:
    """One recorded transaction of a partition: its Progress, where that lies, and the rows of state before it.

    `whole` is False when compaction took some of its rows, or when one of them is not what was written. `removed`: rows
    of a tenant may have been taken out on purpose, so that its hash says nothing; what is left is all there may be.
    """

    offset: int
    append_time: int
    progress: Progress
    rows: tuple[Record, ...]
    written: bytes | None = None  # the Progress as it is on the log
    removed: bool = False

    @property
    def whole(self) -> bool:
        """Whether the rows are those whose hash the Progress names, as far as they may be kept."""
        if self.removed:
            return True
        digest = blake2b(digest_size=16)
        for row in self.rows:
            key, value = row.key or b"", row.value or b""
            digest.update(len(key).to_bytes(4, "big") + key + len(value).to_bytes(4, "big") + value)
        return digest.digest() == self.progress.parts_hash


@dataclass(frozen=True, slots=True)
class Failures:
    """What a processor could not decide when it ran: detail by input offset, and by the id of a timer's firing."""

    records: Mapping[int, str] = field(default_factory=dict)
    timers: Mapping[bytes, str] = field(default_factory=dict)


def transactions(history: History, place: Place, end: int, start: int | None = None) -> Iterator[Transaction]:
    """The transactions of a changelog partition before offset `end`, in order; from `start` on, else from the first.

    `start` lies behind a Progress. Raises MandateError with the place.
    """
    rows: list[Record] = []
    first = history.bounds(place)[0] if start is None else start
    removed: Callable[[Place, int, int], bool] = getattr(history, "removed", lambda place, start, end: False)
    for record in history.read(place, first, end):
        if record.key != PROGRESS_KEY:
            rows.append(record)
            continue
        try:
            progress = _CHANGELOG.decode(record.value)
        except MandateError as error:
            raise at(record, error) from error
        assert isinstance(progress, Progress)  # nothing else has this key
        gap = removed(place, first, record.offset)
        yield Transaction(record.offset, record.append_time, progress, tuple(rows), record.value, gap)
        rows, first = [], record.offset


def restored(engine: Engine, history: History, place: Place, end: int, until: int | None = None) -> Transaction | None:
    """Fold a changelog into `engine` up to its last Progress before offset `end` with last_now <= `until` (ms).

    Gives that transaction, None when there is none. Raises MandateError `changelog_incomplete` when rows are missing,
    as they are once a live changelog was compacted; and what a row that cannot be read raises, naming it.
    """
    found = None
    for transaction in transactions(history, place, end):
        progress = transaction.progress
        if until is not None and progress.last_now > until:
            break
        if not transaction.whole:
            raise MandateError(
                "changelog_incomplete",
                f"{place.topic}[{place.partition}]@{transaction.offset}",
                "the rows of this transaction are not those that its Progress names: compacted, or changed",
                "Start at the beginning, or use an archive that kept the changelog from before it was compacted.",
            )
        for row in transaction.rows:
            load(engine, row)
        found = transaction
    if found is not None:
        load(engine, Record(place.topic, place.partition, found.offset, 0, PROGRESS_KEY, codec.encode(found.progress)))
    engine.ready()
    return found


def load(engine: Engine, row: Record) -> None:
    """One row into an engine; what it raises names the row."""
    try:
        engine.load(row)
    except MandateError as error:
        raise at(row, error) from error


def failures(history: History, room: Room) -> Mapping[int, Failures]:
    """What the processor could not decide, by input partition, from the dead letters. Raises MandateError."""
    records: dict[int, dict[int, str]] = {}
    timers: dict[int, dict[bytes, str]] = {}
    for partition in range(history.partitions(DEAD_LETTERS)):
        place = Place(DEAD_LETTERS, partition)
        for record in history.read(place, *history.bounds(place)):
            letter = _letter(record)
            if letter is None or letter.room != room.name or letter.topic != room.input:
                continue
            if letter.code == "decide_failed":
                records.setdefault(letter.partition, {})[letter.offset] = letter.detail
            elif letter.code == "timer_failed" and letter.origin is not None and letter.due is not None:
                firing = ids.firing_id(letter.origin, letter.part or "", letter.timer or "", letter.due)
                timers.setdefault(letter.partition, {})[firing] = letter.detail
    return {p: Failures(records.get(p, {}), timers.get(p, {})) for p in sorted({*records, *timers})}


def failing(room: Room, failures: Failures) -> Room:
    """The room, whose decider fails where it failed when it ran, in the same words."""
    if failures == Failures():
        return room
    decide = room.decider.decide

    def fails(command: Command, view: View) -> Decision:
        if isinstance(command.message, TimerDue):
            detail = failures.timers.get(command.id)
        else:
            detail = None if command.record is None else failures.records.get(command.record.offset)
        if detail is None:
            return decide(command, view)
        name, _, words = detail.partition(": ")
        raise type(name, (Exception,), {})(words)

    return replace(room, decider=replace(room.decider, decide=fails))


def _letter(record: Record) -> DeadLetter | None:
    try:
        message = _LETTERS.decode(record.value)
    except MandateError as error:
        raise at(record, error) from error
    return message if isinstance(message, DeadLetter) else None


def at(record: Record, error: MandateError) -> MandateError:
    """The same error, naming the record it is about."""
    where = f"{record.topic}[{record.partition}]@{record.offset}"
    return MandateError(error.code, f"{where}: {error.what}", error.why, error.remedy)
