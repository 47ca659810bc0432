"""Outputs as they were recorded beside outputs as today's code gives them: which are the same byte for byte.

Called by replay.py, which gives it both sides roughly in the order of log time; a place (topic, partition) of the log
holds outputs of several input partitions, so a recorded output finds its counterpart by its id, and then both must be
the same bytes, in the same order per (input partition, place).
"""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(slots=True)
class _Side:
    """One place of the log: what waits on either side, and the last number seen of each input partition."""

    expected: dict[bytes, _Expected] = field(default_factory=dict)
    early: dict[bytes, list[Record]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)


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
        for output in outputs:
            assert output.partition is not None  # the engine names it
            side = self._side(Place(output.topic, output.partition))
            self._number += 1
            entry = _Expected(partition, cause, self._number, time, output, required, declared)
            identity = self._identity(output.topic, output.value, output.headers)
            early = side.early.get(identity)
            if early:
                self._compare(side, entry, early.pop(0))
                if not early:
                    del side.early[identity]
                continue
            waiting = side.expected.setdefault(identity, entry)
            if waiting is not entry:
                while waiting.after is not None:
                    waiting = waiting.after
                waiting.after = entry

    def recorded(self, record: Record) -> None:
        """One record of an output topic, in order of its place. Raises SchemaError for a schema nobody knows."""
        if not self._ours(record):
            return
        side = self._side(Place(record.topic, record.partition))
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
