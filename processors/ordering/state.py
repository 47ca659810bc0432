"""What ordering remembers of an actor: a mark per session, its open gaps, when its clock was last reported, its pace.

Keys: `<tenant>/<actor>/mark/<session>`, `<tenant>/<actor>/gap/<session>/<first number>`, `<tenant>/<actor>/drift`,
`<tenant>/<actor>/pace`, and `<tenant>/traffic` for the tenant; a session's name is hashed. All times are log time, ms
where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas import codec
from schemas.codec import PREFIX_BYTES
from schemas.errors import SchemaError
from schemas.head import read_long
from schemas.ids import derive

# Names kept ready (a hit saves 3 µs of hashing): usually 100 bytes each, at most 12 KB, so at worst 50 MB.
KEPT_KEYS = 4_096
# Kinds with their history, about 400 bytes each: most actors have the same, without one.
KEPT_KINDS = 4_096
# Beginnings of paces, about 150 bytes each: many actors are seen in one second, most of them once or twice.
KEPT_STARTS = 4_096


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest number seen of a session, and how many of its gaps are open."""

    highest: int
    open_gaps: int
    seen_at: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that were skipped. `missing` are the ranges still missing: first, last, first, last, … ascending."""

    tenant: str
    actor: str
    session: str
    first: int
    last: int
    missing: tuple[int, ...]
    opened_at: int


@dataclass(frozen=True, slots=True)
class Drift:
    """When the actor's clock was last reported."""

    alerted_at: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of an actor's action types: how many in the current window, and in the last active ones."""

    name: str
    count: int
    history: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How much an actor does: in the last `second` (s since 1970) it was seen in, and in the window of this number."""

    second: int
    in_second: int
    window: int
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much a tenant does on this partition: actions in the last `second`, and actors first seen in ten seconds.

    `bucket` is the number of those ten seconds; `first_at` when the tenant was first seen here (ms).
    """

    first_at: int
    second: int
    actions: int
    bucket: int
    actors: int


PACE = "pace"
PARTS = (Mark, Gap, Drift, Pace, Traffic)


@lru_cache(maxsize=KEPT_KEYS)
def mark_part(key: str, session: str) -> str:
    """Where a session's mark is."""
    return f"{key}/mark/{derive('session', session).hex()}"


def gaps_prefix(key: str, session: str) -> str:
    """Where a session's gaps begin, in ascending order of their first number."""
    return f"{key}/gap/{derive('session', session).hex()}/"


def gap_part(key: str, session: str, first: int) -> str:
    """Where one gap is; twenty digits hold every 64-bit number, so that byte order is the order of numbers."""
    return f"{gaps_prefix(key, session)}{first:020d}"


def drift_part(key: str) -> str:
    """Where an actor's clock is."""
    return f"{key}/drift"


def pace_part(key: str) -> str:
    """Where an actor's pace is."""
    return f"{key}/{PACE}"


def key_of_part(part: str) -> tuple[bytes, str]:
    """The Kafka key of an actor's part, and which it is: `mark`, PACE, or else something."""
    before, _, last = part.rpartition("/")
    owner, _, what = before.rpartition("/")
    return (before.encode(), last) if last == PACE else (owner.encode(), what)


def traffic_part(key: str) -> str:
    """Where a tenant's traffic is; `key` is the tenant's."""
    return f"{key}/traffic"


def encode_mark(highest: int, open_gaps: int, seen_at: int) -> bytes:
    """A Mark as `codec.encode` gives it, several times quicker: a transaction writes hundreds."""
    return b"".join((codec.frame_of(Mark), codec.long(highest), codec.long(open_gaps), codec.long(seen_at)))


def mark_of(raw: bytes) -> Mark | None:
    """The Mark in these bytes; None: ask the codec."""
    frame = codec.frame_of(Mark)
    try:
        highest, at = read_long(raw, PREFIX_BYTES)
        open_gaps, at = read_long(raw, at)
        seen_at, end = read_long(raw, at)
    except (IndexError, SchemaError):
        return None
    return Mark(highest, open_gaps, seen_at) if raw.startswith(frame) and end == len(raw) else None


@lru_cache(maxsize=KEPT_KINDS)
def encode_kind(name: str, history: tuple[int, ...]) -> tuple[bytes, bytes]:
    """What stands before and behind the count of a Kind as `codec.encode` gives it."""
    raw = name.encode()
    behind = b"".join((codec.long(len(history)), *map(codec.long, history), b"\x00")) if history else b"\x00"
    return codec.long(len(raw)) + raw, behind


def pace_of(raw: bytes) -> Pace | None:
    """The Pace in these bytes; None: ask the codec."""
    if not raw.startswith(codec.frame_of(Pace)):
        return None
    kinds = []
    try:
        second, at = read_long(raw, PREFIX_BYTES)
        in_second, at = read_long(raw, at)
        window, at = read_long(raw, at)
        count, at = read_long(raw, at)
        for _ in range(count):
            length, at = read_long(raw, at)
            name = raw[at : at + length].decode()
            done, at = read_long(raw, at + length)
            history, at = _numbers(raw, at)
            kinds.append(Kind(name, done, history))
        whole = count > 0 and raw[at:] == b"\x00"
    except (IndexError, UnicodeDecodeError, SchemaError):
        return None
    return Pace(second, in_second, window, tuple(kinds)) if whole else None


def _numbers(raw: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """A list of numbers as we write it, in one block, and where it ends. Raises IndexError, SchemaError."""
    count, at = read_long(raw, at)
    if not count:
        return (), at
    found = []
    for _ in range(count):
        number, at = read_long(raw, at)
        found.append(number)
    if raw[at] or not found:
        raise IndexError
    return tuple(found), at + 1


def encode_pace(second: int, in_second: int, window: int, kinds: list[bytes]) -> bytes:
    """A Pace as `codec.encode` gives it; `kinds` are the bytes of at least one Kind."""
    return b"".join((_pace_start(second, in_second, window), codec.long(len(kinds)), *kinds, b"\x00"))


@lru_cache(maxsize=KEPT_STARTS)
def _pace_start(second: int, in_second: int, window: int) -> bytes:
    return codec.frame_of(Pace) + codec.long(second) + codec.long(in_second) + codec.long(window)


def encode_traffic(first_at: int, second: int, actions: int, bucket: int, actors: int) -> bytes:
    """A Traffic as `codec.encode` gives it."""
    return codec.frame_of(Traffic) + b"".join(map(codec.long, (first_at, second, actions, bucket, actors)))
