"""What only changes the state of signals; never written to a topic."""

from __future__ import annotations

from dataclasses import dataclass

from processors.signals.state import Held


@dataclass(frozen=True, slots=True)
class FailureHeld:
    """A failure waits for its next try."""

    part: str
    held: Held


@dataclass(frozen=True, slots=True)
class FailureReleased:
    """It waits no more: it healed, or became a signal."""

    part: str
