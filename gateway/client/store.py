"""Where actions wait until the gateway has them: what a store promises, and the one in memory.

A store is a queue of lines (one action in JSON each, without a line break). It is not safe for threads by itself: the
engine holds its lock around every call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from gateway.client.errors import NotTaken


class Store(Protocol):
    """A bounded queue of lines."""

    @property
    def waiting(self) -> int:
        """How many lines wait."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """How many bytes they have."""
        ...

    @property
    def place(self) -> str | None:
        """The directory where they survive this process, or None."""
        ...

    def append(self, lines: Sequence[bytes], durable: bool) -> None:
        """Keep all lines, or none: raises NotTaken `spill_full`, `spill_failed`.

        `durable`: they are on the disk when this returns (else only with the operating system).
        """
        ...

    def head(self, count: int, size: int) -> list[bytes]:
        """The oldest lines, at most `count` and about `size` bytes, at least one if there is any. They stay."""
        ...

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget these, which are the oldest."""
        ...

    def sync(self) -> None:
        """Everything appended so far is on the disk when this returns."""
        ...

    def close(self) -> None:
        """Let go of files; what waits stays where it is."""
        ...


class Memory:
    """Lines that end with this process: for tests, and for callers who wait for every receipt."""

    place = None

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self.waiting_bytes = 0

    @property
    def waiting(self) -> int:
        """How many lines wait."""
        return len(self._lines)

    def append(self, lines: Sequence[bytes], durable: bool) -> None:
        """Keep all lines, or none."""
        size = sum(map(len, lines))
        if self.waiting_bytes + size > self._limit:
            raise full(self.waiting, self.waiting_bytes, self._limit, "memory")
        self._lines.extend(lines)
        self.waiting_bytes += size

    def head(self, count: int, size: int) -> list[bytes]:
        """The oldest lines."""
        out: list[bytes] = []
        for line in self._lines:
            size -= len(line)
            if out and (len(out) == count or size < 0):
                break
            out.append(line)
        return out

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget these."""
        for line in lines:
            self.waiting_bytes -= len(line)
            self._lines.popleft()

    def sync(self) -> None:
        """There is no disk."""

    def close(self) -> None:
        """There are no files."""


def full(waiting: int, size: int, limit: int, where: str) -> NotTaken:
    """The error of a store that has no room."""
    return NotTaken(
        "spill_full",
        "the action",
        f"{waiting} actions ({size} of {limit} bytes) already wait in {where} for a gateway that does not take them",
        "Hand it over again later; bring the gateway back (mandate status), or allow more bytes (Policy.spill_bytes).",
    )
