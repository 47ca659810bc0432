"""What is measured and told by machines: observations, what crosses a limit, notes of alerts' sources, windows' ends.

Values are scaled: a whole number of millionths (schemas.scaled).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16
from schemas.messages.incidents.commands import Severity

Side = Literal["above", "below"]


# --- commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObservationReported:
    """A number about a resource: a spend, a count of rows, of instances. `value` in millionths, `event_time` ms.

    `actor` is who caused it, where the sender knows; `subject` is the token's.
    """

    tenant: str
    observation_id: Id16
    name: str
    resource: str
    actor: str | None
    value: int
    unit: str | None
    event_time: int
    subject: str
    at: int


@dataclass(frozen=True, slots=True)
class AlertAcknowledgementObserved:
    """The source of an alert says that somebody there acknowledged it. It is a note: nobody here has answered."""

    tenant: str
    alert_id: Id16
    source: str
    subject: str
    at: int


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ThresholdBreached:
    """A measured value crossed a configured limit and belongs to this incident; `opened` when it opened it.

    `value`, `limit` and `baseline` are millionths. `baseline` (the mean of `samples` earlier values) and
    `ratio_permille` (value to baseline) are None where too little was seen. `held_s`: how long it was over before.
    """

    tenant: str
    incident_id: Id16
    number: int
    breach_id: Id16
    observation_id: Id16
    threshold: str
    name: str
    resource: str
    actor: str | None
    value: int
    unit: str | None
    limit: int
    side: Side
    held_s: int
    baseline: int | None
    ratio_permille: int | None
    samples: int
    severity: Severity | None
    event_time: int
    opened: bool
    reasons: tuple[str, ...]
    at: int
    in_maintenance: str | None = None


@dataclass(frozen=True, slots=True)
class ThresholdRecovered:
    """The value is back inside its limit after `lasted_s`. It ends the breach, never the incident."""

    tenant: str
    incident_id: Id16
    number: int
    breach_id: Id16
    threshold: str
    name: str
    resource: str
    value: int
    unit: str | None
    limit: int
    lasted_s: int
    reasons: tuple[str, ...]
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class AlertNoted:
    """The alert's source says something of it that changes nothing here; `what` is said in words."""

    tenant: str
    incident_id: Id16
    number: int
    alert_id: Id16
    source: str
    name: str
    what: str
    reasons: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class MaintenanceOver:
    """A sign outside the maintenance window in which an incident was silent: now people are told.

    `raised`: the incident was known before; what went unsaid is that its severity had been raised.
    """

    tenant: str
    incident_id: Id16
    number: int
    window: str
    resource: str
    title: str
    severity: Severity
    raised: bool
    first_failure_at: int
    failures: int
    affected_count: int
    at: int


COMMANDS = (ObservationReported, AlertAcknowledgementObserved)
EVENTS = (ThresholdBreached, ThresholdRecovered, AlertNoted, MaintenanceOver)
