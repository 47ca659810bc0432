"""Pure calculations of deduplication: digests and packed sightings of the window, numbers of a mark."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from processors.dedup.sightings import ENTRY_BYTES, RING, SLOT_S, WINDOW_S, Sightings, unpacked
from processors.dedup.state import Mark, Window, window_part
from processors.kernel.decider import View

REUSE_S = SLOT_S * (RING - 1)
# 64 entries, 1.7 KB: what a transaction of few actions writes again is half of that, and one of 2,000 actions writes
# some 60 pieces whole. What comes after opens the next piece, so the window has no upper limit of entries.
PIECE_BYTES = 64 * ENTRY_BYTES
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


def find(view: View, what: bytes, second: int) -> Sighting | None:
    """The latest sighting of a digest within REUSE_S before `second`, or None."""
    index: Sightings = view.index
    slot = second // SLOT_S
    for at in range(slot, slot - RING, -1):
        number = index.find(what, at)
        if number is not None:
            within, times, offset = unpacked(number)
            found = Sighting(at * SLOT_S + within, offset, times)
            return found if second - found.second < REUSE_S else None
    return None


def in_window(found: Sighting | None, second: int) -> bool:
    """Whether a sighting counts as a repetition (KERNEL 6: compared when it is read)."""
    return found is not None and second - found.second < WINDOW_S


def append(view: View, what: bytes, times: int, second: int, offset: int) -> tuple[str, Window]:
    """The part that takes one more sighting, and what it becomes; an expired part's key is used again."""
    index: Sightings = view.index
    slot = second // SLOT_S
    entry = what + (second % SLOT_S).to_bytes(2, "big") + bytes((times,)) + offset.to_bytes(8, "big")
    n = index.last if slot == index.slot else 0
    while True:
        part = window_part(slot % RING, n)
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
