"""Stream `incidents.commands`: facts of other processors and of alerts, and what people and senders ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from schemas.avro_types import Fallback, Id16

Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
# A reader that does not know a later state takes it for open.
State = Annotated[
    Literal[
        "detected",
        "investigating",
        "resolved",
        "contained",
        "reopened",
        "closed",
        "escalated",
        "postmortem",
        "false_alarm",
        "merged",
    ],
    Fallback("investigating"),
]
# A reader that does not know a later trigger takes it for something that was told.
Trigger = Annotated[Literal["error", "report", "alert", "threshold", "suggestion"], Fallback("report")]
# Why a failure is a signal now; a reader that does not know a later reason takes it for the plainest.
SignalReason = Annotated[
    Literal["not_retryable", "last_try_failed", "retry_window_ended", "intermittent", "dependency_elevated"],
    Fallback("not_retryable"),
]
Confidence = Literal["high", "medium", "low", "none"]
SubjectKind = Literal["person", "agent", "operator"]


# --- commands: facts from other processors -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorSignalled:
    """One failure that became a signal. `failed_tries` > 1 when retries were waited for; `reason` says why now.

    `received_at` (1.1) is when the gateway took the failed action (ms since 1970), 0 when that is not known. `words`
    (1.3) is the normalised message where `message` says more than that.
    """

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
    reason: SignalReason
    historical: bool = False
    trace_id: str | None = None
    received_at: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class FailureHealed:
    """A failure whose next try succeeded inside the retry window; `words` say why they are no incident yet."""

    tenant: str
    resource: str
    fingerprint: str
    actor: str
    action_type: str
    action_id: Id16
    failed_tries: int
    first_event_time: int
    event_time: int
    words: str = ""


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
    links: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class AlertObserved:
    """An external alert, told once or many times: `fingerprint` and `starts_at` say which, `status` where it stands.

    `resource_from` names the label that `resource` was taken from; `subject` is the token's. Times are ms; `starts_at`
    and `ends_at` are the sender's. `recurs`: the source calls it by the same name when it comes back, so firing after
    the end is a new alert.
    """

    tenant: str
    alert_id: Id16
    source: str
    fingerprint: str
    starts_at: int
    status: Literal["firing", "resolved"]
    ends_at: int | None
    name: str
    resource: str
    resource_from: str
    summary: str | None
    severity: Severity | None
    link: str | None
    subject: str
    at: int
    recurs: bool = False


# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcknowledgeIncident:
    """`subject` (the token's) takes the incident. `at` is the gateway's clock, for people only.

    Since 1.1 where they said so: `channel` (slack, phone, …) and `reference`, the message's own id there.
    """

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    channel: str | None = None
    reference: str | None = None


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


@dataclass(frozen=True, slots=True)
class AssignIncident:
    """`subject` gives the incident to `assignee`; to oneself it is an acknowledgement."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    assignee: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ContainIncident:
    """`subject` says the harm has stopped, the fault not yet."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReopenIncident:
    """`subject` says a resolved incident is not over."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """`subject` says nothing is left to do about a resolved incident."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSeverity:
    """`subject` sets the severity, up or down."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    severity: Severity
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReportProblem:
    """A person or an agent says that something is wrong with `resource` (`since` when, ms, if known)."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    subject_kind: SubjectKind
    resource: str
    what: str
    severity: Severity | None
    since: int | None
    at: int


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A change told by who is no agent (CI, a flag service): `by` made it at `event_time`, `subject` says so."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    resource: str
    kind: str
    before: str | None
    after: str | None
    summary: str | None
    by: str
    event_time: int
    at: int
    links: tuple[str, ...] = ()


COMMANDS = (
    ErrorSignalled,
    FailureHealed,
    ChangeObserved,
    PageObserved,
    AlertObserved,
    AcknowledgeIncident,
    ResolveIncident,
    AssignIncident,
    ContainIncident,
    ReopenIncident,
    CloseIncident,
    ChangeSeverity,
    ReportProblem,
    RecordChange,
)
