"""A recorded stretch of the inputs of all processors, kept in memory: what came from outside, whole, and of everything
that processors wrote to each other only where and when it lay.

Called by whoever runs the processors again over a history (memory_merge.py does it). It reads a history, and nothing
else: no clock, no broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from processors.host.places import Place
from processors.kernel.room import Room
from schemas import ids
from schemas.codec import id_of
from schemas.envelope import CE_SOURCE, flags, record_id
from schemas.errors import MandateError, SchemaError
from schemas.head import read_head
from schemas.ids import Id
from schemas.record import Headers, Record, header

if TYPE_CHECKING:
    from processors.host.history import History

# Records of all inputs together. One from outside is kept whole (~1 KB), any other as its id and place (~0.3 KB): an
# action is three inputs, so two million are 0.6 GB and the bytes of those from outside (bench.whatif). More is refused:
# a shorter stretch, or one tenant.
RECORDS_MAX = 2_000_000
# How long a record may be on its way from one processor to the next: a backlog after an outage is decided in seconds.
FLIGHT_MS = 60_000
_OURS = b"/mandate/"


class Lay(NamedTuple):
    """Where and when a record lay. `time` is its log time in its partition (ms), which never goes back."""

    time: int
    partition: int
    offset: int


class Arrival(NamedTuple):
    """A record from outside at its log time; `order` breaks ties as the record's own place does.

    `written` names a processor's record that was perhaps on its way when the run began: it arrives like one from
    outside unless its cause is part of the run, which is known when its time has come and nobody has written it.
    """

    time: int
    order: tuple[str, int, int]
    record: Record
    written: tuple[str, Id] | None = None


@dataclass(slots=True)
class Timetable:
    """What lay on the inputs. `lay` finds what a processor wrote by (topic, its id), several in their order."""

    arrivals: list[Arrival] = field(default_factory=list)
    lay: dict[tuple[str, Id], tuple[Lay, ...]] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    records: int = 0


def read_timetable(
    history: History,
    rooms: Mapping[str, Room],
    starts: Mapping[Place, int],
    until_ms: int,
    keep: Callable[[Record], bool],
    begin_ms: int | None = None,
) -> Timetable:
    """Every input from its start to the last record at or before `until_ms`. `keep` chooses (a tenant's, say).

    `begin_ms` is when the run begins in the middle of the log: what lies up to FLIGHT_MS behind it may be on its way.

    Raises MandateError: of the history, `unknown_schema` with the record's place, `stretch_too_large`.
    """
    table = Timetable()
    outside = Origins(rooms)
    for room in rooms.values():
        for partition in range(history.partitions(room.input)):
            place = Place(room.input, partition)
            low, end = history.bounds(place)
            table.ends[place] = end
            records = history.read(place, starts.get(place, low), end)
            flight = -1 if begin_ms is None else begin_ms + FLIGHT_MS
            _read_place(records, room, outside, until_ms, keep, flight, table)
    table.arrivals.sort(key=lambda a: (a.time, a.order))
    return table


def _read_place(
    records: Iterable[Record],
    room: Room,
    origins: Origins,
    until_ms: int,
    keep: Callable[[Record], bool],
    flight_until: int,
    table: Timetable,
) -> None:
    time = 0
    for record in records:
        time = max(time, record.append_time)
        if time > until_ms:
            return
        if _is_tick(record, room) or not keep(record):
            continue
        table.records += 1
        if table.records > RECORDS_MAX:
            raise MandateError(
                "stretch_too_large",
                f"{record.topic}[{record.partition}]@{record.offset}",
                f"there are more than {RECORDS_MAX:,} records to run again",
                "Ask for a shorter stretch, or for one tenant.",
            )
        order = (record.topic, record.partition, record.offset)
        if origins.outside(record):
            table.arrivals.append(Arrival(time, order, record))
        else:
            _expect(record, room)
            lay = Lay(time, record.partition, record.offset)
            name = record.topic, identity(record.headers, record.value)
            table.lay[name] = (*table.lay.get(name, ()), lay)
            if time <= flight_until:
                table.arrivals.append(Arrival(time, order, record, name))


def _expect(record: Record, room: Room) -> None:
    """A processor wrote it, so this code must know its schema. Raises SchemaError `unknown_schema` with the place."""
    try:
        room.words.expect(id_of(record.value))
    except SchemaError as error:
        where = f"{record.topic}[{record.partition}]@{record.offset}"
        raise SchemaError(
            error.code,
            where,
            f"{error.what}: {error.why}",
            "Run this with the release that wrote the record, or a later one.",
        ) from error


def _is_tick(record: Record, room: Room) -> bool:
    """Ticks say that time passed; here time passes by itself. What has no schema id is somebody's rubbish."""
    try:
        number = id_of(record.value)
    except SchemaError:
        return False
    return number in room.tick_ids


class Origins:
    """Tells what came from outside from what a processor wrote: by its source, and where a processor passes original
    bytes on, by the topic."""

    def __init__(self, rooms: Mapping[str, Room]) -> None:
        self._names = frozenset(_OURS + name.encode() for name in rooms)
        passed_on = {topic for room in rooms.values() for topic in room.spec.writes.values()}
        on_heads = {room.input: room for room in rooms.values() if room.decider.on_heads}
        self._passed_on = {topic: room for topic, room in on_heads.items() if topic in passed_on}
        self._sent_back = {room.input for room in on_heads.values() if room.input in room.spec.writes.values()}

    def outside(self, record: Record) -> bool:
        """Whether no processor wrote this record."""
        source = header(record.headers, CE_SOURCE)
        if source is not None:
            return source not in self._names
        room = self._passed_on.get(record.topic)
        if room is None:
            return True
        if record.topic in self._sent_back:
            return "rerouted" not in flags(record.headers)
        # What is passed on was readable by its head; on these topics nothing else is a processor's.
        try:
            if id_of(record.value) in room.configuration_ids:
                return True
            read_head(record.value or b"")
        except SchemaError:
            return True
        return False


def identity(headers: Headers, value: bytes | None) -> Id:
    """The id of a record that a processor wrote: its own, or that of the original which was passed on."""
    own = record_id(Record("", 0, 0, 0, None, None, headers))
    if own is not None:
        return own
    try:
        return read_head(value or b"").event_id
    except SchemaError:
        return ids.derive("bytes", value or b"")
