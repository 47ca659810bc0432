"""Fold the events of signals into its parts. Total; facts for other processors change nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.kernel.decider import View
from processors.signals.events import FailureHeld, FailureReleased, TallyKept, WritingSeen, WroteKept


def evolve(view: View, event: Any) -> Mapping[str, Any | None]:
    """The parts that an event changes."""
    match event:
        case FailureHeld(part, held):
            return {part: held}
        case FailureReleased(part):
            return {part: None}
        case TallyKept(part, tally):
            return {part: tally}
        case WroteKept(part, wrote):
            return {part: wrote}
        case WritingSeen(part, writing):
            return {part: writing}
        case _:
            return {}
