"""Maintenance windows and change freezes: what was decided is marked with the window in which its sign fell.

A sign (a failure, an alert, a crossed threshold) in a window is recorded and grouped like any other, marked
(`in_maintenance`), and pages nobody. The first sign outside it on the same incident ends the silence
(`MaintenanceOver`): then people are told, unless somebody has taken the incident meanwhile. Whether a sign falls into
a window is told by when it happened (event time), so that what arrives late is judged as it was. A report of a person
or an agent is always believed: it pages also inside a window. A change in a freeze is kept and flagged, never refused.
The windows' times are announced (document `occurrences`): no clock and no time zone is read here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Decision, Event, View
from schemas.calendar import Occurrences
from schemas.ids import key_of
from schemas.messages.incidents import (
    AlertAttached,
    ChangeRecorded,
    IncidentOpened,
    IncidentReopened,
    MaintenanceOver,
    ReportAttached,
    SeverityRaised,
    SignalAttached,
    ThresholdBreached,
)

_SIGNS = (SignalAttached, AlertAttached, ThresholdBreached)
_MARKED = (*_SIGNS, IncidentOpened, IncidentReopened, SeverityRaised)
_TELLING = frozenset((*_SIGNS, IncidentOpened, ReportAttached))
_SILENT_TRIGGERS = ("error", "alert", "threshold")


def marked(decision: Decision, view: View) -> Decision:
    """The decision with its marks, and with the end of a silence where one ends."""
    signs = [e.message for e in decision.events if type(e.message) in _TELLING]
    changed = any(type(e.message) is ChangeRecorded for e in decision.events)
    if not signs and not changed:
        return decision
    window = next((found for sign in signs if (found := _window(sign, view)) is not None), None)
    events = decision.events
    if window is not None or changed:
        events = tuple(replace(e, message=_with_mark(e.message, window, view)) for e in events)
    ended = _silence_ended(signs, events, view) if window is None else []
    return decision if not ended and not changed and window is None else replace(decision, events=(*events, *ended))


def _window(sign: Any, view: View) -> str | None:
    """The name of the maintenance window in which this sign fell."""
    if isinstance(sign, ReportAttached):
        return None
    calendar = cast(Occurrences, view.config(sign.tenant, "occurrences"))
    if not calendar.windows:
        return None
    if isinstance(sign, IncidentOpened):
        if sign.historical or sign.trigger not in _SILENT_TRIGGERS:
            return None
        resource, when = sign.resource, sign.event_time
    elif isinstance(sign, SignalAttached):
        incident: Incident | None = view.get(incident_part(key_of(sign.tenant), sign.incident_id))
        if incident is None or sign.historical:
            return None
        resource, when = incident.resource, sign.event_time
    else:
        resource = sign.resource
        when = sign.event_time if isinstance(sign, ThresholdBreached) else min(sign.starts_at, sign.at)
    found = calendar.at("maintenance", resource, when)
    return None if found is None else found.name


def _with_mark(message: Any, window: str | None, view: View) -> Any:
    if window is not None and type(message) in _MARKED:
        return replace(message, in_maintenance=window)
    if isinstance(message, ChangeRecorded):
        calendar = cast(Occurrences, view.config(message.tenant, "occurrences"))
        freeze = calendar.at("freeze", message.resource, message.event_time)
        if freeze is not None and (not freeze.kinds or message.kind in freeze.kinds):
            return replace(message, freeze=freeze.name, freeze_message=freeze.message or None)
    return message


def _silence_ended(signs: list[Any], events: tuple[Event, ...], view: View) -> list[Event]:
    for sign in signs:
        if isinstance(sign, IncidentOpened) or getattr(sign, "historical", False):
            continue
        key = key_of(sign.tenant)
        incident: Incident | None = view.get(incident_part(key, sign.incident_id))
        if incident is None or not incident.window or incident.resolved_at is not None:
            continue
        raised = next((e.message for e in events if isinstance(e.message, SeverityRaised)), None)
        severity = raised.after if raised is not None else incident.severity
        if incident.acknowledged_by is not None and incident.acknowledged_severity == severity:
            continue
        over = MaintenanceOver(
            tenant=sign.tenant,
            incident_id=incident.incident_id,
            number=incident.number,
            window=incident.window,
            resource=incident.resource,
            title=incident.title,
            severity=severity,
            raised=incident.window_raised,
            first_failure_at=incident.first_failure_at,
            failures=sign.failures if isinstance(sign, SignalAttached) else incident.failures,
            affected_count=sign.affected_count if isinstance(sign, SignalAttached) else incident.affected_count,
            at=sign.at,
        )
        return [Event(key, over)]
    return []
