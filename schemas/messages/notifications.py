"""Streams `notifications.commands` and `notifications.events`: who is told, by which channel, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16

Outcome = Literal["delivered", "failed", "unknown"]
Why = Literal["opened", "severity_raised", "escalation_exhausted"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach a person. `address` is a URL for `webhook`, a label for `console`."""

    kind: Literal["console", "webhook"]
    address: str


# --- commands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotifyIncident:
    """Somebody must know: an incident opened or its severity was raised.

    `in_maintenance` names the maintenance window in which it is not paged. `told_with` is an incident whose pages told
    of it too (it was split from that one); `responder` has it already, so nobody is paged. `security_owner` is a person
    or team who is told of what was flagged (`number` 0), instead of the owner of the resource.
    """

    tenant: str
    incident_id: Id16
    number: int
    why: Why
    severity: str
    title: str
    resource: str
    first_failure_at: int
    failures: int
    affected_count: int
    in_maintenance: str | None = None
    told_with: Id16 | None = None
    responder: str = ""
    security_owner: str = ""


@dataclass(frozen=True, slots=True)
class JoinEscalations:
    """`other_id` is the same incident as this one now: one escalation goes on, and it pages nobody twice."""

    tenant: str
    incident_id: Id16
    other_id: Id16


@dataclass(frozen=True, slots=True)
class ImpactObserved:
    """The impact grew; later pages say these totals."""

    tenant: str
    incident_id: Id16
    failures: int
    affected_count: int


@dataclass(frozen=True, slots=True)
class StopEscalation:
    """Somebody is on it, or it is over."""

    tenant: str
    incident_id: Id16
    by: str
    reason: Literal["acknowledged", "resolved"]


@dataclass(frozen=True, slots=True)
class EscalateFurther:
    """A person on it (`by`) wants others: the next ones are paged now, whatever was acknowledged."""

    tenant: str
    incident_id: Id16
    number: int
    by: str
    severity: str
    title: str
    resource: str
    first_failure_at: int
    failures: int
    affected_count: int


@dataclass(frozen=True, slots=True)
class NoteResponder:
    """`by` has the incident now: a raised severity pages them first."""

    tenant: str
    incident_id: Id16
    by: str


@dataclass(frozen=True, slots=True)
class NotifyErrors:
    """So many more failures since those who were paged were told: a notice, to which nobody has to answer."""

    tenant: str
    incident_id: Id16
    number: int
    severity: str
    resource: str
    errors: int
    window_s: int
    failures: int
    affected_count: int
    first_failure_at: int


@dataclass(frozen=True, slots=True)
class PageHanded:
    """The room's own echo of a request: timers on the outside world start when it is read back."""

    tenant: str
    incident_id: Id16
    notification_id: Id16
    attempt: int


@dataclass(frozen=True, slots=True)
class TakeNextStep:
    """The room's own word that the wait of a step is over. Read back, it is decided after all that was on the log."""

    tenant: str
    incident_id: Id16
    step: int
    round: int


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """What became of one attempt of a page, told by the effects service. Idempotent by (notification_id, attempt)."""

    tenant: str
    incident_id: Id16
    notification_id: Id16
    attempt: int
    outcome: Outcome
    detail: str


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EscalationStarted:
    """A policy began for an incident, and why this policy (`policy_reason`)."""

    tenant: str
    incident_id: Id16
    number: int
    why: Why
    policy: str
    policy_reason: str
    at: int


@dataclass(frozen=True, slots=True)
class PageRequested:
    """A page is to be sent: everything it says. The same notification_id over all attempts on one channel."""

    tenant: str
    notification_id: Id16
    attempt: int
    incident_id: Id16
    number: int
    why: Why
    severity: str
    title: str
    resource: str
    since: int
    failures: int
    affected_count: int
    person: str
    channel: Channel
    also_paged: tuple[str, ...]
    step: int
    steps: int
    round: int
    rounds: int
    link: str
    at: int


@dataclass(frozen=True, slots=True)
class PageDelivered:
    """The channel took the page for this person."""

    tenant: str
    incident_id: Id16
    notification_id: Id16
    attempt: int
    person: str
    channel: Channel
    detail: str
    at: int


@dataclass(frozen=True, slots=True)
class PageFailed:
    """An attempt failed or had no outcome in time; `next` says what follows."""

    tenant: str
    incident_id: Id16
    notification_id: Id16
    attempt: int
    person: str
    channel: Channel
    outcome: Literal["failed", "unknown", "no_outcome"]
    detail: str
    next: Literal["ask_again", "next_channel", "next_step", "given_up"]
    at: int


@dataclass(frozen=True, slots=True)
class EscalationStopped:
    """Nobody further is paged for this incident."""

    tenant: str
    incident_id: Id16
    number: int
    by: str
    reason: Literal["acknowledged", "resolved"]
    at: int


@dataclass(frozen=True, slots=True)
class EscalationExhausted:
    """All rounds passed and nobody acknowledged: the fallback contact is paged and every web page shows red."""

    tenant: str
    incident_id: Id16
    number: int
    policy: str
    rounds: int
    fallback: str
    at: int


@dataclass(frozen=True, slots=True)
class NoticeRequested:
    """A person who was paged is to be told how many failures there were meanwhile. No page: it is sent once, nobody
    waits for its outcome, and nobody has to answer. `link` shows the incident; a POST of `minutes` to `mute` mutes it.
    """

    tenant: str
    notification_id: Id16
    attempt: int
    incident_id: Id16
    number: int
    severity: str
    text: str
    resource: str
    since: int
    errors: int
    window_s: int
    failures: int
    affected_count: int
    person: str
    channel: Channel
    link: str
    mute: str
    at: int


# What the effects service sends.
Request = PageRequested | NoticeRequested

COMMANDS = (
    NotifyIncident,
    NotifyErrors,
    JoinEscalations,
    ImpactObserved,
    StopEscalation,
    EscalateFurther,
    NoteResponder,
    PageHanded,
    TakeNextStep,
    ReportOutcome,
)
EVENTS = (
    EscalationStarted,
    PageRequested,
    PageDelivered,
    PageFailed,
    EscalationStopped,
    EscalationExhausted,
    NoticeRequested,
)
