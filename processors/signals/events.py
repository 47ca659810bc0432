"""What only changes the state of signals; never written to a topic."""

from __future__ import annotations

from dataclasses import dataclass

from processors.signals.state import Held, Tally


@dataclass(frozen=True, slots=True)
class FailureHeld:
    """A failure waits for its next try."""

    part: str
    held: Held


@dataclass(frozen=True, slots=True)
class FailureReleased:
    """It waits no more: it healed, or became a signal."""

    part: str


@dataclass(frozen=True, slots=True)
class TallyKept:
    """A try was counted, or (None) the tally is over."""

    part: str
    tally: Tally | None
