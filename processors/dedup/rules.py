"""Pure calculations of deduplication: digests and packed sightings of the window, numbers of a mark."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from processors.dedup.state import Mark, Window, window_part
from processors.kernel.decider import View

WINDOW_S = 300
# A slot is as long as the window, so one slot never holds an id twice and a look-up reads three parts: the current
# slot, the one before, and the one before that, in which an id is only known as used earlier (`id_reused`).
SLOT_S = WINDOW_S
RING = 3
REUSE_S = SLOT_S * (RING - 1)
# 1,024 buckets × 3 slots = 3,072 parts fit the 4,096 decoded parts that the kernel keeps. At 500 actions/s of two
# sightings a part has at most 300 entries (8 KB), of which a transaction rewrites two per action.
BUCKETS = 1024
# digest 16, second within the slot 2, times 1, offset 8
ENTRY_BYTES = 27
# 600 entries are 16 KB: a quarter of the limit of a part, because each touch rewrites the piece. What comes after
# opens the next piece, so the window has no upper limit of entries.
PIECE_BYTES = 600 * ENTRY_BYTES
MARK_MS = 86_400_000
MAX_HOLES = 1024
MAX_TIMES = 255


@dataclass(frozen=True, slots=True)
class Sighting:
    """When (second of log time) and where (offset) something was seen last; `times` as in events.Sighted."""

    second: int
    offset: int
    times: int


def digest(kind: bytes, key: bytes, content: bytes) -> bytes:
    """16 bytes for one thing of one owner. `kind` is one byte; the key's length keeps key and content apart.

    The owner is part of it, or a tenant could hide another's action by sending its id first.
    """
    return blake2b(digest_prefix(kind, key) + content, digest_size=16).digest()


def digest_prefix(kind: bytes, key: bytes) -> bytes:
    """What stands before the content in a digest: the same for all of one owner and kind."""
    return kind + len(key).to_bytes(4, "big") + key


def bucket_of(what: bytes) -> int:
    """The bucket of a digest, from its first bits."""
    return (what[0] << 8 | what[1]) % BUCKETS


def find(view: View, what: bytes, second: int) -> Sighting | None:
    """The latest sighting of a digest within REUSE_S before `second`, or None."""
    bucket, slot = bucket_of(what), second // SLOT_S
    for at in range(slot, slot - RING, -1):
        found = _in_slot(view, what, bucket, at)
        if found is not None:
            return found if second - found.second < REUSE_S else None
    return None


def in_window(found: Sighting | None, second: int) -> bool:
    """Whether a sighting counts as a repetition (KERNEL 6: compared when it is read)."""
    return found is not None and second - found.second < WINDOW_S


def _in_slot(view: View, what: bytes, bucket: int, slot: int) -> Sighting | None:
    latest = None
    n = 0
    while True:
        piece: Window | None = view.get(window_part(bucket, slot % RING, n))
        if piece is None or piece.slot != slot:
            return latest
        at = _last(piece.entries, what)
        if at >= 0:
            second = slot * SLOT_S + int.from_bytes(piece.entries[at + 16 : at + 18], "big")
            offset = int.from_bytes(piece.entries[at + 19 : at + 27], "big")
            latest = Sighting(second, offset, piece.entries[at + 18])
        if len(piece.entries) < PIECE_BYTES:
            return latest
        n += 1


def _last(entries: bytes, what: bytes) -> int:
    """Where the last entry of a digest begins, or -1. A hit across two entries is not one."""
    at = entries.rfind(what)
    while at > 0 and at % ENTRY_BYTES:
        at = entries.rfind(what, 0, at + len(what) - 1)
    return at


def append(view: View, what: bytes, times: int, second: int, offset: int) -> tuple[str, Window]:
    """The part that takes one more sighting, and what it becomes; an expired part's key is used again."""
    bucket, slot = bucket_of(what), second // SLOT_S
    entry = what + (second % SLOT_S).to_bytes(2, "big") + bytes((times,)) + offset.to_bytes(8, "big")
    n = 0
    while True:
        part = window_part(bucket, slot % RING, n)
        piece: Window | None = view.get(part)
        if piece is None or piece.slot != slot:
            return part, Window(slot, entry)
        if len(piece.entries) < PIECE_BYTES:
            return part, Window(slot, piece.entries + entry)
        n += 1


def alive(mark: Mark | None, now: int) -> Mark | None:
    """The mark, unless its session has been silent for a day."""
    return mark if mark is not None and now - mark.seen_at < MARK_MS else None


def standing(mark: Mark | None, number: int) -> Literal["new", "seen", "unknown"]:
    """Whether a number was seen; `unknown` below the floor, where the id alone decides."""
    if mark is None or number > mark.highest:
        return "new"
    if number < mark.floor:
        return "unknown"
    return "new" if _hole(mark.holes, number) >= 0 else "seen"


def _hole(holes: tuple[int, ...], number: int) -> int:
    """The index of the first of the range that holds `number`, or -1."""
    i = bisect_right(holes, number)
    if i % 2:
        return i - 1
    return i - 2 if i and holes[i - 1] == number else -1


def advance(mark: Mark | None, number: int, at: int) -> Mark:
    """The mark after an admitted number. The first number of a session leaves all below it open: they are unseen."""
    if mark is None:
        return Mark(number, 0, (0, number - 1) if number > 0 else (), at)
    if number == mark.highest + 1:
        return replace(mark, highest=number, seen_at=at)
    if number > mark.highest:
        opened = (*mark.holes, mark.highest + 1, number - 1)
        return _bounded(Mark(number, mark.floor, opened, at))
    i = _hole(mark.holes, number) if number >= mark.floor else -1
    if i < 0:
        return replace(mark, seen_at=at)
    first, last = mark.holes[i : i + 2]
    left = (first, number - 1) if first < number else ()
    right = (number + 1, last) if number < last else ()
    return _bounded(Mark(mark.highest, mark.floor, (*mark.holes[:i], *left, *right, *mark.holes[i + 2 :]), at))


def raises_floor(mark: Mark, number: int) -> bool:
    """Whether this number makes one hole too many."""
    return len(mark.holes) >= 2 * MAX_HOLES and advance(mark, number, mark.seen_at).floor > mark.floor


def _bounded(mark: Mark) -> Mark:
    """One hole too many: below the end of the oldest nothing is known any more (KERNEL 22)."""
    if len(mark.holes) <= 2 * MAX_HOLES:
        return mark
    return replace(mark, floor=mark.holes[1] + 1, holes=mark.holes[2:])
