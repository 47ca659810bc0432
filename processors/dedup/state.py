"""What deduplication remembers: sightings in packed parts by slot of time, and a mark per session.

Keys: `window/<place in the ring>/<n>` and `<tenant>/<actor>/mark/<hash of session>`.
The window belongs to the partition, not to a tenant; the owner is inside each sighting's digest.
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
# Beginnings of windows by slot and length, about 100 bytes each: a slot knows 600 lengths, and two are written around
# its end.
KEPT_STARTS = 2_048


@dataclass(frozen=True, slots=True)
class Window:
    """Sightings of one slot of log time as they came, packed as rules.py says. Another `slot` = expired content."""

    slot: int
    entries: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of the numbers of one (actor, session).

    `holes` are the unseen ranges between floor and highest as first, last, first, last, …, ascending and apart.
    Below `floor` nothing is known. `seen_at` is ms of log time of the last record.
    """

    highest: int
    floor: int
    holes: tuple[int, ...]
    seen_at: int


PARTS = (Window, Mark)


def window_part(place: int, n: int) -> str:
    """Where the n-th piece of a slot is."""
    return f"window/{place}/{n}"


@lru_cache(maxsize=KEPT_KEYS)
def mark_part(key: str, session: str) -> str:
    """Where the mark of a session is; hashed, because a session's name may be long."""
    return f"{key}/mark/{derive('session', session).hex()}"


def key_of_mark(part: str) -> bytes:
    """The Kafka key of a session's mark."""
    return part.rpartition("/mark/")[0].encode()


def window_pieces(slot: int, entries: bytes | bytearray) -> tuple[int, tuple[bytes | bytearray, ...]]:
    """A Window as `codec.encode` gives it, in pieces and how long they are: a transaction writes hundreds."""
    start = _window_start(slot, len(entries))
    return len(start) + len(entries), (start, entries)


@lru_cache(maxsize=KEPT_STARTS)
def _window_start(slot: int, length: int) -> bytes:
    return codec.frame_of(Window) + codec.long(slot) + codec.long(length)


def encode_mark(highest: int, floor: int, holes: tuple[int, ...], seen_at: int) -> bytes:
    """A Mark as `codec.encode` gives it."""
    long = codec.long
    ranges = codec.long(len(holes)) + b"".join([long(n) for n in holes]) if holes else b""
    return b"".join((codec.frame_of(Mark), long(highest), long(floor), ranges, b"\x00", long(seen_at)))


def mark_of(raw: bytes) -> Mark | None:
    """The Mark in these bytes, where it has no holes and a time of our days; None: ask the codec."""
    frame = codec.frame_of(Mark)
    try:
        highest, at = read_long(raw, PREFIX_BYTES)
        floor, at = read_long(raw, at)
        seen_at, end = read_long(raw, at + 1)
    except (IndexError, SchemaError):
        return None
    return Mark(highest, floor, (), seen_at) if raw.startswith(frame) and not raw[at] and end == len(raw) else None
