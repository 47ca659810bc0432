"""Pure: records of four topics to sightings, and which slots of time they push out.

A sighting is one line, `<offset> <append time>[ <JSON>]`, under the event id. What the JSON says depends on the kind:

    accepted  (actions.raw)      nothing: it was written to the log
    admitted  (actions.unique)   {"flags": [...]}, left out when there are none
    dropped   (actions.dropped)  {"reason", "rule", "topic", "partition", "offset", "first_offset"}: the dropped copy,
                                 with {"sequence", "session"} (a hash, as marks.digest says) where it has a number
    dead      (dead.letters)     {"processor", "code", "detail", "topic", "partition", "offset"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from processors.host.places import Place
from projections.dedup import marks
from projections.dedup.counted import NONE, Counted
from projections.errors import Refused
from projections.reading import action_frames
from projections.redis_keys import own_key, tenant_key
from projections.redis_script import Operations
from projections.redis_store import Mark as Position
from projections.redis_store import name_of
from schemas import codec, ids
from schemas.envelope import flags
from schemas.errors import SchemaError
from schemas.head import Head, read_head
from schemas.messages.actions import DROPPED, ActionDropped
from schemas.messages.kernel import DEAD_LETTERS, DeadLetter
from schemas.record import Record
from schemas.topology import DEAD_LETTERS as DEAD_LETTERS_TOPIC
from schemas.topology import Topology

NAME = "dedup"
VERSION = 3

Kind = Literal["accepted", "admitted", "dropped", "dead"]

SLOT_MS = 600_000
# As long as actions.raw is kept: a rebuild then finds all of it again.
WINDOW_MS = 86_400_000
# A line is about 130 bytes of Redis: the 8 places of actions.raw and actions.unique hold at most 310 MB.
# At 500 actions/s the window is 40 minutes, at 14/s the whole day. The slot of now is never cut: 10 minutes at least.
SIGHTINGS_MAX = 300_000
DETAIL_MAX = 300

SIZES = own_key(NAME, VERSION, "sizes")
_DROPPED = codec.Words(DROPPED)
_DEAD = codec.Words(DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class Sighting:
    """`field` is the event id, or `@topic-partition@offset` for what has none."""

    tenant: str
    field: bytes
    line: str


@dataclass(slots=True)
class PlaceState:
    """Slots of one place with their number of sightings, oldest first; `slot` is that of its latest log time.

    Slots before `first` are gone for good: a batch that was written half-way and is done again opens none of them.
    """

    slot: int = 0
    sizes: dict[int, Counted] = field(default_factory=dict)
    first: int = 0

    def copy(self) -> PlaceState:
        """Another one to work on."""
        return PlaceState(self.slot, dict(self.sizes), self.first)


def kinds_of(declared: Topology) -> dict[str, Kind]:
    """What is in which topic: the deduplication processor's input and outputs, and the dead letters."""
    room = declared.rooms[NAME]
    return {
        room.input: "accepted",
        room.writes["ActionAdmitted"]: "admitted",
        room.writes["ActionDropped"]: "dropped",
        DEAD_LETTERS_TOPIC: "dead",
    }


def data_key(tenant: str, place: str, slot: int) -> str:
    """Where a tenant's sightings of one place and slot are."""
    return tenant_key(tenant, NAME, VERSION, f"{place}:{slot}")


def members_key(place: str, slot: int) -> str:
    """The set of all tenants' keys of one place and slot."""
    return own_key(NAME, VERSION, f"keys:{place}:{slot}")


def size_field(place: str, slot: int) -> str:
    """The field of SIZES."""
    return f"{place}:{slot}"


