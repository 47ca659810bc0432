"""The index over the window: which digest was seen last where and when. A pure function of the Window parts."""

from __future__ import annotations

from struct import Struct

from processors.dedup.state import Window

WINDOW_S = 300
# A slot is as long as the window, so one slot never holds an id twice and a look-up asks three: the current slot, the
# one before, and the one before that, in which an id is only known as used earlier (`id_reused`).
SLOT_S = WINDOW_S
RING = 3
# digest 16, second within the slot 2, times 1, offset 8
ENTRY = Struct(">16sHBQ")
ENTRY_BYTES = ENTRY.size
# A number that holds all of a sighting but its digest and slot: offset, 9 bits of second, 8 bits of times. The later
# sighting of a slot is the greater number, because offsets grow.
SECOND_BITS, TIMES_BITS = 9, 8


def packed(second: int, times: int, offset: int) -> int:
    """A sighting as a number; `second` is counted from its slot's begin."""
    return (offset << SECOND_BITS | second) << TIMES_BITS | times


def unpacked(number: int) -> tuple[int, int, int]:
    """(second within its slot, times, offset) of a sighting."""
    times = number & (1 << TIMES_BITS) - 1
    number >>= TIMES_BITS
    return number & (1 << SECOND_BITS) - 1, times, number >> SECOND_BITS


class Sightings:
    """About 170 bytes a sighting, of three slots; an action has one to three of them.

    `slot` is the newest that has a sighting, `kept` the digests of it, of the one before, and of the one before that.
    `last` is the number of the piece in the newest slot that takes the next sighting, unless it is full.
    """

    kind = Window

    def __init__(self) -> None:
        self.slot = -RING
        self.kept: tuple[dict[bytes, int], dict[bytes, int], dict[bytes, int]] = ({}, {}, {})
        self.last = 0
        # How much of the piece that was told last is known: it grows by a sighting or two a time.
        self._part, self._known = "", 0

    def turn(self, slot: int) -> None:
        """A later slot begins."""
        for _ in range(min(RING, slot - self.slot)):
            self.kept = ({}, self.kept[0], self.kept[1])
        self.slot, self.last = slot, 0
        self._part = ""

    def find(self, what: bytes, slot: int) -> int | None:
        """The last sighting of a digest in one slot, packed; None when there is none or the slot is forgotten."""
        back = self.slot - slot
        return self.kept[back].get(what) if 0 <= back < RING else None

    def changed(self, part: str, value: Window, /) -> None:
        """See kernel.decider.Index."""
        if value.slot > self.slot:
            self.turn(value.slot)
        back = self.slot - value.slot
        if back >= RING:
            return
        seen, entries = self.kept[back], value.entries
        # A restore comes here for every sighting of the window, so what `packed` does is written out.
        last = -1
        for what, second, times, offset in ENTRY.iter_unpack(entries[self._known :] if part == self._part else entries):
            number = (offset << SECOND_BITS | second) << TIMES_BITS | times
            # An action's id and its number are seen at once: one object for both, as the batch face has it.
            if number == last:
                number = last
            last = number
            if seen.get(what, -1) < number:
                seen[what] = number
        if back == 0:
            self.last = max(self.last, int(part.rpartition("/")[2]))
            self._part, self._known = part, len(entries)
