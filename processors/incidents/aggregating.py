"""decide, for a flood of failures of one incident: one message about many instead of one about each (seed 16.3).

The first page told of the incident. While failures go on and nobody has acknowledged, those who were paged are told
every `aggregate_s` how many more there were; never more often, and at most TIMES_MAX times. A person can mute it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from processors.incidents import refusals
from processors.incidents.aggregate_state import Aggregate, AggregateKept, aggregate_part
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from schemas.ids import key_of, unescape
from schemas.incident_rules import Incidents
from schemas.messages.incidents import ErrorsAggregated, IncidentMuted, MuteIncident, SignalAttached, State

TIMER = "aggregate"
# After so many messages that nobody answered, one more tells nothing: the escalation is what helps then.
TIMES_MAX = 10
Begun = tuple[tuple[Event, ...], tuple[SetTimer, ...]]


def begun(attached: SignalAttached, view: View, config: Incidents, incident: Incident) -> Begun:
    """What follows from one failure more of an incident of which people were told: its number is told when due."""
    every = config.automatic.aggregate_s * 1000
    if not every or incident.first_page_at is None or not _told_of(incident) or attached.historical:
        return (), ()
    key = key_of(attached.tenant)
    part = aggregate_part(incident_part(key, incident.incident_id))
    known: Aggregate = view.get(part) or Aggregate()
    if known.due or known.times >= TIMES_MAX:
        return (), ()
    now = attached.at
    if not known.times:
        # The page told of the first failure. What came since then counts, and what came with it.
        recent = now - incident.detected_at <= every
        known = replace(known, failures=0 if recent else incident.failures)
    since = incident.detected_at if not known.failures else now
    due = _boundary(incident.first_page_at, every)
    due = due if due > now else _boundary(now, every)
    kept = replace(known, since=since, due=due)
    return (Event(key, AggregateKept(part, kept)),), (SetTimer(part, TIMER, due),)


def _told_of(incident: Incident) -> bool:
    """Whether anybody is to be told of more: not of what is acknowledged (seed 16.5), nor of what is over."""
    return incident.acknowledged_by is None and incident.resolved_at is None and incident.state != "merged"


def _boundary(now: int, every: int) -> int:
    """The end of the interval, by whole ones (14:31:00), that is at least half an interval away."""
    return -(-(now + every // 2) // every) * every


def due(command: Command, timer: TimerDue, view: View) -> Decision:
    """An interval is over."""
    known = cast(Aggregate, view.get(timer.part))
    whole = timer.part.rsplit("/", 1)[0]
    key = whole.split("/", 1)[0]
    incident = cast(Incident, view.get(whole))
    every = cast(Incidents, view.config(unescape(key), "incidents")).automatic.aggregate_s * 1000
    if not every or not _told_of(incident) or incident.failures <= known.failures:
        quiet = replace(known, failures=incident.failures, due=0)
        return Decision((Event(key, AggregateKept(timer.part, quiet)),), (), ("aggregate_quiet",))
    again = _boundary(command.now, every)
    later = SetTimer(timer.part, TIMER, again)
    if known.muted_until > command.now:
        kept = replace(known, due=again)
        return Decision((Event(key, AggregateKept(timer.part, kept)),), (later,), ("aggregate_muted",))
    told = ErrorsAggregated(
        tenant=unescape(key),
        incident_id=incident.incident_id,
        number=incident.number,
        severity=incident.severity,
        title=incident.title,
        resource=incident.resource,
        errors=incident.failures - known.failures,
        window_s=max(1, (command.now - known.since + 500) // 1000),
        times=known.times + 1,
        failures=incident.failures,
        affected_count=incident.affected_count,
        first_failure_at=incident.first_failure_at,
        at=command.now,
    )
    more = told.times < TIMES_MAX
    kept = Aggregate(incident.failures, command.now, again if more else 0, told.times, known.muted_until)
    events = (Event(key, told), Event(key, AggregateKept(timer.part, kept)))
    return Decision(events, (later,) if more else (), ("aggregated",))


def mute(command: Command, wish: MuteIncident, incident: Incident, path: tuple[State, ...], view: View) -> Decision:
    """Nobody is told of further failures for a while; an escalation goes on, and a raised severity pages."""
    name = f"INC-{incident.number}"
    if incident.acknowledged_by is not None:
        why = f"{incident.acknowledged_by} acknowledged {name}, so nobody is told of its further failures"
        return refusals.refuse(command, wish, "already_acknowledged", why, "There is nothing to mute.")
    if not cast(Incidents, view.config(wish.tenant, "incidents")).automatic.aggregate_s:
        why = "the settings tell nobody of further failures (document incidents, automatic.aggregate_s is 0)"
        return refusals.refuse(command, wish, "nothing_to_mute", why, "There is nothing to mute.")
    muted = IncidentMuted(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=wish.subject,
        minutes=wish.minutes,
        until=command.now + wish.minutes * 60_000,
        note=wish.note,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), muted),), reasons=("muted",), answer="accepted")


def _evolve_muted(view: View, event: IncidentMuted) -> Mapping[str, Any]:
    part = aggregate_part(incident_part(key_of(event.tenant), event.incident_id))
    known: Aggregate = view.get(part) or Aggregate()
    return {part: replace(known, muted_until=event.until)}


Verb = Callable[[Command, Any, Incident, tuple[State, ...], View], Decision]
VERBS: Mapping[type, tuple[str, Verb]] = {MuteIncident: ("mute", mute)}
TIMERS: Mapping[str, Callable[[Command, Any, View], Decision]] = {TIMER: due}
EVOLVERS: Mapping[type, Callable[[View, Any], Mapping[str, Any]]] = {
    AggregateKept: lambda view, event: {event.part: event.aggregate},
    IncidentMuted: _evolve_muted,
}
