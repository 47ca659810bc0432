"""decide, for the commands of people: a move of the state machine, or a refusal that says which moves are allowed.

Here: acknowledge, assign, contain, resolve, reopen, close. The others are in responding.py and commanding.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from processors.incidents import aggregating, automatic, commanding, moves, refusals, responding
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, View
from schemas.configuration import People
from schemas.ids import key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AssignIncident,
    CloseIncident,
    ContainIncident,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentClosed,
    IncidentContained,
    IncidentResolved,
    IncidentStateChanged,
    ReopenIncident,
    ResolveIncident,
    State,
)

Wish = Any  # a person's command: tenant, command_id, subject, incident_id, at
Verb = Callable[[Command, Any, Incident, tuple[State, ...], View], Decision]


def wished(command: Command, wish: Wish, view: View) -> Decision:
    """What follows from a person's command to an incident."""
    incident: Incident | None = view.get(incident_part(key_of(wish.tenant), wish.incident_id))
    if incident is None:
        return refusals.unknown(command, wish)
    verb, decided = VERBS[type(wish)]
    path = moves.path(verb, incident.state)
    if path is None:
        return refusals.not_allowed(command, wish, verb, incident)
    return decided(command, wish, incident, path, view)


def _acknowledge(
    command: Command,
    wish: AcknowledgeIncident | AssignIncident,
    incident: Incident,
    path: tuple[State, ...],
    view: View,
) -> Decision:
    """`subject` takes the incident; a second person takes it over; the same again is refused until severity rises, or
    it was escalated meanwhile.
    """
    # A raised severity pages again although acknowledged; the same person must then be able to stop that escalation.
    here = incident.assignee in (None, wish.subject)
    again = incident.acknowledged_by == wish.subject and incident.acknowledged_severity == incident.severity
    if here and again and not path:
        since_s = (command.now - (incident.first_acknowledged_at or command.now)) // 1000
        why = f"INC-{incident.number} is already with {wish.subject}, first acknowledged {since_s} s ago"
        return refusals.refuse(
            command, wish, "already_acknowledged", why, "Resolve it, or let somebody else take it over."
        )
    events = [_acknowledged(command, wish, incident)]
    events += through(command.now, wish.tenant, incident, path, wish.subject, _after("acknowledged", incident))
    if path:
        return Decision(tuple(events), reasons=("acknowledged",), answer="accepted")
    same = incident.acknowledged_by == wish.subject
    return Decision(tuple(events), reasons=("acknowledged_again" if same else "taken_over",), answer="accepted")


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
            channel=getattr(wish, "channel", None),
            reference=getattr(wish, "reference", None),
        ),
    )


def _assign(
    command: Command, wish: AssignIncident, incident: Incident, path: tuple[State, ...], view: View
) -> Decision:
    """To oneself it is an acknowledgement; to somebody else it stops no paging, because they may not know yet."""
    if wish.assignee == wish.subject:
        return _acknowledge(command, wish, incident, path, view)
    people = cast(People, view.config(wish.tenant, "people"))
    # Where the people of a tenant are not known here, any name is taken at its word.
    if people.people and people.person(wish.assignee) is None:
        why = f"{wish.assignee} is no person of this tenant"
        return refusals.refuse(command, wish, "person_unknown", why, "Name one of the people of the configuration.")
    if incident.assignee == wish.assignee:
        why = f"INC-{incident.number} is already with {wish.assignee}"
        return refusals.refuse(command, wish, "already_assigned", why, f"Allowed now: {moves.allowed(incident.state)}.")
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


def _contain(
    command: Command, wish: ContainIncident, incident: Incident, path: tuple[State, ...], view: View
) -> Decision:
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


def _resolve(
    command: Command, wish: ResolveIncident, incident: Incident, path: tuple[State, ...], view: View
) -> Decision:
    why = wish.note or _after("resolved", incident)
    config = cast(Incidents, view.config(wish.tenant, "incidents"))
    events, timers = resolved(command.now, wish.tenant, incident, path, wish.subject, why, wish.note, config)
    return Decision(events, timers, ("resolved",), answer="accepted")


def resolved(
    now: int,
    tenant: str,
    incident: Incident,
    path: tuple[State, ...],
    by: str,
    why: str,
    note: str | None,
    config: Incidents,
) -> tuple[tuple[Event, ...], tuple[SetTimer | CancelTimer, ...]]:
    """The events that end an incident, and the timers of its postmortem and of forgetting it."""
    key = key_of(tenant)
    postmortem = automatic.postmortem_at(config, incident, now)
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
        postmortem_at=postmortem,
    )
    events = (*through(now, tenant, incident, path, by, why), Event(key, over))
    return events, automatic.at_end(key, incident, now, postmortem)


def _reopen(
    command: Command, wish: ReopenIncident, incident: Incident, path: tuple[State, ...], view: View
) -> Decision:
    events = automatic.reopened(command.now, wish.tenant, incident, wish.subject, wish.note)
    timers = automatic.at_reopening(key_of(wish.tenant), incident)
    return Decision(events, timers, ("reopened",), answer="accepted")


def _close(command: Command, wish: CloseIncident, incident: Incident, path: tuple[State, ...], view: View) -> Decision:
    key = key_of(wish.tenant)
    why = wish.note or "nothing is left to do"
    closed = IncidentClosed(wish.tenant, wish.incident_id, incident.number, wish.subject, wish.note, command.now)
    events = (*through(command.now, wish.tenant, incident, path, wish.subject, why), Event(key, closed))
    return Decision(events, automatic.at_end(key, incident, command.now), ("closed",), answer="accepted")


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


# The verb of each command, as moves.py and the doors name it, and what decides it.
VERBS: Mapping[type, tuple[str, Verb]] = {
    AcknowledgeIncident: ("acknowledge", _acknowledge),
    AssignIncident: ("assign", _assign),
    ContainIncident: ("contain", _contain),
    ResolveIncident: ("resolve", _resolve),
    ReopenIncident: ("reopen", _reopen),
    CloseIncident: ("close", _close),
    **responding.VERBS,
    **aggregating.VERBS,
    **commanding.VERBS,
}
HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = dict.fromkeys(VERBS, wished)
