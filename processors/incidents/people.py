"""decide, for the commands of people: a move of the state machine, or a refusal that says which moves are allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from processors.incidents import moves
from processors.incidents.rules import KEEP_MS
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, View
from schemas.configuration import People
from schemas.ids import key_of
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    CommandRefused,
    ContainIncident,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentClosed,
    IncidentContained,
    IncidentReopened,
    IncidentResolved,
    IncidentStateChanged,
    ReopenIncident,
    ResolveIncident,
    SeverityChanged,
    State,
)

Wish = (
    AcknowledgeIncident
    | ResolveIncident
    | AssignIncident
    | ContainIncident
    | ReopenIncident
    | CloseIncident
    | ChangeSeverity
)
VERBS: dict[type, str] = {
    AcknowledgeIncident: "acknowledge",
    AssignIncident: "assign",
    ContainIncident: "contain",
    ResolveIncident: "resolve",
    ReopenIncident: "reopen",
    CloseIncident: "close",
    ChangeSeverity: "severity",
}


def wished(command: Command, wish: Wish, view: View) -> Decision:
    """What follows from a person's command."""
    incident: Incident | None = view.get(incident_part(key_of(wish.tenant), wish.incident_id))
    if incident is None:
        why = "no open incident has this id; it never existed, or it was closed more than 30 days ago"
        remedy = "Look it up in the list of incidents and take its id from there."
        return _refuse(command, wish, "unknown_or_closed", why, remedy)
    path = moves.path(VERBS[type(wish)], incident.state)
    if path is None:
        return _not_allowed(command, wish, incident)
    match wish:
        case AcknowledgeIncident():
            return _acknowledge(command, wish, incident, path)
        case AssignIncident():
            return _assign(command, wish, incident, path, view)
        case ContainIncident():
            return _contain(command, wish, incident, path)
        case ResolveIncident():
            return _resolve(command, wish, incident, path)
        case ReopenIncident():
            return _reopen(command, wish, incident, path)
        case CloseIncident():
            return _close(command, wish, incident, path)
        case ChangeSeverity():
            return _severity(command, wish, incident)


def _acknowledge(
    command: Command, wish: AcknowledgeIncident | AssignIncident, incident: Incident, path: tuple[State, ...]
) -> Decision:
    """`subject` takes the incident; a second person takes it over; the same again is refused until severity rises."""
    # A raised severity pages again although acknowledged; the same person must then be able to stop that escalation.
    here = incident.assignee in (None, wish.subject)
    if here and incident.acknowledged_by == wish.subject and incident.acknowledged_severity == incident.severity:
        since_s = (command.now - (incident.first_acknowledged_at or command.now)) // 1000
        why = f"INC-{incident.number} is already with {wish.subject}, first acknowledged {since_s} s ago"
        return _refuse(command, wish, "already_acknowledged", why, "Resolve it, or let somebody else take it over.")
    events = [_acknowledged(command, wish, incident)]
    events += through(command.now, wish.tenant, incident, path, wish.subject, _after("acknowledged", incident))
    if path:
        return Decision(tuple(events), reasons=("acknowledged",), answer="accepted")
    again = incident.acknowledged_by == wish.subject
    return Decision(tuple(events), reasons=("acknowledged_again" if again else "taken_over",), answer="accepted")


def _acknowledged(command: Command, wish: Wish, incident: Incident) -> Event:
    return Event(
        key_of(wish.tenant),
        IncidentAcknowledged(
            tenant=wish.tenant,
            incident_id=wish.incident_id,
            number=incident.number,
            subject=wish.subject,
            failures=incident.failures,
            affected_count=incident.affected_count,
            at=command.now,
        ),
    )


def _assign(
    command: Command, wish: AssignIncident, incident: Incident, path: tuple[State, ...], view: View
) -> Decision:
    """To oneself it is an acknowledgement; to somebody else it stops no paging, because they may not know yet."""
    if wish.assignee == wish.subject:
        return _acknowledge(command, wish, incident, path)
    people = cast(People, view.config(wish.tenant, "people"))
    # Where the people of a tenant are not known here, any name is taken at its word.
    if people.people and people.person(wish.assignee) is None:
        why = f"{wish.assignee} is no person of this tenant"
        return _refuse(command, wish, "person_unknown", why, "Name one of the people of the configuration.")
    if incident.assignee == wish.assignee:
        why = f"INC-{incident.number} is already with {wish.assignee}"
        return _refuse(command, wish, "already_assigned", why, f"Allowed now: {moves.allowed(incident.state)}.")
    assigned = IncidentAssigned(
        tenant=wish.tenant,
        incident_id=wish.incident_id,
        number=incident.number,
        subject=wish.subject,
        assignee=wish.assignee,
        note=wish.note,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=command.now,
    )
    why = f"assigned to {wish.assignee}"
    events = (
        Event(key_of(wish.tenant), assigned),
        *through(command.now, wish.tenant, incident, path, wish.subject, why),
    )
    return Decision(events, reasons=("assigned",), answer="accepted")


