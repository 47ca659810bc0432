"""decide, for the commands of people: a move of the state machine, or a refusal that says which moves are allowed."""

from __future__ import annotations

from processors.incidents.rules import KEEP_MS
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Decision, Event, SetTimer, View
from schemas.ids import key_of
from schemas.messages.incidents import (
    AcknowledgeIncident,
    CommandRefused,
    IncidentAcknowledged,
    IncidentResolved,
    IncidentStateChanged,
    ResolveIncident,
    State,
)

Wish = AcknowledgeIncident | ResolveIncident


def acknowledge(command: Command, wish: AcknowledgeIncident, view: View) -> Decision:
    """`subject` takes the incident; a second person takes it over; the same again is refused until severity rises."""
    incident: Incident | None = view.get(incident_part(key_of(wish.tenant), wish.incident_id))
    if incident is None:
        return _unknown(command, wish)
    if incident.state == "resolved":
        return _resolved_already(command, wish, incident)
    # A raised severity pages again although acknowledged; the same person must then be able to stop that escalation.
    if incident.acknowledged_by == wish.subject and incident.acknowledged_severity == incident.severity:
        since_s = (command.now - (incident.first_acknowledged_at or command.now)) // 1000
        why = f"INC-{incident.number} is already with {wish.subject}, first acknowledged {since_s} s ago"
        return _refuse(command, wish, "already_acknowledged", why, "Resolve it, or let somebody else take it over.")
    key = key_of(wish.tenant)
    acknowledged = IncidentAcknowledged(
        tenant=wish.tenant,
        incident_id=wish.incident_id,
        number=incident.number,
        subject=wish.subject,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=command.now,
    )
    events = [Event(key, acknowledged)]
    if incident.state == "detected":
        why = f"acknowledged after {incident.failures} failures"
        events.append(_moved(command, wish, incident, "detected", "investigating", why))
        return Decision(tuple(events), reasons=("acknowledged",), answer="accepted")
    again = incident.acknowledged_by == wish.subject
    return Decision(tuple(events), reasons=("acknowledged_again" if again else "taken_over",), answer="accepted")


def resolve(command: Command, wish: ResolveIncident, view: View) -> Decision:
    """`subject` ends the incident; states that were never reached are passed through, one event each."""
    key = key_of(wish.tenant)
    part = incident_part(key, wish.incident_id)
    incident: Incident | None = view.get(part)
    if incident is None:
        return _unknown(command, wish)
    if incident.state == "resolved":
        return _resolved_already(command, wish, incident)
    events = []
    if incident.state == "detected":
        events.append(_moved(command, wish, incident, "detected", "investigating", "passed through by resolving"))
    why = wish.note or f"resolved after {incident.failures} failures"
    events.append(_moved(command, wish, incident, "investigating", "resolved", why))
    events.append(
        Event(
            key,
            IncidentResolved(
                tenant=wish.tenant,
                incident_id=wish.incident_id,
                number=incident.number,
                subject=wish.subject,
                note=wish.note,
                first_failure_at=incident.first_failure_at,
                detected_at=incident.detected_at,
                first_page_at=incident.first_page_at,
                acknowledged_at=incident.first_acknowledged_at,
                failures=incident.failures,
                affected_count=incident.affected_count,
                at=command.now,
            ),
        )
    )
    forget = SetTimer(part, "forget", command.now + KEEP_MS)
    return Decision(tuple(events), (forget,), ("resolved",), answer="accepted")


def _moved(command: Command, wish: Wish, incident: Incident, before: State, after: State, reason: str) -> Event:
    return Event(
        key_of(wish.tenant),
        IncidentStateChanged(
            tenant=wish.tenant,
            incident_id=wish.incident_id,
            number=incident.number,
            before=before,
            after=after,
            by=wish.subject,
            reason=reason,
            at=command.now,
        ),
    )


def _unknown(command: Command, wish: Wish) -> Decision:
    why = "no open incident has this id; it never existed, or it was closed more than 30 days ago"
    return _refuse(
        command, wish, "unknown_or_closed", why, "Look it up in the list of incidents and take its id from there."
    )


def _resolved_already(command: Command, wish: Wish, incident: Incident) -> Decision:
    ago_s = (command.now - (incident.resolved_at or command.now)) // 1000
    why = f"INC-{incident.number} was resolved by {incident.resolved_by} {ago_s} s ago"
    remedy = "Nothing is left to do: a resolved incident allows no move, a new failure opens a new incident."
    return _refuse(command, wish, "already_resolved", why, remedy)


def _refuse(command: Command, wish: Wish, code: str, why: str, remedy: str) -> Decision:
    key = key_of(wish.tenant)
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
    return Decision((Event(key, refused),), reasons=(code,), answer=code)
