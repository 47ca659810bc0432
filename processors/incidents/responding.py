"""decide, for people who respond together: false alarm, postmortem, escalate, join, leave, hand off.

The primary is who has the incident (its assignee): one decides, others join and ask before they act (seed 16.7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from processors.incidents import automatic, moves
from processors.incidents.refusals import refuse
from processors.incidents.responders import PARTICIPANTS, PARTICIPANTS_BYTES, Responders, people_part
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, View
from schemas.configuration import People
from schemas.ids import key_of
from schemas.messages.incidents import (
    EscalateIncident,
    FalseAlarmMarked,
    HandOffIncident,
    IncidentHandedOff,
    IncidentStateChanged,
    JoinIncident,
    LeaveIncident,
    MarkFalseAlarm,
    ParticipantJoined,
    ParticipantLeft,
    PostmortemStarted,
    StartPostmortem,
    State,
)

Path = tuple[State, ...]
Verb = Callable[[Command, Any, Incident, Path, View], Decision]
ACCEPTED = "accepted"


def _false_alarm(command: Command, wish: MarkFalseAlarm, incident: Incident, path: Path, view: View) -> Decision:
    key = key_of(wish.tenant)
    cases = automatic.open_cases(view, key, incident)
    if cases:
        # What has become history is no false alarm until those who are accountable say so.
        why = f"{automatic.said_cases(cases)} open on {incident.resource}, so INC-{incident.number} is RML-3"
        remedy = "Leaving RML-3 needs a signed downgrade of the case. Resolve the incident when it is over."
        return refuse(command, wish, "gate_open", why, remedy)
    why = wish.note or "nothing is wrong"
    marked = FalseAlarmMarked(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=wish.subject,
        note=wish.note,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=command.now,
    )
    events = (_moved(command, wish, incident, path[-1], why), Event(key, marked))
    return Decision(events, automatic.at_end(key, incident, command.now), ("false_alarm",), ACCEPTED)


def _postmortem(command: Command, wish: StartPostmortem, incident: Incident, path: Path, view: View) -> Decision:
    """A person begins it early, or names its document while it runs."""
    if not path and wish.link is None and wish.note is None:
        why = f"INC-{incident.number} is in its postmortem already"
        return refuse(command, wish, "already_in_postmortem", why, "Give a link or a note, or close it.")
    key = key_of(wish.tenant)
    started = PostmortemStarted(
        wish.tenant,
        incident.incident_id,
        incident.number,
        wish.subject,
        False,
        wish.note,
        wish.link,
        command.now,
    )
    moved = (_moved(command, wish, incident, path[-1], wish.note or "a person began it"),) if path else ()
    timer = CancelTimer(incident_part(key, incident.incident_id), automatic.POSTMORTEM)
    reason = "postmortem_started" if path else "postmortem_named"
    return Decision((*moved, Event(key, started)), (timer,), (reason,), ACCEPTED)


def _escalate(command: Command, wish: EscalateIncident, incident: Incident, path: Path, view: View) -> Decision:
    why = wish.note or f"{wish.subject} wants others on it"
    events = automatic.escalated(command.now, wish.tenant, incident, wish.subject, why)
    return Decision(events, reasons=("escalated_by_person",), answer=ACCEPTED)


def _join(command: Command, wish: JoinIncident, incident: Incident, path: Path, view: View) -> Decision:
    there = participants(view, key_of(wish.tenant), incident)
    name = f"INC-{incident.number}"
    if wish.subject == incident.assignee:
        return refuse(command, wish, "already_primary", f"you are primary of {name}", "You are on it already.")
    if wish.subject in there:
        return refuse(command, wish, "already_joined", f"you joined {name} before", "Nothing is left to do.")
    size = sum(len(person.encode()) for person in (*there, wish.subject))
    if len(there) >= PARTICIPANTS or size > PARTICIPANTS_BYTES:
        why = f"{len(there)} people joined {name} already, the most there can be is {PARTICIPANTS}"
        return refuse(command, wish, "too_many_participants", why, "Somebody must leave first.")
    joined = ParticipantJoined(
        wish.tenant, incident.incident_id, incident.number, wish.subject, incident.assignee, wish.note, command.now
    )
    return Decision((Event(key_of(wish.tenant), joined),), reasons=("joined",), answer=ACCEPTED)


def _leave(command: Command, wish: LeaveIncident, incident: Incident, path: Path, view: View) -> Decision:
    if wish.subject not in participants(view, key_of(wish.tenant), incident):
        primary = wish.subject == incident.assignee
        why = f"you are {'primary of' if primary else 'no participant of'} INC-{incident.number}"
        return refuse(command, wish, "not_joined", why, "Hand it off first." if primary else "Nothing is left to do.")
    left = ParticipantLeft(wish.tenant, incident.incident_id, incident.number, wish.subject, wish.note, command.now)
    return Decision((Event(key_of(wish.tenant), left),), reasons=("left",), answer=ACCEPTED)


def _hand_off(command: Command, wish: HandOffIncident, incident: Incident, path: Path, view: View) -> Decision:
    if incident.assignee is None or wish.subject not in (incident.assignee, incident.commander):
        return not_primary(command, wish, incident, "hand it off")
    if wish.to == incident.assignee:
        why = f"INC-{incident.number} is already with {wish.to}"
        return refuse(command, wish, "already_primary", why, "Name somebody else.")
    stranger = unknown_person(command, wish, wish.to, view)
    if stranger is not None:
        return stranger
    handed = IncidentHandedOff(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=wish.subject,
        before=incident.assignee,
        to=wish.to,
        note=wish.note,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), handed),), reasons=("handed_off",), answer=ACCEPTED)


def participants(view: View, key: str, incident: Incident) -> tuple[str, ...]:
    """Who joined, oldest first."""
    found: Responders | None = view.get(people_part(incident_part(key, incident.incident_id)))
    return found.participants if found is not None else ()


def not_primary(command: Command, wish: Any, incident: Incident, what: str) -> Decision:
    """Only the primary, or the incident commander, may do this."""
    name = f"INC-{incident.number}"
    if incident.assignee is None:
        why = f"nobody is primary of {name}"
        return refuse(command, wish, "no_primary", why, f"Take it first. Allowed now: {moves.allowed(incident.state)}.")
    commander = f", {incident.commander} is incident commander" if incident.commander else ""
    why = f"{incident.assignee} is primary of {name}{commander}; only they may {what}"
    remedy = f"Ask {incident.assignee} to do it, or to hand {name} off to you."
    return refuse(command, wish, "not_primary", why, remedy)


def unknown_person(command: Command, wish: Any, person: str, view: View) -> Decision | None:
    """The refusal of a name that no person of the tenant has; where people are not known here, any name is taken."""
    people = cast(People, view.config(wish.tenant, "people"))
    if not people.people or people.person(person) is not None:
        return None
    why = f"{person} is no person of this tenant"
    return refuse(command, wish, "person_unknown", why, "Name one of the people of the configuration.")


def _moved(command: Command, wish: Any, incident: Incident, after: State, why: str) -> Event:
    moved = IncidentStateChanged(
        wish.tenant, incident.incident_id, incident.number, incident.state, after, wish.subject, why, command.now
    )
    return Event(key_of(wish.tenant), moved)


VERBS: Mapping[type, tuple[str, Verb]] = {
    MarkFalseAlarm: ("false-alarm", _false_alarm),
    StartPostmortem: ("postmortem", _postmortem),
    EscalateIncident: ("escalate", _escalate),
    JoinIncident: ("join", _join),
    LeaveIncident: ("leave", _leave),
    HandOffIncident: ("handoff", _hand_off),
}