def _contain(command: Command, wish: ContainIncident, incident: Incident, path: tuple[State, ...]) -> Decision:
    """Who contains is on it: without an acknowledgement before, this is one too, so that nobody else is woken."""
    events = [] if incident.acknowledged_by is not None else [_acknowledged(command, wish, incident)]
    why = wish.note or _after("contained", incident)
    events += through(command.now, wish.tenant, incident, path, wish.subject, why)
    contained = IncidentContained(
        tenant=wish.tenant,
        incident_id=wish.incident_id,
        number=incident.number,
        subject=wish.subject,
        note=wish.note,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=command.now,
    )
    return Decision((*events, Event(key_of(wish.tenant), contained)), reasons=("contained",), answer="accepted")


def _resolve(command: Command, wish: ResolveIncident, incident: Incident, path: tuple[State, ...]) -> Decision:
    why = wish.note or _after("resolved", incident)
    events, forget = resolved(command.now, wish.tenant, incident, path, wish.subject, why, wish.note)
    return Decision(events, (forget,), ("resolved",), answer="accepted")


def resolved(
    now: int, tenant: str, incident: Incident, path: tuple[State, ...], by: str, why: str, note: str | None
) -> tuple[tuple[Event, ...], SetTimer]:
    """The events that end an incident, and the timer after which it is forgotten."""
    key = key_of(tenant)
    over = IncidentResolved(
        tenant=tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=by,
        note=note,
        first_failure_at=incident.first_failure_at,
        detected_at=incident.detected_at,
        first_page_at=incident.first_page_at,
        acknowledged_at=incident.first_acknowledged_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=now,
        contained_at=incident.contained_at,
    )
    events = (*through(now, tenant, incident, path, by, why), Event(key, over))
    return events, SetTimer(incident_part(key, incident.incident_id), "forget", now + KEEP_MS)


def _reopen(command: Command, wish: ReopenIncident, incident: Incident, path: tuple[State, ...]) -> Decision:
    key = key_of(wish.tenant)
    reopened = IncidentReopened(
        tenant=wish.tenant,
        incident_id=wish.incident_id,
        number=incident.number,
        subject=wish.subject,
        note=wish.note,
        resource=incident.resource,
        title=incident.title,
        severity=incident.severity,
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=command.now,
    )
    why = wish.note or "it is not over"
    events = (Event(key, reopened), *through(command.now, wish.tenant, incident, path, wish.subject, why))
    keep = CancelTimer(incident_part(key, wish.incident_id), "forget")
    return Decision(events, (keep,), ("reopened",), answer="accepted")


def _close(command: Command, wish: CloseIncident, incident: Incident, path: tuple[State, ...]) -> Decision:
    key = key_of(wish.tenant)
    why = wish.note or "nothing is left to do"
    closed = IncidentClosed(wish.tenant, wish.incident_id, incident.number, wish.subject, wish.note, command.now)
    events = (*through(command.now, wish.tenant, incident, path, wish.subject, why), Event(key, closed))
    forget = SetTimer(incident_part(key, wish.incident_id), "forget", command.now + KEEP_MS)
    return Decision(events, (forget,), ("closed",), answer="accepted")


def _severity(command: Command, wish: ChangeSeverity, incident: Incident) -> Decision:
    if wish.severity == incident.severity:
        why = f"INC-{incident.number} is {incident.severity} already"
        return _refuse(command, wish, "severity_unchanged", why, "Name another severity.")
    changed = SeverityChanged(
        tenant=wish.tenant,
        incident_id=wish.incident_id,
        number=incident.number,
        resource=incident.resource,
        title=incident.title,
        before=incident.severity,
        after=wish.severity,
        subject=wish.subject,
        note=wish.note,
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), changed),), reasons=("severity_changed",), answer="accepted")


def through(
    now: int, tenant: str, incident: Incident, path: tuple[State, ...], by: str, reason: str
) -> tuple[Event, ...]:
    """One event for each state on the way; all but the last are passed through."""
    out = []
    before = incident.state
    for i, after in enumerate(path):
        last = i == len(path) - 1
        why = reason if last else f"passed through to {path[-1]}"
        moved = IncidentStateChanged(tenant, incident.incident_id, incident.number, before, after, by, why, now)
        out.append(Event(key_of(tenant), moved))
        before = after
    return tuple(out)


def _after(what: str, incident: Incident) -> str:
    return f"{what} after {incident.failures} failures"


def _not_allowed(command: Command, wish: Wish, incident: Incident) -> Decision:
    ago_s = (command.now - (incident.resolved_at or command.now)) // 1000
    remedy = f"Allowed now: {moves.allowed(incident.state)}. A new failure opens a new incident."
    if incident.state == "closed":
        return _refuse(command, wish, "already_closed", f"INC-{incident.number} is closed", remedy)
    if incident.state == "resolved":
        why = f"INC-{incident.number} was resolved by {incident.resolved_by} {ago_s} s ago"
        return _refuse(command, wish, "already_resolved", why, remedy)
    remedy = f"Allowed now: {moves.allowed(incident.state)}."
    if isinstance(wish, ContainIncident):
        why = f"INC-{incident.number} is contained already"
        return _refuse(command, wish, "already_contained", why, remedy)
    return _refuse(command, wish, "not_resolved", f"INC-{incident.number} is {incident.state}", remedy)


def _refuse(command: Command, wish: Wish, code: str, why: str, remedy: str) -> Decision:
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=wish.incident_id,
        command=type(wish).__name__,
        code=code,
        why=why,
        remedy=remedy,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=(code,), answer=code)


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = dict.fromkeys(VERBS, wished)
