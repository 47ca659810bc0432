"""What only changes the state of signals; never written to a topic."""

from __future__ import annotations

from dataclasses import dataclass

from processors.signals.state import Held, Tally, Writing, Wrote


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


@dataclass(frozen=True, slots=True)
class WroteKept:
    """A writer's count, or (None) its minute is over."""

    part: str
    wrote: Wrote | None


@dataclass(frozen=True, slots=True)
class WritingSeen:
    """How many writers were told in this minute, or (None) it is over."""

    part: str
    writing: Writing | None
