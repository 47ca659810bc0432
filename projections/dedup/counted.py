"""Pure: how many there are, and up to which offset they were counted: a record that is read again counts no more.

A script in Redis that fails half-way leaves what it wrote, and its records are read again: perhaps in other batches, so
that a plain number could be of none of them. Counts are stored with the offset after the last record that they count.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """`count` of the records of one partition that lie before the offset `to`."""

    count: int
    to: int

    def with_one(self, offset: int) -> Counted:
        """With the record at `offset`, unless it is counted already."""
        return Counted(self.count + 1, offset + 1) if offset >= self.to else self

    def text(self) -> str:
        """As it is stored: `<count> <to>`."""
        return f"{self.count} {self.to}"

    @classmethod
    def of(cls, text: bytes) -> Counted:
        """What `text` gave."""
        count, to = text.split()
        return cls(int(count), int(to))


NONE = Counted(0, 0)
