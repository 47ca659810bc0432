"""Streams `incidents.commands` and `incidents.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16

Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
State = Literal["detected", "investigating", "resolved"]


# --- commands: facts from other processors -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorSignalled:
    """One failure that became a signal. `failed_tries` > 1 when retries were waited for; `reason` says why now."""

    tenant: str
    resource: str
    fingerprint: str
    error_type: str
    message: str
    sample: str
    actor: str
    session: str
    action_type: str
    action_id: Id16
    affected: str | None
    event_time: int
    first_event_time: int
    failed_tries: int
    reason: Literal["not_retryable", "last_try_failed", "retry_window_ended"]
    historical: bool = False
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class FailureHealed:
    """A failure whose next try succeeded inside the retry window."""

    tenant: str
    resource: str
    fingerprint: str
    actor: str
    action_type: str
    action_id: Id16
    failed_tries: int
    first_event_time: int
    event_time: int


@dataclass(frozen=True, slots=True)
class ChangeObserved:
    """A deploy, configuration, flag, migration or permission change on a resource."""

    tenant: str
    resource: str
    kind: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    action_id: Id16
    event_time: int


@dataclass(frozen=True, slots=True)
class PageObserved:
    """A page for an incident had an outcome; the first delivered one starts the human half of the intervention."""

    tenant: str
    incident_id: Id16
    notification_id: Id16
    person: str
    channel: str
    outcome: Literal["delivered", "failed", "unknown"]
    at: int


# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcknowledgeIncident:
    """`subject` (the token's) takes the incident. `at` is the gateway's clock, for people only."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int


@dataclass(frozen=True, slots=True)
class ResolveIncident:
    """`subject` says the incident is over."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """The first signal of a problem opened an incident. `first_failure_at` is event time; `at` log time."""

    tenant: str
    incident_id: Id16
    number: int
    resource: str
    fingerprint: str
    error_type: str
    title: str
    sample: str
    severity: Severity
    severity_reason: str
    actor: str
    action_type: str
    action_id: Id16
    affected: str | None
    first_failure_at: int
    event_time: int
    historical: bool
    reasons: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class SignalAttached:
    """One more failure of an open incident; totals are those after it."""

    tenant: str
    incident_id: Id16
    number: int
    actor: str
    action_type: str
    action_id: Id16
    affected: str | None
    sample: str
    event_time: int
    failures: int
    affected_count: int
    reasons: tuple[str, ...]
    historical: bool
    at: int


@dataclass(frozen=True, slots=True)
class SeverityRaised:
    """The severity went up by a configured threshold; people are paged again although somebody acknowledged."""

    tenant: str
    incident_id: Id16
    number: int
    resource: str
    title: str
    before: Severity
    after: Severity
    reason: str
    first_failure_at: int
    failures: int
    affected_count: int
    historical: bool
    at: int


@dataclass(frozen=True, slots=True)
class IncidentPaged:
    """The first page of an incident was delivered to a person."""

    tenant: str
    incident_id: Id16
    number: int
    person: str
    channel: str
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentAcknowledged:
    """`subject` is on it; `failures` and `affected_count` are those until now."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentStateChanged:
    """A move of the state machine, and who or what caused it."""

    tenant: str
    incident_id: Id16
    number: int
    before: State
    after: State
    by: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """The incident is over, with its intervention times; a time is None when it never came."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    first_failure_at: int
    detected_at: int
    first_page_at: int | None
    acknowledged_at: int | None
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class ChangeRecorded:
    """A change is kept, to be weighed as a cause."""

    tenant: str
    change_id: Id16
    resource: str
    kind: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    action_id: Id16
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class HealedFailureCounted:
    """A failure healed by its retry: counted, nobody is told. `total` is the tenant's."""

    tenant: str
    resource: str
    fingerprint: str
    actor: str
    action_type: str
    action_id: Id16
    failed_tries: int
    total: int
    at: int


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A person's command was declined: what, why, and which moves are allowed instead."""

    tenant: str
    command_id: Id16
    subject: str
    incident_id: Id16
    command: str
    code: str
    why: str
    remedy: str
    at: int


COMMANDS = (ErrorSignalled, FailureHealed, ChangeObserved, PageObserved, AcknowledgeIncident, ResolveIncident)
EVENTS = (
    IncidentOpened,
    SignalAttached,
    SeverityRaised,
    IncidentPaged,
    IncidentAcknowledged,
    IncidentStateChanged,
    IncidentResolved,
    ChangeRecorded,
    HealedFailureCounted,
    CommandRefused,
)
