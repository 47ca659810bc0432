"""evolve: what each event changes in the state. Total, without rules; an event that changes nothing gives nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processors.incidents import sets
from processors.incidents.events import ChangesForgotten, IncidentForgotten
from processors.incidents.rules import (
    CHANGES_PER_RESOURCE,
    INCIDENTS_PER_PROBLEM,
    KEEP_MS,
    RESOURCE_CHARACTERS,
    clip,
    clip_some,
)
from processors.incidents.state import (
    Change,
    Changes,
    Incident,
    Problem,
    Tenant,
    changes_part,
    incident_part,
    problem_id,
    problem_part,
    tenant_part,
)
from processors.kernel.decider import View
from schemas.ids import key_of
from schemas.messages.incidents import (
    ChangeRecorded,
    HealedFailureCounted,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentPaged,
    IncidentResolved,
    IncidentStateChanged,
    SeverityRaised,
    SignalAttached,
)

Parts = Mapping[str, Any | None]


def evolve(view: View, event: Any) -> Parts:
    """The parts that `event` writes, or deletes (None)."""
    match event:
        case IncidentOpened():
            return _opened(view, event)
        case SignalAttached():
            return _attached(view, event)
        case ChangeRecorded():
            return _changed(view, event)
        case HealedFailureCounted():
            part = tenant_part(key_of(event.tenant))
            return {part: replace(view.get(part) or Tenant(), healed=event.total)}
        case IncidentForgotten():
            return _forgotten(view, event)
        case ChangesForgotten():
            return {event.part: None}
        case SeverityRaised():
            return _with(view, event, severity=event.after)
        case IncidentPaged():
            return _with(view, event, first_page_at=event.at)
        case IncidentAcknowledged():
            return _acknowledged(view, event)
        case IncidentStateChanged():
            return _with(view, event, state=event.after)
        case IncidentResolved():
            return _with(view, event, resolved_at=event.at, resolved_by=event.subject)
        case _:
            return {}


def _with(view: View, event: Any, **changes: Any) -> Parts:
    part = incident_part(key_of(event.tenant), event.incident_id)
    incident = view.get(part)
    return {} if incident is None else {part: replace(incident, **changes)}


def _opened(view: View, event: IncidentOpened) -> Parts:
    key = key_of(event.tenant)
    part = incident_part(key, event.incident_id)
    problem = problem_id(event.resource, event.fingerprint, event.historical)
    listed = view.get(problem_part(key, problem)) or Problem(())
    out: dict[str, Any | None] = {
        tenant_part(key): replace(view.get(tenant_part(key)) or Tenant(), incidents=event.number),
        problem_part(key, problem): Problem((*listed.incidents, event.incident_id)[-INCIDENTS_PER_PROBLEM:]),
        part: Incident(
            incident_id=event.incident_id,
            number=event.number,
            problem=problem,
            resource=clip(event.resource, RESOURCE_CHARACTERS),
            title=event.title,
            state="detected",
            severity=event.severity,
            historical=event.historical,
            first_failure_at=event.first_failure_at,
            last_failure_at=event.event_time,
            detected_at=event.at,
            failures=1,
            affected_count=1 if event.affected is not None else 0,
        ),
    }
    return out | _remembered(view, part, event)


def _attached(view: View, event: SignalAttached) -> Parts:
    part = incident_part(key_of(event.tenant), event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    grown = replace(
        incident,
        first_failure_at=min(incident.first_failure_at, event.event_time),
        last_failure_at=max(incident.last_failure_at, event.event_time),
        failures=event.failures,
        affected_count=event.affected_count,
    )
    return {part: grown} | _remembered(view, part, event)


def _remembered(view: View, part: str, event: IncidentOpened | SignalAttached) -> dict[str, Any | None]:
    out: dict[str, Any | None] = {**sets.added(view, sets.actions_of(part), event.action_id)}
    if event.affected is not None:
        out |= sets.added(view, sets.affected_of(part), sets.affected_id(event.affected))
    return out


def _acknowledged(view: View, event: IncidentAcknowledged) -> Parts:
    part = incident_part(key_of(event.tenant), event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    first = incident.first_acknowledged_at
    return {
        part: replace(
            incident,
            first_acknowledged_at=event.at if first is None else first,
            acknowledged_by=event.subject,
            acknowledged_severity=incident.severity,
        )
    }


def _changed(view: View, event: ChangeRecorded) -> Parts:
    part = changes_part(key_of(event.tenant), event.resource)
    before = view.get(part)
    kept = tuple(c for c in before.changes if c.at > event.at - KEEP_MS) if before else ()
    change = Change(
        change_id=event.change_id,
        kind=clip(event.kind, 32),
        before=clip_some(event.before, 128),
        after=clip_some(event.after, 128),
        summary=clip_some(event.summary, 200),
        actor=clip(event.actor, 64),
        action_id=event.action_id,
        event_time=event.event_time,
        at=event.at,
    )
    resource = clip(event.resource, RESOURCE_CHARACTERS)
    return {part: Changes(resource, (*kept, change)[-CHANGES_PER_RESOURCE:])}


def _forgotten(view: View, event: IncidentForgotten) -> Parts:
    part = incident_part(event.key, event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    out: dict[str, Any | None] = {part: None}
    for name, _ in view.scan(f"{part}/"):
        out[name] = None
    listing = problem_part(event.key, incident.problem)
    problem = view.get(listing)
    if problem is not None:
        left = tuple(i for i in problem.incidents if i != event.incident_id)
        out[listing] = Problem(left) if left else None
    return out
