"""react: what the incidents' events and this processor's own requests mean here. Imported history pages nobody."""

from __future__ import annotations

from typing import Any

from processors.kernel.decider import Send
from processors.notifications.events import WaitEnded
from schemas.ids import key_of
from schemas.messages.incidents import (
    CorrectionUndone,
    ErrorsAggregated,
    FalseAlarmMarked,
    IncidentAcknowledged,
    IncidentEscalated,
    IncidentHandedOff,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentsMerged,
    IncidentStateChanged,
    MaintenanceOver,
    SeverityChanged,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.incidents.flooding import FloodJudged, FloodSuspected
from schemas.messages.notifications import (
    EscalateFurther,
    ImpactObserved,
    JoinEscalations,
    NoteResponder,
    NotifyErrors,
    NotifyIncident,
    PageHanded,
    PageRequested,
    StopEscalation,
    TakeNextStep,
)

# Every failure up to 16, then every 8th: a page's numbers are at most 7 failures old, and a flood of failures is an
# eighth of a flood here.
IMPACT_ALL = 16
TITLE_CHARACTERS = 300
IMPACT_EVERY = 8


def react(event: Any) -> list[Send]:
    """The commands for this processor that `event` means; none for most."""
    message = _message(event)
    return [] if message is None else [Send(key_of(event.tenant), message)]


def _message(event: Any) -> Any | None:
    match event:
        case IncidentOpened(historical=False):
            return _opened(event)
        case IncidentsMerged():
            return JoinEscalations(event.tenant, event.incident_id, event.merged_id)
        case CorrectionUndone():
            return _undone(event)
        case SeverityRaised(historical=False):
            return _raised(event)
        case SeverityChanged(historical=False) if event.after < event.before:  # SEV1 < SEV2: it is more severe
            return _raised(event)
        case IncidentReopened(historical=False):
            return _reopened(event)
        case MaintenanceOver():
            return _silence_over(event)
        case SignalAttached(historical=False):
            if event.failures > IMPACT_ALL and event.failures % IMPACT_EVERY:
                return None
            return ImpactObserved(event.tenant, event.incident_id, event.failures, event.affected_count)
        case ErrorsAggregated():
            return _errors(event)
        case FloodSuspected() if event.security_owner:
            return _flagged(event)
        case FloodJudged():
            return StopEscalation(event.tenant, event.flood_id, event.subject, "resolved")
        case IncidentAcknowledged():
            return StopEscalation(event.tenant, event.incident_id, event.subject, "acknowledged")
        case IncidentResolved() | FalseAlarmMarked():
            return StopEscalation(event.tenant, event.incident_id, event.subject, "resolved")
        case IncidentStateChanged(after="merged"):
            return StopEscalation(event.tenant, event.incident_id, event.by, "resolved")
        case IncidentEscalated(automatic=False, historical=False):
            return _further(event)
        case IncidentHandedOff():
            return NoteResponder(event.tenant, event.incident_id, event.to)
        case PageRequested():
            return PageHanded(event.tenant, event.incident_id, event.notification_id, event.attempt)
        case WaitEnded():
            return TakeNextStep(event.tenant, event.incident_id, event.step, event.round)
        case _:
            return None


def _undone(event: CorrectionUndone) -> NotifyIncident | JoinEscalations | None:
    """After a split they are one again; after a merge the other one is paged for, unless somebody has it."""
    if event.undone == "split":
        return JoinEscalations(event.tenant, event.incident_id, event.other_id)
    other = next(i for i in event.incidents if i.incident_id == event.other_id)
    if other.historical:
        return None
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=other.incident_id,
        number=other.number,
        why="opened",
        severity=other.severity,
        title=other.title,
        resource=other.resource,
        first_failure_at=other.first_failure_at,
        failures=other.failures,
        affected_count=other.affected_count,
        responder=other.acknowledged_by or "",
    )


def _errors(event: ErrorsAggregated) -> NotifyErrors:
    return NotifyErrors(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        severity=event.severity,
        resource=event.resource,
        errors=event.errors,
        window_s=event.window_s,
        failures=event.failures,
        affected_count=event.affected_count,
        first_failure_at=event.first_failure_at,
    )


def _opened(event: IncidentOpened) -> NotifyIncident:
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        why="opened",
        severity=event.severity,
        title=event.title,
        resource=event.resource,
        first_failure_at=event.first_failure_at,
        failures=event.failures,
        affected_count=0 if event.affected is None else 1,
        in_maintenance=event.in_maintenance,
        told_with=event.split_from,
        responder=event.acknowledged_by or "",
    )


def _silence_over(event: MaintenanceOver) -> NotifyIncident:
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        why="severity_raised" if event.raised else "opened",
        severity=event.severity,
        title=event.title,
        resource=event.resource,
        first_failure_at=event.first_failure_at,
        failures=event.failures,
        affected_count=event.affected_count,
    )


def _flagged(event: FloodSuspected) -> NotifyIncident:
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=event.flood_id,
        number=0,
        why="opened",
        severity="SEV3",
        title=f"{event.kind.replace('_', ' ')}: {event.evidence}"[:TITLE_CHARACTERS],
        resource=event.actor or event.tenant,
        first_failure_at=event.at,
        failures=0,
        affected_count=0,
        security_owner=event.security_owner,
    )


def _reopened(event: IncidentReopened) -> NotifyIncident:
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        why="opened",
        severity=event.severity,
        title=event.title,
        resource=event.resource,
        first_failure_at=event.first_failure_at,
        failures=event.failures,
        affected_count=event.affected_count,
        in_maintenance=event.in_maintenance,
    )


def _raised(event: SeverityRaised | SeverityChanged) -> NotifyIncident:
    return NotifyIncident(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        why="severity_raised",
        severity=event.after,
        title=event.title,
        resource=event.resource,
        first_failure_at=event.first_failure_at,
        failures=event.failures,
        affected_count=event.affected_count,
        in_maintenance=event.in_maintenance if isinstance(event, SeverityRaised) else None,
    )


def _further(event: IncidentEscalated) -> EscalateFurther:
    return EscalateFurther(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        by=event.subject,
        severity=event.severity,
        title=event.title,
        resource=event.resource,
        first_failure_at=event.first_failure_at,
        failures=event.failures,
        affected_count=event.affected_count,
    )
