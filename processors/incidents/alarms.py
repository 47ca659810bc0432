"""Alerts that come and go: one that fires again soon after its end reopens its incident, and one that flaps stays open.

An alert is known over its episodes by what its source calls it (source and fingerprint). Within FLAP_S it reopens the
incident at most FLAPS times; after that its end ends nothing, so a flap pages FLAPS + 1 times at most, and a person
ends it.
"""

from __future__ import annotations

from typing import cast

from processors.incidents import moves, people
from processors.incidents.events import AlarmMoved
from processors.incidents.measures import Alarm, alarm_part
from processors.incidents.rules import KEEP_MS
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Event, SetTimer, View
from schemas.ids import Id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import AlertObserved, IncidentReopened

FLAP_S = 3_600
FLAPS = 3


def _alarm(told: AlertObserved, view: View) -> Alarm | None:
    return cast("Alarm | None", view.get(alarm_part(key_of(told.tenant), told.source, told.fingerprint)))


def again(command: Command, told: AlertObserved, view: View) -> tuple[Id, int, tuple[Event, ...], Incident, str] | None:
    """The incident that this alert's last end resolved within the attach window, and the events that reopen it."""
    key = key_of(told.tenant)
    alarm = _alarm(told, view)
    incident: Incident | None = view.get(incident_part(key, alarm.incident_id)) if alarm is not None else None
    if incident is None or incident.state != "resolved" or incident.resolved_by != told.source:
        return None
    window_s = cast(Incidents, view.config(told.tenant, "incidents")).attach_window_s
    away_s = (command.now - (incident.resolved_at or 0) + 999) // 1000
    path = moves.path("reopen", incident.state)
    if away_s > window_s or path is None:
        return None
    note = f"{told.name} fires again {away_s} s after it was over, within {window_s} s"
    reopened = IncidentReopened(
        tenant=told.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=told.source,
        note=note,
        resource=incident.resource,
        title=incident.title,
        severity=incident.severity,
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=command.now,
    )
    events = (
        Event(key, reopened),
        *people.through(command.now, told.tenant, incident, path, told.source, note),
    )
    return incident.incident_id, incident.number, events, incident, note


def counted(command: Command, told: AlertObserved, incident_id: Id, view: View) -> tuple[Event, tuple[SetTimer, ...]]:
    """One more episode of the alert; `returns` counts from the first one within FLAP_S."""
    key = key_of(told.tenant)
    part = alarm_part(key, told.source, told.fingerprint)
    alarm = _alarm(told, view)
    recent = alarm is not None and command.now - alarm.since <= FLAP_S * 1000
    kept = Alarm(incident_id, command.now, 0)
    if recent and alarm is not None:
        kept = Alarm(incident_id, alarm.since, alarm.returns + 1)
    return Event(key, AlarmMoved(part, kept)), (SetTimer(part, "forget", command.now + KEEP_MS),)


def flapping(command: Command, told: AlertObserved, view: View) -> str:
    """Why the end of this alert is not believed; empty when it is."""
    alarm = _alarm(told, view)
    if alarm is None or alarm.returns < FLAPS or command.now - alarm.since > FLAP_S * 1000:
        return ""
    return f"it flaps: {alarm.returns} times back within {FLAP_S} s; a person ends it"
