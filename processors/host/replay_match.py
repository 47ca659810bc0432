"""Outputs as they were recorded beside outputs as today's code gives them: which are the same byte for byte.

Called by replay.py, which gives it both sides roughly in the order of log time; a place (topic, partition) of the log
holds outputs of several input partitions, so a recorded output finds its counterpart by its id, and then both must be
the same bytes, in the same order per (input partition, place).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from processors.host.places import Place
from processors.kernel.room import Room
from schemas.codec import PREFIX_BYTES, id_of
from schemas.envelope import CE_ID, CE_SOURCE, flags
from schemas.errors import MandateError, SchemaError
from schemas.record import Output, Record, header
from schemas.registry import by_id

_ACTIONS = "actions"  # the stream whose records are forwarded as they came, under the id in their head
_EVENT_ID = slice(PREFIX_BYTES, PREFIX_BYTES + 16)
# Key, value and headers, which are decided, in an output and in a record.
_DECIDED = slice(2, None)
_RECORDED = slice(4, None)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same. `kind`: different, missing, extra, order, state, undecidable.

    `cause` is the offset in the input partition at or soon after which the decision was that gave it (None: not known,
    for an extra record); `time` the log time at which it was found (ms), `number` its place among today's outputs.
    For `state`, `fields` names what differs of the Progress or the row, and `cause` is the transaction's last.
    """

    kind: str
    partition: int | None
    cause: int | None
    time: int
    recorded: Record | None = None
    replayed: Output | None = None
    fields: tuple[str, ...] = ()
    declared: bool = False
    number: int = 0


@dataclass(slots=True)
class Totals:
    """What was compared of one processor. `first` is the earliest difference that was not declared (else declared)."""

    records: int = 0
    equal: int = 0
    different: int = 0
    declared: int = 0
    states: int = 0
    states_different: int = 0
    boundaries_lost: int = 0
    first: Difference | None = None

    @property
    def events(self) -> int:
        """Outputs compared; a missing and an extra one count one each."""
        return self.equal + self.different + self.declared - self.states_different

    def add(self, difference: Difference) -> None:
        """Count one difference."""
        if difference.kind == "state":
            self.states_different += 1
        if difference.declared:
            self.declared += 1
        else:
            self.different += 1
        if self.first is None or _rank(difference) < _rank(self.first):
            self.first = difference


@dataclass(slots=True, eq=False)
class _Expected:
    """An output of today's code that waits for its record; `after` is the next one of the same id."""

    partition: int
    cause: int
    number: int
    time: int
    output: Output
    required: bool
    declared: bool
    after: _Expected | None = None


@dataclass(slots=True, eq=False)
class _Run:
    """Outputs of today's code at one place, in order, of which those before `at` have met their records."""

    partition: int
    cause: int
    time: int
    required: bool
    declared: bool
    outputs: list[Output] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    at: int = 0

    def left(self) -> Iterator[_Expected]:
        """Those that wait."""
        for number, output in zip(self.numbers[self.at :], self.outputs[self.at :], strict=True):
            yield _Expected(self.partition, self.cause, number, self.time, output, self.required, self.declared)

    def begins(self, record: Record) -> bool:
        """Whether its next output is this record, byte for byte."""
        return self.outputs[self.at][_DECIDED] == record[_RECORDED]

    def meet(self, records: Sequence[Record], at: int) -> int:
        """Pass over recorded outputs from index `at` on that are the next ones byte for byte; gives how many."""
        begin, count = self.at, min(len(self.outputs) - self.at, len(records) - at)
        ours = [output[_DECIDED] for output in self.outputs[begin : begin + count]]
        theirs = [record[_RECORDED] for record in records[at : at + count]]
        if ours != theirs:
            count = next(i for i, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other)
        self.at += count
        return count


