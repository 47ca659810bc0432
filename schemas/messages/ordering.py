"""Stream `ordering.events`: what is known about the order and the clocks of an actor's actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class SequenceGapOpened:
    """Numbers `first`..`last` (inclusive) of (actor, session) were skipped; seen when `event_id` came."""

    tenant: str
    actor: str
    session: str
    first: int
    last: int
    event_id: Id16
    at: int


@dataclass(frozen=True, slots=True)
class SequenceGapFilled:
    """The last missing number of a gap came, `late_ms` after the gap had opened."""

    tenant: str
    actor: str
    session: str
    first: int
    last: int
    event_id: Id16
    late_ms: int
    at: int


@dataclass(frozen=True, slots=True)
class SequenceGapDeclared:
    """The numbers did not come within the wait: they are declared missing."""

    tenant: str
    actor: str
    session: str
    first: int
    last: int
    missing: tuple[int, ...]
    missing_count: int
    opened_at: int
    at: int


@dataclass(frozen=True, slots=True)
class ClockDriftDetected:
    """An actor's clock is off: `drift_ms` = event time - received_at. At most one per actor and hour."""

    tenant: str
    actor: str
    kind: Literal["future_timestamp", "stale_timestamp"]
    drift_ms: int
    event_id: Id16
    at: int


EVENTS = (SequenceGapOpened, SequenceGapFilled, SequenceGapDeclared, ClockDriftDetected)