def sizes_of(stored: Mapping[bytes, bytes], positions: Mapping[Place, Position]) -> dict[Place, PlaceState]:
    """The states of all places, from what is stored."""
    out = {
        place: PlaceState((mark.at or 0) // SLOT_MS, first=(mark.since or 0) // SLOT_MS)
        for place, mark in positions.items()
    }
    named = {name_of(place): place for place in out}
    for name, count in stored.items():
        place, _, slot = name.decode().rpartition(":")
        if place in named:
            out[named[place]].sizes[int(slot)] = Counted.of(count)
    return out


# What speaks of an action by its head.
_HEADED: tuple[Kind, ...] = ("accepted", "admitted")


def heads_of(records: Sequence[Record], kinds: Mapping[str, Kind]) -> list[Head | None]:
    """The heads of what was accepted and admitted, None for everything else: read once for all who need them."""
    return [head_of(r.value) if kinds[r.topic] in _HEADED else None for r in records]


def project(
    records: Sequence[Record],
    kinds: Mapping[str, Kind],
    states: dict[Place, PlaceState],
    heads: Sequence[Head | None] | None = None,
) -> tuple[Operations, dict[Place, int], int]:
    """Writes, what places speak for from now on, and how many records could not be read. Changes `states`.

    `heads`: those of the records, where they were read before (heads_of).
    """
    operations = Operations()
    since: dict[Place, int] = {}
    rejected = 0
    touched: dict[tuple[Place, int], None] = {}
    gone: dict[tuple[Place, int], None] = {}
    for record, head in zip(records, heads_of(records, kinds) if heads is None else heads, strict=True):
        place = Place(record.topic, record.partition)
        state = states[place]
        # Log time does not go back, whatever a broker's clock does: else a dropped slot could open again.
        state.slot = max(state.slot, record.append_time // SLOT_MS)
        try:
            found = _sighting(record, kinds[record.topic], head)
        except SchemaError as error:
            _refuse_newer(record, error)
            rejected += 1
            continue
        if found is None:
            continue
        if state.slot < state.first:
            # A batch that was written half-way forgot this slot, perhaps not all of it.
            gone[place, state.slot] = None
            continue
        named = name_of(place)
        key, members = data_key(found.tenant, named, state.slot), members_key(named, state.slot)
        operations.line(key, found.field, found.line, members)
        state.sizes[state.slot] = state.sizes.get(state.slot, NONE).with_one(record.offset)
        touched[place, state.slot] = None
    for place, state in states.items():
        for slot in expired(state):
            gone[place, slot] = None
            since[place] = state.first * SLOT_MS
    for place, slot in gone:
        operations.drop(members_key(name_of(place), slot), SIZES, size_field(name_of(place), slot))
    for place, slot in touched:
        if slot in states[place].sizes:
            operations.set(SIZES, size_field(name_of(place), slot), states[place].sizes[slot].text())
    return operations, since, rejected


def expired(state: PlaceState) -> Iterator[int]:
    """Takes the slots out of a state that are too old, or too many; oldest first."""
    total = sum(counted.count for counted in state.sizes.values())
    for slot in sorted(state.sizes):
        kept = slot >= max(state.first, state.slot - WINDOW_MS // SLOT_MS) and total <= SIGHTINGS_MAX
        if slot == state.slot or kept:
            return
        total -= state.sizes.pop(slot).count
        state.first = max(state.first, slot + 1)
        yield slot


def sighting(record: Record, kind: Kind) -> Sighting | None:
    """What a record says of an action; None when it speaks of none. Raises SchemaError."""
    return _sighting(record, kind, head_of(record.value) if kind in _HEADED else None)


def _sighting(record: Record, kind: Kind, head: Head | None) -> Sighting | None:
    value = record.value
    match kind:
        case "accepted":
            # What has no head is decided by the processor: it comes back as a dead letter.
            return None if head is None else Sighting(head.tenant, head.event_id, _line(record))
        case "admitted":
            words = flags(record.headers)
            said = {"flags": list(words)} if words else None
            return None if head is None else Sighting(head.tenant, head.event_id, _line(record, said))
        case "dropped":
            dropped: ActionDropped = _DROPPED.decode(value)
            return Sighting(dropped.tenant, dropped.event_id, _line(record, _dropped(dropped)))
        case "dead":
            letter: DeadLetter = _DEAD.decode(value)
            return _dead(record, letter)


def head_of(value: bytes | None) -> Head | None:
    """The head of an action of any version that we know; None for everything else."""
    if value is None or value[: codec.PREFIX_BYTES] not in action_frames():
        return None
    try:
        return read_head(value)
    except SchemaError:
        return None


def coordinates(topic: str, partition: int, offset: int) -> bytes:
    """How a record without an id is asked for: as `mandate dead-letters list` names it, after an `@`."""
    return f"@{topic}-{partition}@{offset}".encode()


def _dead(record: Record, letter: DeadLetter) -> Sighting | None:
    if letter.timer is not None:
        return None
    head = head_of(letter.original)
    tenant = letter.tenant or (head.tenant if head is not None else _owner(letter.key))
    if tenant is None:
        return None
    name = coordinates(letter.topic, letter.partition, letter.offset) if head is None else head.event_id
    said = {
        "processor": letter.room,
        "code": letter.code,
        "detail": letter.detail[:DETAIL_MAX],
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
    }
    return Sighting(tenant, name, _line(record, said))


def _owner(key: bytes | None) -> str | None:
    """The tenant of a Kafka key, where it is one."""
    try:
        return None if not key else ids.unescape(key.decode().partition("/")[0]) or None
    except UnicodeDecodeError:
        return None


def _dropped(dropped: ActionDropped) -> dict[str, Any]:
    return {
        "reason": dropped.reason,
        "rule": dropped.rule,
        "topic": dropped.topic,
        "partition": dropped.partition,
        "offset": dropped.offset,
        "first_offset": dropped.first_offset,
    } | _number(dropped)


def _number(dropped: ActionDropped) -> dict[str, Any]:
    """Which number of which session the copy has, where it has one: the mark can then be asked."""
    head = head_of(dropped.original)
    who = None if head is None else marks.owner(head)
    return {} if head is None or who is None else {"sequence": head.sequence, "session": who[1].hex()}


def _line(record: Record, said: Mapping[str, Any] | None = None) -> str:
    line = f"{record.offset} {record.append_time}"
    # ASCII without line breaks, whatever a detail says: lines are told apart by them.
    return line if said is None else f"{line} {json.dumps(said, separators=(',', ':'))}"


def _refuse_newer(record: Record, error: SchemaError) -> None:
    if error.code == "unknown_schema":
        raise Refused(
            "newer_schema",
            f"record {record.topic}[{record.partition}]@{record.offset}",
            error.why,
            "Install the version that wrote it; nothing was stored beyond this record.",
        ) from error
