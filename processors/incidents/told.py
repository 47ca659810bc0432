"""decide, for what is told and not seen failing: a report opens or joins an incident; an alert too, and may end one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from processors.incidents import alarms, attribution, external, moves, people
from processors.incidents.causes import Failing
from processors.incidents.finding import open_on, survivor
from processors.incidents.rules import (
    KEEP_MS,
    RESOURCE_CHARACTERS,
    SAMPLE_CHARACTERS,
    TITLE_CHARACTERS,
    clip,
    distance_ms,
    more_severe,
    nearest,
    opening_severity,
)
from processors.incidents.state import Alert, Incident, Tenant, alert_part, incident_part, tenant_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, View
from schemas.ids import Id, child_id, key_of
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import (
    AlertAcknowledgementObserved,
    AlertAttached,
    AlertNoted,
    AlertObserved,
    AlertResolved,
    Confidence,
    IncidentOpened,
    ReportAttached,
    ReportProblem,
    Severity,
    SeverityRaised,
    Trigger,
)


@dataclass(frozen=True, slots=True)
class Sign:
    """What a report, an alert, a crossed threshold and an accepted suggestion have in common.

    `since` (ms) is when it began, as the sender says; `confidence` is that of its trigger.
    """

    tenant: str
    trigger: Trigger
    id: Id
    resource: str
    title: str
    text: str
    by: str
    error_type: str
    severity: Severity | None
    since: int
    confidence: Confidence = "high"


@dataclass(frozen=True, slots=True)
class Found:
    """The incident of a sign: its id and number, the events that opened it (none where it was there), and why this."""

    incident_id: Id
    number: int
    opening: tuple[Event, ...]
    incident: Incident | None
    why: str


def report(command: Command, wish: ReportProblem, view: View) -> Decision:
    """A person or an agent says that something is wrong: always believed, so it is always accepted."""
    key = key_of(wish.tenant)
    since = command.now if wish.since is None else min(wish.since, command.now)
    what = " ".join(wish.what.split())
    sign = Sign(
        wish.tenant,
        "report",
        wish.command_id,
        wish.resource,
        what,
        wish.what,
        wish.subject,
        "UserReport",
        wish.severity,
        since,
    )
    place = found(command, sign, view)
    attached = ReportAttached(
        tenant=wish.tenant,
        incident_id=place.incident_id,
        number=place.number,
        report_id=wish.command_id,
        subject=wish.subject,
        subject_kind=wish.subject_kind,
        resource=wish.resource,
        what=wish.what,
        severity=wish.severity,
        since=wish.since,
        opened=place.incident is None,
        reasons=(place.why, f"told by the {wish.subject_kind} {wish.subject}: high confidence"),
        at=command.now,
    )
    events = (*place.opening, Event(key, attached), *raised(command, sign, place.incident))
    return Decision(events, reasons=("report_joined" if place.incident else "report_opened",), answer="accepted")


def alert(command: Command, told: AlertObserved, view: View) -> Decision:
    """An external alert, by its own identity: it attaches once and ends once, however often it is told."""
    known: Alert | None = view.get(alert_part(key_of(told.tenant), told.alert_id))
    if told.status == "resolved":
        return _over(command, told, known, view)
    if known is not None:
        # Sources repeat an alert for as long as it fires: it is kept as long as that.
        again = (_forget_later(command, told),) if known.firing else ()
        if known.firing or not told.recurs:
            return Decision((), again, ("alert_repeated" if known.firing else "alert_over",))
    key = key_of(told.tenant)
    title = f"{told.name}: {told.summary}" if told.summary else told.name
    since = min(told.starts_at, command.now)
    sign = Sign(
        told.tenant,
        "alert",
        told.alert_id,
        told.resource,
        title,
        title,
        told.source,
        "ExternalAlert",
        told.severity,
        since,
    )
    back = alarms.again(command, told, view)
    place = found(command, sign, view) if back is None else Found(*back)
    attached = AlertAttached(
        tenant=told.tenant,
        incident_id=place.incident_id,
        number=place.number,
        alert_id=told.alert_id,
        source=told.source,
        fingerprint=told.fingerprint,
        name=told.name,
        resource=told.resource,
        resource_from=told.resource_from,
        summary=told.summary,
        severity=told.severity,
        link=told.link,
        starts_at=told.starts_at,
        opened=place.incident is None,
        reasons=(place.why, f"resource from {told.resource_from}"),
        at=command.now,
    )
    reason = "alert_back" if back else "alert_joined" if place.incident else "alert_opened"
    kept, timers = alarms.counted(command, told, place.incident_id, view)
    keep = (CancelTimer(incident_part(key, place.incident_id), "forget"),) if back else ()
    events = (*place.opening, Event(key, attached), kept)
    return Decision(events, (*timers, _forget_later(command, told), *keep), (reason,))


def acknowledged(command: Command, seen: AlertAcknowledgementObserved, view: View) -> Decision:
    """Somebody acknowledged it where it comes from. Nobody whom we know has answered: paging goes on."""
    key = key_of(seen.tenant)
    known: Alert | None = view.get(alert_part(key, seen.alert_id))
    incident = survivor(view, key, known.incident_id) if known is not None else None
    if known is None or incident is None:
        return Decision(reasons=("alert_unknown",))
    noted = AlertNoted(
        tenant=seen.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        alert_id=seen.alert_id,
        source=seen.source,
        name=known.name,
        what="acknowledged there",
        reasons=("who acknowledged is not known here, so nobody here has answered and paging goes on",),
        at=command.now,
    )
    return Decision((Event(key, noted),), reasons=("alert_noted",))


def _over(command: Command, told: AlertObserved, known: Alert | None, view: View) -> Decision:
    if known is None:
        return Decision(reasons=("alert_unknown",))
    if not known.firing:
        return Decision(reasons=("alert_repeated",))
    key = key_of(told.tenant)
    incident = survivor(view, key, known.incident_id)
    if incident is None:
        return Decision(reasons=("alert_of_unknown_incident",))
    left = max(0, incident.alerts_firing - 1)
    kept = _what_keeps_it(incident, left) or alarms.flapping(command, told, view)
    why = f"noted only: {kept}" if kept else "the last of its alerts, and nothing else was seen: resolved"
    over = AlertResolved(
        tenant=told.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        alert_id=told.alert_id,
        source=told.source,
        name=known.name or told.name,
        ends_at=told.ends_at,
        still_firing=left,
        reasons=(why,),
        at=command.now,
    )
    events: tuple[Event, ...] = (Event(key, over),)
    timers = (_forget_later(command, told),)
    if kept:
        return Decision(events, timers, ("alert_noted",))
    path = moves.path("resolve", incident.state) or ()
    note = f"all alerts of {told.source} are over"
    config = cast(Incidents, view.config(told.tenant, "incidents"))
    ending, ends = people.resolved(command.now, told.tenant, incident, path, told.source, note, note, config)
    return Decision((*events, *ending), (*timers, *ends), ("alert_resolved",))


def _what_keeps_it(incident: Incident, firing: int) -> str:
    """Why the end of an alert does not end its incident; empty when it does."""
    if incident.state in OVER:
        return f"the incident is {incident.state}"
    if incident.trigger != "alert" or incident.failures or incident.reports:
        return f"{incident.failures} failures and {incident.reports} reports belong to it too"
    if incident.breaches:
        return f"{incident.breaches} crossed thresholds belong to it too"
    return f"{firing} of its alerts still fire" if firing else ""


def _forget_later(command: Command, told: AlertObserved) -> SetTimer:
    return SetTimer(alert_part(key_of(told.tenant), told.alert_id), "forget", command.now + KEEP_MS)


def found(command: Command, sign: Sign, view: View) -> Found:
    """The incident of a sign: the open one that is near on its resource, else one that it opens."""
    key = key_of(sign.tenant)
    config = cast(Incidents, view.config(sign.tenant, "incidents"))
    window_s = config.window_s(sign.resource)
    there = open_on(view, key, sign.resource)
    # Near when it is told, or near when it is said to have begun.
    near = [i for at in (command.now, sign.since) if (i := nearest(there, at)) is not None]
    for at, incident in zip((command.now, sign.since), near, strict=False):
        away_s = (distance_ms(incident, at) + 999) // 1000
        if away_s <= window_s:
            why = f"INC-{incident.number} is open on {sign.resource}, {away_s} s away, within {window_s} s"
            return Found(incident.incident_id, incident.number, (), incident, why)
    why = f"none of {len(there)} open incidents on {sign.resource} is within {window_s} s"
    return _opened(command, sign, view, config, why)


def _says(sign: Sign) -> str:
    # An agent only measured what a threshold has a severity for.
    by = "its threshold" if sign.trigger == "threshold" else sign.by
    return f"{by} says {sign.severity}"


def _opened(command: Command, sign: Sign, view: View, config: Incidents, why: str) -> Found:
    key = key_of(sign.tenant)
    tenant = view.get(tenant_part(key)) or Tenant()
    severity, severity_reason = opening_severity(config, sign.resource, 0, failures=0)
    if sign.severity is not None and more_severe(sign.severity, severity):
        severity, severity_reason = sign.severity, _says(sign)
    incident_id = child_id(command.id, "incidents.Incident", key, 0)
    number = tenant.incidents + 1
    opened = IncidentOpened(
        tenant=sign.tenant,
        incident_id=incident_id,
        number=number,
        resource=sign.resource,
        fingerprint=sign.trigger,
        error_type=sign.error_type,
        title=clip(sign.title, TITLE_CHARACTERS),
        sample=clip(sign.text, SAMPLE_CHARACTERS),
        severity=severity,
        severity_reason=severity_reason,
        actor=sign.by,
        action_type=sign.trigger,
        action_id=sign.id,
        affected=None,
        first_failure_at=sign.since,
        event_time=sign.since,
        historical=False,
        reasons=(why, f"opened by a sign that is no failure: {sign.trigger}"),
        at=command.now,
        trigger=sign.trigger,
        failures=0,
        trigger_confidence=sign.confidence,
    )
    what = Failing(clip(sign.resource, RESOURCE_CHARACTERS), "", "", sign.since, sign.text)
    found = attribution.suggestion(view, key, what, config)
    cause = attribution.suggested(sign.tenant, key, incident_id, number, found, command.now)
    opening = (Event(key, opened), cause, *external.evidence(view, opened))
    return Found(incident_id, number, opening, None, why)


def raised(command: Command, sign: Sign, incident: Incident | None) -> tuple[Event, ...]:
    """A report that says more than is known raises the severity: then people are paged again."""
    if incident is None or sign.severity is None or not more_severe(sign.severity, incident.severity):
        return ()
    raised = SeverityRaised(
        tenant=sign.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        resource=incident.resource,
        title=incident.title,
        before=incident.severity,
        after=sign.severity,
        reason=_says(sign),
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=command.now,
        stated=True,
    )
    return (Event(key_of(sign.tenant), raised),)


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {
    ReportProblem: report,
    AlertObserved: alert,
    AlertAcknowledgementObserved: acknowledged,
}
