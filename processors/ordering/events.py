"""What ordering says only to itself and to the wire: the forwarded action, and changes of its parts."""

from __future__ import annotations

from dataclasses import dataclass

from processors.ordering.state import Drift, Gap, Mark, Pace, Traffic


@dataclass(frozen=True, slots=True)
class ActionOrdered:
    """The action goes on; its wire form is the original bytes."""


@dataclass(frozen=True, slots=True)
class MarkMoved:
    """A session's mark moved, or (None) was forgotten."""

    part: str
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class GapKept:
    """A gap opened or shrank, or (None) ended."""

    part: str
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class DriftNoted:
    """An actor's clock was reported, or (None) the hour after it is over."""

    part: str
    drift: Drift | None


@dataclass(frozen=True, slots=True)
class PaceKept:
    """An actor did something, or (None) was forgotten."""

    part: str
    pace: Pace | None


@dataclass(frozen=True, slots=True)
class TrafficKept:
    """A tenant's actor did something."""

    part: str
    traffic: Traffic
