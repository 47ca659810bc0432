"""Stream `incidents.events`: the history of a tenant's incidents."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.messages.incidents.commands import Confidence, Severity, State, SubjectKind, Trigger


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """The first sign of a problem opened an incident. `first_failure_at` is event time; `at` log time.

    `trigger` says what the sign was, `trigger_confidence` how far it is to be believed; `in_maintenance` names the
    maintenance window in which nobody is paged for it. Of what is no failure `action_type` is the trigger's word,
    `action_id` its id, `actor` who told it, `error_type` is "UserReport", "ExternalAlert", "ThresholdBreach" or
    "Suggestion", and `failures` is 0: nothing was seen failing.
    `split_from`: a person's split made it of these many failures of that incident; IncidentSplit says the rest.
    `acknowledged_by` is who has that one, and so this one.
    """

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
    trigger: Trigger = "error"
    failures: int = 1
    trigger_confidence: Confidence = "high"
    in_maintenance: str | None = None
    split_from: Id16 | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True, slots=True)
class SignalAttached:
    """One more failure of an open incident; totals are those after it. `reasons` say why it belongs there.

    `resource`, `fingerprint` and `error_type` (1.1) are the failure's own.
    """

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
    in_maintenance: str | None = None
    resource: str = ""
    fingerprint: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True)
class SeverityRaised:
    """The severity went up by a configured threshold, or (`stated`, 1.1) because a report or an alert says so; people
    are paged again although somebody acknowledged."""

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
    in_maintenance: str | None = None
    stated: bool = False


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
    """`subject` is on it; totals are those until now. `channel` and the message's id there (`reference`) if said."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    failures: int
    affected_count: int
    at: int
    channel: str | None = None
    reference: str | None = None


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
    """The incident is over, with its intervention times; a time is None when it never came.

    `postmortem_at` (1.2) is when the postmortem begins by itself, None where it does not.
    """

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
    contained_at: int | None = None
    postmortem_at: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRecorded:
    """A change is kept, to be weighed as a cause. `recorded_by` is who told it when that was not `actor` acting.

    `freeze` names the change freeze in which it was made, `freeze_message` what that freeze says.
    """

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
    recorded_by: str | None = None
    links: tuple[str, ...] = ()
    freeze: str | None = None
    freeze_message: str | None = None


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
    words: str = ""


@dataclass(frozen=True, slots=True)
class IncidentAssigned:
    """`subject` gave the incident to `assignee`, and paging goes on until somebody acknowledges."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    assignee: str
    note: str | None
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentContained:
    """The harm has stopped; `failures` and `affected_count` are those until now."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentReopened:
    """A resolved incident is not over: it attracts and pages again. `automatic`: the same symptoms, nobody asked."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    resource: str
    title: str
    severity: Severity
    first_failure_at: int
    failures: int
    affected_count: int
    historical: bool
    at: int
    automatic: bool = False
    in_maintenance: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """Nothing is left to do: the last state."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class SeverityChanged:
    """A person set the severity, with the word of `approved_by`; thresholds reached until now raise it no more."""

    tenant: str
    incident_id: Id16
    number: int
    resource: str
    title: str
    before: Severity
    after: Severity
    subject: str
    note: str | None
    first_failure_at: int
    failures: int
    affected_count: int
    historical: bool
    at: int
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportAttached:
    """A report belongs to this incident; `opened` when the report opened it. `report_id` is its command's id."""

    tenant: str
    incident_id: Id16
    number: int
    report_id: Id16
    subject: str
    subject_kind: SubjectKind
    resource: str
    what: str
    severity: Severity | None
    since: int | None
    opened: bool
    reasons: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class AlertAttached:
    """A firing alert belongs to this incident; `opened` when the alert opened it."""

    tenant: str
    incident_id: Id16
    number: int
    alert_id: Id16
    source: str
    fingerprint: str
    name: str
    resource: str
    resource_from: str
    summary: str | None
    severity: Severity | None
    link: str | None
    starts_at: int
    opened: bool
    reasons: tuple[str, ...]
    at: int
    in_maintenance: str | None = None


@dataclass(frozen=True, slots=True)
class AlertResolved:
    """The source says the alert is over. `still_firing` alerts of the incident are left; `reasons` say what follows."""

    tenant: str
    incident_id: Id16
    number: int
    alert_id: Id16
    source: str
    name: str
    ends_at: int | None
    still_firing: int
    reasons: tuple[str, ...]
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


EVENTS = (
    *(IncidentOpened, SignalAttached, SeverityRaised, IncidentPaged, IncidentAcknowledged),
    *(IncidentStateChanged, IncidentResolved, ChangeRecorded, HealedFailureCounted, IncidentAssigned),
    *(IncidentContained, IncidentReopened, IncidentClosed, SeverityChanged, ReportAttached),
    *(AlertAttached, AlertResolved, CommandRefused),
)
