"""evolve: what each event changes in the state. Total, without rules; an event that changes nothing gives nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents import blast, evolve_measures, responded, sets
from processors.incidents.attribution import of
from processors.incidents.events import AlertForgotten, ChangesForgotten, IncidentForgotten, ProblemFound
from processors.incidents.measures import caused_part
from processors.incidents.rules import (
    CHANGES_PER_RESOURCE,
    INCIDENTS_PER_PLACE,
    INCIDENTS_PER_PROBLEM,
    KEEP_MS,
    RECENT_CHANGES,
    RESOURCE_CHARACTERS,
    clip,
)
from processors.incidents.state import (
    Alert,
    Changes,
    Incident,
    Place,
    Problem,
    RecentChange,
    RecentChanges,
    Tenant,
    alert_part,
    changes_part,
    incident_part,
    place_part,
    problem_id,
    problem_part,
    recent_part,
    tenant_part,
)
from processors.kernel.decider import View
from schemas.ids import key_of
from schemas.messages.incidents import (
    AlertAttached,
    AlertResolved,
    CauseSuggested,
    ChangeRecorded,
    FalseAlarmMarked,
    HealedFailureCounted,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentContained,
    IncidentOpened,
    IncidentPaged,
    IncidentReopened,
    IncidentResolved,
    IncidentStateChanged,
    ReportAttached,
    SeverityChanged,
    SeverityRaised,
    SignalAttached,
)

Parts = Mapping[str, Any | None]
Handler = Callable[[View, Any], Parts]


def evolve(view: View, event: Any) -> Parts:
    """The parts that `event` writes, or deletes (None)."""
    handler = HANDLERS.get(type(event))
    return handler(view, event) if handler else {}


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
            failures=event.failures,
            affected_count=1 if event.affected is not None else 0,
            trigger=event.trigger,
            window=event.in_maintenance or "",
            actor=clip(event.actor, 64) if event.failures else "",
            error_type=event.error_type if event.failures else "",
        ),
    }
    for name in _place_names(out[part]):
        out[place_part(key, name)] = _with_place(view, key, name, event.incident_id)
    # A report or an alert is no action: an action of the same id would not be the same thing.
    return out | (_remembered(view, part, event) if event.failures else {})


def _place_names(incident: Any) -> tuple[str, ...]:
    """Under which names an incident is listed: its resource, and the actor that failed first."""
    return tuple(dict.fromkeys(name for name in (incident.resource, incident.actor) if name))


def _with_place(view: View, key: str, name: str, incident_id: bytes) -> Place:
    listed = view.get(place_part(key, name)) or Place(())
    others = tuple(i for i in listed.incidents if i != incident_id)
    return Place((*others, incident_id)[-INCIDENTS_PER_PLACE:])


def _places(view: View, event: Any, *, listed: bool) -> dict[str, Any | None]:
    """The lists of open incidents with this one, or without it."""
    key = key_of(event.tenant)
    incident = view.get(incident_part(key, event.incident_id))
    out: dict[str, Any | None] = {}
    for name in _place_names(incident) if incident is not None else ():
        if listed:
            out[place_part(key, name)] = _with_place(view, key, name, event.incident_id)
        else:
            before = view.get(place_part(key, name)) or Place(())
            left = tuple(i for i in before.incidents if i != event.incident_id)
            out[place_part(key, name)] = Place(left) if left else None
    return out


def _contained(view: View, event: IncidentContained) -> Parts:
    incident = view.get(incident_part(key_of(event.tenant), event.incident_id))
    first = event.at if incident is None or incident.contained_at is None else incident.contained_at
    return _with(view, event, contained_at=first)


def _sign(view: View, event: ReportAttached | AlertAttached) -> Parts:
    key = key_of(event.tenant)
    incident = view.get(incident_part(key, event.incident_id))
    if incident is None:
        return {}
    if isinstance(event, ReportAttached):
        return _with(view, event, last_sign_at=event.at, reports=incident.reports + 1)
    more = {"alerts": incident.alerts + 1, "alerts_firing": incident.alerts_firing + 1}
    alert = Alert(event.alert_id, event.incident_id, firing=True, name=clip(event.name, 200))
    return {**_with(view, event, last_sign_at=event.at, **more), alert_part(key, event.alert_id): alert}


def _problem_found(view: View, event: ProblemFound) -> Parts:
    part = incident_part(event.key, event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    found = replace(incident, problem=event.problem, actor=event.actor, error_type=event.error_type)
    listed = view.get(problem_part(event.key, event.problem)) or Problem(())
    out: dict[str, Any | None] = {
        part: found,
        problem_part(event.key, event.problem): Problem(
            (*listed.incidents, event.incident_id)[-INCIDENTS_PER_PROBLEM:]
        ),
    }
    for name in _place_names(found):
        out[place_part(event.key, name)] = _with_place(view, event.key, name, event.incident_id)
    return out


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
            assignee=event.subject,
            acknowledged_severity=incident.severity,
        )
    }


def _changed(view: View, event: ChangeRecorded) -> Parts:
    part = changes_part(key_of(event.tenant), event.resource)
    before = view.get(part)
    kept = tuple(c for c in before.changes if c.at > event.at - KEEP_MS) if before else ()
    change = of(event)
    resource = clip(event.resource, RESOURCE_CHARACTERS)
    last = recent_part(key_of(event.tenant))
    recent = view.get(last) or RecentChanges(())
    short = RecentChange(event.change_id, change.kind, clip(event.resource, 200), change.actor, event.event_time)
    return {
        part: Changes(resource, (*kept, change)[-CHANGES_PER_RESOURCE:]),
        last: RecentChanges((*recent.changes, short)[-RECENT_CHANGES:]),
    }


def _forgotten(view: View, event: IncidentForgotten) -> Parts:
    part = incident_part(event.key, event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    out: dict[str, Any | None] = {part: None}
    for name in _place_names(incident):
        places = view.get(place_part(event.key, name)) or Place(())
        if event.incident_id in places.incidents:
            rest = tuple(i for i in places.incidents if i != event.incident_id)
            out[place_part(event.key, name)] = Place(rest) if rest else None
    for name, _ in view.scan(f"{part}/"):
        out[name] = None
    listing = problem_part(event.key, incident.problem)
    problem = view.get(listing)
    if problem is not None:
        left = tuple(i for i in problem.incidents if i != event.incident_id)
        out[listing] = Problem(left) if left else None
    return out


def _healed(view: View, event: HealedFailureCounted) -> Parts:
    part = tenant_part(key_of(event.tenant))
    return {part: replace(view.get(part) or Tenant(), healed=event.total)}


def _resolved(view: View, event: IncidentResolved | FalseAlarmMarked) -> Parts:
    over = _with(view, event, resolved_at=event.at, resolved_by=event.subject)
    return {**over, **_places(view, event, listed=False)}


def _reopened(view: View, event: IncidentReopened) -> Parts:
    # Nobody is on it any more: whoever takes it acknowledges anew.
    nobody = {"acknowledged_by": None, "acknowledged_severity": None, "assignee": None}
    incident = view.get(incident_part(key_of(event.tenant), event.incident_id))
    counted = {"reopens": incident.reopens + 1 if incident is not None else 0, "postmortem_held": False}
    again = _with(view, event, resolved_at=None, resolved_by=None, last_sign_at=event.at, **nobody, **counted)
    return {**again, **_places(view, event, listed=True)}


def _alert_resolved(view: View, event: AlertResolved) -> Parts:
    alert = alert_part(key_of(event.tenant), event.alert_id)
    before = view.get(alert)
    over = Alert(event.alert_id, event.incident_id, firing=False, name=before.name if before is not None else "")
    return {alert: over, **_with(view, event, alerts_firing=event.still_firing)}


def _severity(view: View, event: SeverityChanged) -> Parts:
    held = {"held_failures": event.failures, "held_affected": event.affected_count}
    return _with(view, event, severity=event.after, **held)


def _cause(view: View, event: CauseSuggested) -> Parts:
    known = _with(view, event, cause_id=event.change_id, cause_confidence=event.confidence)
    return {**known, **evolve_measures.caused(view, event)}


# What each event changes; one that is not named changes nothing. A theme brings its own lines.
HANDLERS: Mapping[type, Handler] = {
    IncidentOpened: _opened,
    SignalAttached: _attached,
    ProblemFound: _problem_found,
    ChangeRecorded: _changed,
    HealedFailureCounted: _healed,
    SeverityRaised: lambda view, event: _with(
        view, event, severity=event.after, **evolve_measures.silenced(view, event)
    ),
    SeverityChanged: _severity,
    IncidentPaged: lambda view, event: _with(view, event, first_page_at=event.at),
    IncidentAcknowledged: _acknowledged,
    IncidentStateChanged: lambda view, event: _with(view, event, state=event.after),
    IncidentResolved: _resolved,
    FalseAlarmMarked: _resolved,
    IncidentAssigned: lambda view, event: _with(view, event, assignee=event.assignee),
    IncidentContained: _contained,
    IncidentReopened: _reopened,
    CauseSuggested: _cause,
    ReportAttached: _sign,
    AlertAttached: _sign,
    AlertResolved: _alert_resolved,
    IncidentForgotten: _forgotten,
    ChangesForgotten: lambda view, event: {event.part: None, caused_part(event.part): None},
    AlertForgotten: lambda view, event: {event.part: None},
    **responded.HANDLERS,
    **blast.EVOLVE,
    **evolve_measures.HANDLERS,
}
