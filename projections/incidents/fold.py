"""Pure: an incident's row is a fold of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from projections.incidents import attributed, responding, triggered
from projections.incidents.rows import IncidentRow
from projections.incidents.shapes import cause_of
from projections.plain import time_text
from schemas.messages import incidents as said

# The newest moves of the severity: nobody reads more, and a row is loaded and written whole with each event.
SEVERITIES_MAX = 50
Fold = Callable[[IncidentRow, Any, int], IncidentRow]
# The fold of each event of a theme with a file of its own.
THEMES: Mapping[type, Fold] = {**responding.FOLDS, **triggered.FOLDS, **attributed.FOLDS}


def evolve(row: IncidentRow | None, event: Any, offset: int) -> IncidentRow | None:
    """An incident's row after one event; unchanged by events that say nothing about it. Total."""
    if isinstance(event, said.IncidentOpened):
        return _opened(event, offset)
    if row is None:
        return None  # the log keeps these events for ever, so an incident begins with its opening
    match event:
        case said.SignalAttached():
            first, last = min(row.first_failure_at, event.event_time), max(row.last_failure_at, event.event_time)
            row = replace(row, sample=event.sample, first_failure_at=first, last_failure_at=last)
            return _totals(row, event, offset)
        case said.SeverityRaised():
            row = _severity(row, event, event.reason, None)
            row = replace(row, in_maintenance=row.in_maintenance or event.in_maintenance)
            return _totals(row, event, offset)
        case said.SeverityChanged():
            note = f": {event.note}" if event.note else ""
            approved = f", approved by {' and '.join(event.approved_by)}" if event.approved_by else ""
            row = _severity(row, event, f"set by {event.subject}{approved}{note}", event.subject)
            return _totals(row, event, offset)
        case said.IncidentPaged():
            return _paged(_totals(row, event, offset), event)
        case said.IncidentAcknowledged():
            return _acknowledged(_totals(row, event, offset), event)
        case said.IncidentStateChanged():
            return replace(row, state=event.after, version=offset)
        case said.IncidentResolved():
            row = replace(row, state="resolved", resolved_at=event.at, resolved_by=event.subject, note=event.note)
            row = replace(row, postmortem_due_at=event.postmortem_at)
            return _totals(row, event, offset)
        case said.IncidentAssigned():
            row = replace(row, assignee=event.assignee, assigned_by=event.subject, assigned_at=event.at)
            return _totals(row, event, offset)
        case said.IncidentContained():
            return _contained(_totals(row, event, offset), event)
        case said.IncidentReopened():
            row = replace(row, reopened_at=event.at, resolved_at=None, resolved_by=None, note=event.note)
            row = replace(row, closed_at=None, closed_by=None, assignee=None, assigned_by=None, assigned_at=None)
            row = replace(row, reopens=row.reopens + 1, postmortem_due_at=None, postmortem_held=None)
            return _totals(row, event, offset)
        case said.IncidentClosed():
            return replace(row, closed_at=event.at, closed_by=event.subject, postmortem_due_at=None, version=offset)
        case said.ReportAttached():
            return replace(row, reports=row.reports + 1, version=offset)
        case said.AlertAttached():
            return replace(row, alerts=row.alerts + 1, alerts_firing=row.alerts_firing + 1, version=offset)
        case said.AlertResolved():
            return replace(row, alerts_firing=event.still_firing, version=offset)
        case said.CauseSuggested():
            shown = cause_of(event)
            known = event.change_id is not None
            confidence = event.confidence if known else None
            where = event.resource if known else None
            return replace(row, cause=shown, confidence=confidence, cause_resource=where, version=offset)
    theme = THEMES.get(type(event))
    return theme(row, event, offset) if theme else row


def _severity(
    row: IncidentRow, event: said.SeverityRaised | said.SeverityChanged, reason: str, by: str | None
) -> IncidentRow:
    move = {"at": time_text(event.at), "from": event.before, "to": event.after, "reason": reason, "by": by}
    moves = (*row.severities, move)[-SEVERITIES_MAX:]
    return replace(row, severity=event.after, severity_reason=reason, severities=moves)


def _contained(row: IncidentRow, event: said.IncidentContained) -> IncidentRow:
    if row.contained_at is not None:
        return row
    return replace(row, contained_at=event.at, contained_by=event.subject, failures_before_contain=event.failures)


def _opened(event: said.IncidentOpened, offset: int) -> IncidentRow:
    return IncidentRow(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        state="detected",
        severity=event.severity,
        severity_reason=event.severity_reason,
        title=event.title,
        resource=event.resource,
        fingerprint=event.fingerprint,
        error_type=event.error_type,
        sample=event.sample,
        actor=event.actor,
        historical=event.historical,
        opened_at=event.at,
        first_failure_at=event.first_failure_at,
        last_failure_at=event.event_time,
        failures=event.failures,
        affected_count=0 if event.affected is None else 1,
        failures_before_detection=event.failures,
        version=offset,
        trigger=event.trigger,
        split_from=event.split_from,
        opened_why=event.reasons,
        trigger_confidence=event.trigger_confidence,
        in_maintenance=event.in_maintenance,
        severities=(
            {
                "at": time_text(event.at),
                "from": None,
                "to": event.severity,
                "reason": event.severity_reason,
                "by": None,
            },
        ),
    )


def _totals(row: IncidentRow, event: Any, offset: int) -> IncidentRow:
    return replace(row, failures=event.failures, affected_count=event.affected_count, version=offset)


def _paged(row: IncidentRow, event: said.IncidentPaged) -> IncidentRow:
    if row.first_page_at is not None:
        return row
    return replace(
        row,
        first_page_at=event.at,
        failures_before_page=event.failures,
        affected_before_page=event.affected_count,
    )


def _acknowledged(row: IncidentRow, event: said.IncidentAcknowledged) -> IncidentRow:
    if row.assignee != event.subject or row.assigned_by is not None:
        row = replace(row, assigned_at=event.at)
    row = replace(row, assignee=event.subject, assigned_by=None, last_acknowledged_at=event.at)
    row = replace(row, acknowledged_channel=event.channel, acknowledged_reference=event.reference)
    if row.acknowledged_at is not None:
        return row
    return replace(row, acknowledged_at=event.at, failures_before_acknowledge=event.failures)
