"""Fold the events of ordering into its parts. Total; what is said to others changes nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.kernel.decider import View
from processors.ordering.events import DriftNoted, GapKept, MarkMoved, PaceKept, TrafficKept


def evolve(view: View, event: Any) -> Mapping[str, Any | None]:
    """The parts that an event changes."""
    match event:
        case MarkMoved(part, mark):
            return {part: mark}
        case GapKept(part, gap):
            return {part: gap}
        case DriftNoted(part, drift):
            return {part: drift}
        case PaceKept(part, pace):
            return {part: pace}
        case TrafficKept(part, traffic):
            return {part: traffic}
        case _:
            return {}
