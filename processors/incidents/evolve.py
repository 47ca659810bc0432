"""evolve: what each event changes in the state. Total, without rules; an event that changes nothing gives nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents import (
    aggregating,
    blast,
    evolve_measures,
    external,
    failures,
    families,
    flooding,
    kinds_decide,
    remembering,
    responded,
)
from processors.incidents.attribution import of
from processors.incidents.events import (
    AlertForgotten,
    ChangesForgotten,
    IncidentForgotten,
    PartsWritten,
    ProblemFound,
)
from processors.incidents.measures import caused_part
from processors.incidents.rules import (
    CHANGES_PER_RESOURCE,
    INCIDENTS_PER_PLACE,
    INCIDENTS_PER_PROBLEM,
    KEEP_MS,
    RECENT_CHANGES,
    RECENT_INCIDENTS,
    RESOURCE_CHARACTERS,
    clip,
)
from processors.incidents.state import (
    Alert,
    Changes,
    Incident,
    Place,
    Problem,
    Recent,
    RecentChange,
    RecentChanges,
    Related,
    Tenant,
    alert_part,
    changes_part,
    incident_part,
    latest_part,
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
    IncidentsRelated,
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
    if event.split_from is not None:
        return {}  # its parts are written by the split (PartsWritten)
    key = key_of(event.tenant)
    part = incident_part(key, event.incident_id)
    problem = problem_id(event.resource, event.fingerprint, event.historical)
    recent = view.get(latest_part(key)) or Recent(())
    incident = Incident(
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
        actor=clip(event.actor, 64) if event.failures else "",
        error_type=event.error_type if event.failures else "",
        stated=event.trigger != "error",
        window=event.in_maintenance or "",
    )
    out: dict[str, Any | None] = {
        tenant_part(key): replace(view.get(tenant_part(key)) or Tenant(), incidents=event.number),
        problem_part(key, problem): with_incident(view.get(problem_part(key, problem)), event.incident_id),
        latest_part(key): Recent((*recent.incidents, event.incident_id)[-RECENT_INCIDENTS:]),
        part: incident,
    }
    for name in place_names(incident):
        out[place_part(key, name)] = with_place(view, key, name, event.incident_id)
    # A report or an alert is no action: an action of the same id would not be the same thing.
    return out | (remembering.remembered(view, part, incident, problem, event, event.title) if event.failures else {})


def with_incident(listed: Problem | None, incident_id: bytes) -> Problem:
    """The list of a problem with one incident more, the latest."""
    return (
        Problem((incident_id,))
        if listed is None
        else replace(listed, incidents=(*listed.incidents, incident_id)[-INCIDENTS_PER_PROBLEM:])
    )


def place_names(incident: Any) -> tuple[str, ...]:
    """Under which names an incident is listed: its resource, and the actor that failed first."""
    return tuple(dict.fromkeys(name for name in (incident.resource, incident.actor) if name))


def with_place(view: View, key: str, name: str, incident_id: bytes) -> Place:
    """The list of a place with this incident as the latest."""
    listed = view.get(place_part(key, name)) or Place(())
    others = tuple(i for i in listed.incidents if i != incident_id)
    return Place((*others, incident_id)[-INCIDENTS_PER_PLACE:])


def _places(view: View, event: Any, *, listed: bool) -> dict[str, Any | None]:
    """The lists of open incidents with this one, or without it."""
    key = key_of(event.tenant)
    incident = view.get(incident_part(key, event.incident_id))
    out: dict[str, Any | None] = {}
    for name in place_names(incident) if incident is not None else ():
        if listed:
            out[place_part(key, name)] = with_place(view, key, name, event.incident_id)
        else:
            before = view.get(place_part(key, name)) or Place(())
            left = tuple(i for i in before.incidents if i != event.incident_id)
            out[place_part(key, name)] = Place(left) if left else None
    return out


def _contained(view: View, event: IncidentContained) -> Parts:
    incident = view.get(incident_part(key_of(event.tenant), event.incident_id))
    if incident is not None and incident.contained_at is not None:
        return {}
    return _with(view, event, contained_at=event.at, contained_failures=event.failures)


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
    listing = problem_part(event.key, event.problem)
    out: dict[str, Any | None] = {part: found, listing: with_incident(view.get(listing), event.incident_id)}
    for name in place_names(found):
        out[place_part(event.key, name)] = with_place(view, event.key, name, event.incident_id)
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
            acknowledged_failures=event.failures if first is None else incident.acknowledged_failures,
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
    """An incident leaves the state, and with it those that were merged into it."""
    incident = view.get(incident_part(event.key, event.incident_id))
    out: dict[str, Any | None] = {}
    for incident_id in (event.incident_id, *(incident.members if incident is not None else ())):
        one: Incident | None = view.get(incident_part(event.key, incident_id))
        if one is not None:
            _forget(view, event.key, one, out)
    return out


def _forget(view: View, key: str, incident: Incident, out: dict[str, Any | None]) -> None:
    part = incident_part(key, incident.incident_id)
    problems = {incident.problem, *(kind.problem for kind in failures.kinds_of(view, part))}
    lists = [place_part(key, name) for name in place_names(incident)]
    lists += [problem_part(key, problem) for problem in sorted(problems)]
    lists.append(latest_part(key))
    families.forgotten(view, part, incident.incident_id, out)
    out[part] = None
    for name, _ in view.scan(f"{part}/"):
        out[name] = None
    for name in lists:
        listed = out[name] if name in out else view.get(name)
        if listed is not None and incident.incident_id in listed.incidents:
            out[name] = _without(listed, incident.incident_id)


def _without(listed: Problem | Place | Recent, incident_id: bytes) -> Problem | Place | Recent | None:
    rest = tuple(i for i in listed.incidents if i != incident_id)
    if not rest:
        return None
    if not isinstance(listed, Problem):
        return replace(listed, incidents=rest)
    return Problem(rest, tuple(r for r in listed.routes if incident_id not in (r.to, r.away)))


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
    key = key_of(event.tenant)
    part = alert_part(key, event.alert_id)
    known: Alert | None = view.get(part)
    # It stays with the incident that it joined, also when that one was merged into another: both count it.
    home = event.incident_id if known is None else known.incident_id
    over = Alert(event.alert_id, home, firing=False, name=known.name if known is not None else "")
    out = {**_with(view, event, alerts_firing=event.still_firing), part: over}
    own = view.get(incident_part(key, home)) if home != event.incident_id else None
    if own is not None:
        out[incident_part(key, home)] = replace(own, alerts_firing=max(0, own.alerts_firing - 1))
    return out


def _severity(view: View, event: SeverityChanged) -> Parts:
    held = {"held_failures": event.failures, "held_affected": event.affected_count}
    return _with(view, event, severity=event.after, stated=True, **held)


def _related(view: View, event: IncidentsRelated) -> Parts:
    part = f"{incident_part(key_of(event.tenant), event.incident_id)}/related"
    known: Related = view.get(part) or Related(())
    return {part: Related((*known.incidents, event.other_id))}


def _raised(view: View, event: SeverityRaised) -> Parts:
    stated = {"stated": True} if event.stated else {}
    return _with(view, event, severity=event.after, **stated, **evolve_measures.silenced(view, event))


def _paged(view: View, event: IncidentPaged) -> Parts:
    totals = {"paged_failures": event.failures, "paged_affected": event.affected_count}
    return _with(view, event, first_page_at=event.at, **totals)


def _cause(view: View, event: CauseSuggested) -> Parts:
    known = _with(view, event, cause_id=event.change_id, cause_confidence=event.confidence)
    return {**known, **evolve_measures.caused(view, event)}


# What each event changes; one that is not named changes nothing. A theme brings its own lines.
HANDLERS: Mapping[type, Handler] = {
    IncidentOpened: _opened,
    SignalAttached: remembering.attached,
    ProblemFound: _problem_found,
    ChangeRecorded: _changed,
    HealedFailureCounted: _healed,
    SeverityRaised: _raised,
    SeverityChanged: _severity,
    IncidentPaged: _paged,
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
    PartsWritten: lambda view, event: event.parts,
    IncidentsRelated: _related,
    AlertForgotten: lambda view, event: {event.part: None},
    **responded.HANDLERS,
    **aggregating.EVOLVERS,
    **kinds_decide.EVOLVERS,
    **families.EVOLVERS,
    **blast.EVOLVE,
    **evolve_measures.HANDLERS,
    **flooding.EVOLVE,
    **external.EVOLVE,
}