@dataclass(slots=True)
class _Side:
    """One place of the log: what waits on either side, and the last number seen of each input partition.

    As long as records come as they are expected, what is expected waits in `runs` by input partition; from the first
    that does not, in `expected` by its id, until nothing waits.
    """

    runs: dict[int, deque[_Run]] = field(default_factory=dict)
    turn: int = 0
    expected: dict[bytes, _Expected] = field(default_factory=dict)
    early: dict[bytes, list[Record]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def run_of(self, record: Record) -> _Run | None:
        """The run whose next output is this record, byte for byte; it was most likely the one before's."""
        found = self.runs.get(self.turn)
        if found is not None and found[0].begins(record):
            return found[0]
        for partition, waiting in self.runs.items():
            if waiting[0].begins(record):
                self.turn = partition
                return waiting[0]
        return None

    def passed(self, run: _Run) -> None:
        """Some of a run, or all of it, has met its records."""
        self.numbers[run.partition] = run.numbers[run.at - 1]
        if run.at == len(run.outputs):
            waiting = self.runs[run.partition]
            waiting.popleft()
            if not waiting:
                del self.runs[run.partition]

    def by_id(self, identity: Callable[[Output], bytes]) -> None:
        """What waits in runs waits by its id from now on."""
        left = [entry for waiting in self.runs.values() for run in waiting for entry in run.left()]
        self.runs = {}
        for entry in sorted(left, key=lambda e: e.number):
            self.wait(identity(entry.output), entry)

    def wait(self, identity: bytes, entry: _Expected) -> None:
        """One more that waits by its id."""
        waiting = self.expected.setdefault(identity, entry)
        if waiting is not entry:
            while waiting.after is not None:
                waiting = waiting.after
            waiting.after = entry


class Matcher:
    """All output places of one processor. `totals` is complete after `finish`."""

    def __init__(self, room: Room, totals: Totals) -> None:
        self._room = room
        self._topology = room.topology
        self._source = f"/mandate/{room.name}".encode()
        self._actions = frozenset(t.name for t in room.topology.topics.values() if t.stream == _ACTIONS)
        self._others = room.tick_ids | room.configuration_ids
        self._sides: dict[Place, _Side] = {}
        self._number = 0
        self.totals = totals

    def replayed(
        self, partition: int, cause: int, time: int, outputs: Iterable[Output], required: bool, declared: bool
    ) -> None:
        """Outputs of today's code for input records from offset `cause` on, in order.

        `required` False: nothing says yet that they were written; they may be missing.
        """
        runs: dict[tuple[str, int | None], _Run] = {}
        for output in outputs:
            self._number += 1
            place = output[:2]
            run = runs.get(place)
            if run is None:
                run = runs[place] = _Run(partition, cause, time, required, declared)
            run.outputs.append(output)
            run.numbers.append(self._number)
        for (topic, to), run in runs.items():
            assert to is not None  # the engine names it
            side = self._side(Place(topic, to))
            if side.expected or side.early:
                for entry in run.left():
                    self._replayed(side, entry)
            else:
                side.runs.setdefault(partition, deque()).append(run)

    def _replayed(self, side: _Side, entry: _Expected) -> None:
        identity = self._identity_of(entry.output)
        early = side.early.get(identity)
        if not early:
            side.wait(identity, entry)
            return
        self._compare(side, entry, early.pop(0))
        if not early:
            del side.early[identity]

    def recorded(self, place: Place, records: Sequence[Record]) -> None:
        """Records of an output place, in its order. Raises MandateError for a schema nobody knows."""
        side = self._side(place)
        at = 0
        while at < len(records):
            run = side.run_of(records[at])
            if run is None:
                self._recorded(side, records[at])
                at += 1
                continue
            met = run.meet(records, at)
            side.passed(run)
            self.totals.equal += met
            at += met

    def _recorded(self, side: _Side, record: Record) -> None:
        """A record that is not what was expected next."""
        if not self._ours(record):
            return
        side.by_id(self._identity_of)
        identity = self._identity(record.topic, record.value, record.headers)
        entry = side.expected.pop(identity, None)
        if entry is None:
            side.early.setdefault(identity, []).append(record)
            return
        if entry.after is not None:
            side.expected[identity] = entry.after
        self._compare(side, entry, record)

    def missing(self) -> set[Place]:
        """Places where the last outputs of today's code have no record: perhaps they only cannot be seen yet."""
        for side in self._sides.values():
            side.by_id(self._identity_of)
        return {
            place
            for place, side in self._sides.items()
            if any(e.required and e.number > side.numbers.get(e.partition, 0) for e in _all(side))
        }

    def finish(self, since: int, until: int) -> None:
        """Nothing more comes: what is left is missing or extra. Extras outside [since, until] (ms) were caused by
        records outside of what was replayed."""
        for place in sorted(self._sides):
            side = self._sides[place]
            side.by_id(self._identity_of)
            left = sorted((e for e in _all(side) if e.required), key=lambda e: e.number)
            extra = [r for records in side.early.values() for r in records if since <= r.append_time <= until]
            # To its own input others write too: what was not decided here came from outside.
            if place.topic == self._room.input:
                extra = []
            extra.sort(key=lambda r: r.offset)
            for entry in left:
                # A damaged id makes one record missing and one extra; together they are one difference.
                twin = next((r for r in extra if (r.key or b"") == (entry.output.key or b"")), None)
                if twin is not None:
                    extra.remove(twin)
                kind = "missing" if twin is None else "different"
                self.totals.add(_difference(kind, entry, twin))
            for record in extra:
                self.totals.add(Difference("extra", None, None, record.append_time, record))

    def _compare(self, side: _Side, entry: _Expected, record: Record) -> None:
        output = entry.output
        if (
            output.value != record.value
            or (output.key or b"") != (record.key or b"")
            or output.headers != record.headers
        ):
            self.totals.add(_difference("different", entry, record))
        elif side.numbers.get(entry.partition, 0) > entry.number:
            self.totals.add(_difference("order", entry, record))
        else:
            self.totals.equal += 1
            side.numbers[entry.partition] = entry.number

    def _side(self, place: Place) -> _Side:
        side = self._sides.get(place)
        if side is None:
            side = self._sides[place] = _Side()
        return side

    def _identity_of(self, output: Output) -> bytes:
        return self._identity(output.topic, output.value, output.headers)

    def _identity(self, topic: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> bytes:
        if topic in self._actions:
            return (value or b"")[_EVENT_ID]
        return header(headers, CE_ID) or b""

    def _ours(self, record: Record) -> bool:
        """Whether this processor wrote the record (or says so); ticks and announcements are nobody's outputs."""
        try:
            number = id_of(record.value)
        except SchemaError:
            number = -1
        if number in self._others:
            return False
        if record.topic in self._actions:
            ours = record.topic != self._room.input or "rerouted" in flags(record.headers)
        else:
            ours = header(record.headers, CE_SOURCE) == self._source
        if ours and number not in by_id():
            raise MandateError(
                "unknown_schema",
                f"{record.topic}[{record.partition}]@{record.offset}: schema id {number}",
                "ids.lock has no such id",
                "Replay with the version of Mandate that wrote it, or a newer one; else the record is damaged.",
            )
        return ours


def _rank(difference: Difference) -> tuple[bool, int, bool, int]:
    # What is not declared first; of one time, an output says more than the state after it.
    return difference.declared, difference.time, difference.kind == "state", difference.number


def _all(side: _Side) -> Iterable[_Expected]:
    for waiting in side.expected.values():
        entry: _Expected | None = waiting
        while entry is not None:
            yield entry
            entry = entry.after


def _difference(kind: str, entry: _Expected, record: Record | None) -> Difference:
    return Difference(
        kind, entry.partition, entry.cause, entry.time, record, entry.output, (), entry.declared, entry.number
    )
