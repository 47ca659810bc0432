"""The only reader of the machine's clocks, and a clock that stands still until it is told to move.

Nothing that decides uses either: `now` is the append time of records. The host needs clocks for pacing, for
ticks and for the guard against a broker whose clock runs ahead.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that only says how long, one that says when."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970 (UTC) as this machine believes."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970 (UTC) as this machine believes."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """Time that moves only by `advance`. `step` moves the wall clock alone, also back, as a bad time server
    does."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._elapsed_ms = 0
        self._wall_ms = start_ms

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed_ms / 1_000

    def wall_ms(self) -> int:
        """Start, plus what was advanced and stepped."""
        return self._wall_ms

    def advance(self, ms: int) -> None:
        """Let `ms` (≥ 0) milliseconds pass."""
        if ms < 0:
            raise ValueError("time passes forward; use step() for a wall clock set back")
        self._elapsed_ms += ms
        self._wall_ms += ms

    def step(self, ms: int) -> None:
        """Set the wall clock forward or back without time passing."""
        self._wall_ms += ms
