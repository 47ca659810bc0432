"""decide and evolve, for external dependencies (seed 12.2, 12.3): how often one fails is passed on to readers; one that
is said to be degraded is a possible reason for the incidents of what depends on it, never more than possible, and is
withdrawn when it has recovered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from processors.incidents.flood_state import DegradedDependency, dependencies_prefix, dependency_part
from processors.incidents.state import Incident, Place, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, TimerDue, View
from schemas.catalog import Catalog
from schemas.ids import Id, derive, key_of, unescape
from schemas.incident_rules import Incidents
from schemas.messages.incidents import CommandRefused, IncidentOpened
from schemas.messages.incidents.flooding import (
    DependencyCleared,
    DependencyCounted,
    DependencyDegraded,
    DependencyRated,
    DependencyRecovered,
    DependencySuspected,
    SetDependencyStatus,
)

# Degraded at a time: each is looked at when an incident opens (20 us). Incidents of one: 500 x 16 bytes.
MAX_DEGRADED = 64
MAX_INCIDENTS = 500
# How far a fault travels up the catalog: what depends on what depends on what depends on it.
DEPTH = 3
UNTIL = "dependency_until"
Parts = Mapping[str, Any | None]


@dataclass(frozen=True, slots=True)
class DegradedKept:
    """What is remembered of a degraded dependency; only the state changes."""

    part: str
    kept: DegradedDependency


def _counted(command: Command, fact: DependencyCounted, view: View) -> Decision:
    given = {f.name: getattr(fact, f.name) for f in fields(fact)}
    rated = DependencyRated(**(given | {"at": command.now}))
    reason = "dependency_elevated" if fact.elevated else "dependency_normal"
    return Decision((Event(key_of(fact.tenant), rated),), reasons=(reason,))


def _status(command: Command, wish: SetDependencyStatus, view: View) -> Decision:
    key = key_of(wish.tenant)
    part = dependency_part(key, wish.dependency, wish.region)
    known: DegradedDependency | None = view.get(part)
    if wish.status == "recovered":
        if known is None:
            why = f"{_called(wish.dependency, wish.region)} is not said to be degraded"
            return _refused(command, wish, "not_degraded", why, "See `mandate dependency list`.")
        until = command.now if wish.until is None else max(known.since, min(wish.until, command.now))
        recovered = _recovered(wish.tenant, known, until, command.now, wish.source, wish.subject, wish.note)
        events = (Event(key, recovered), *_cleared(view, key, wish.tenant, known, command.now))
        return Decision(events, reasons=("dependency_recovered",), answer="accepted")
    if known is None and sum(1 for _ in view.scan(dependencies_prefix(key))) >= MAX_DEGRADED:
        why = f"{MAX_DEGRADED} dependencies are degraded at this time, no more are kept"
        return _refused(command, wish, "too_many_dependencies", why, "Say which of them have recovered.")
    if wish.until is not None and wish.until <= wish.since:
        return _refused(command, wish, "interval_empty", "it ends before it begins", "Give an `until` after `since`.")
    return _degraded(command, wish, known, view)


def _degraded(command: Command, wish: SetDependencyStatus, known: DegradedDependency | None, view: View) -> Decision:
    key = key_of(wish.tenant)
    part = dependency_part(key, wish.dependency, wish.region)
    degraded = DependencyDegraded(
        tenant=wish.tenant,
        dependency=wish.dependency,
        region=wish.region,
        since=wish.since,
        until=wish.until,
        source=wish.source,
        subject=wish.subject,
        note=wish.note,
        at=command.now,
    )
    kept = DegradedDependency(wish.dependency, wish.region, wish.since, wish.until, wish.source, wish.subject)
    before = known.incidents if known is not None else ()
    told: list[tuple[Incident, tuple[str, ...]]] = []
    for incident in _open(view, key):
        why = _why(view, wish.tenant, incident.resource, kept, (incident.first_failure_at, incident.last_failure_at))
        if why and incident.incident_id not in before and len(before) + len(told) < MAX_INCIDENTS:
            told.append((incident, why))
    kept = replace(kept, incidents=(*before, *(incident.incident_id for incident, _ in told)))
    out = [Event(key, degraded), Event(key, DegradedKept(part, kept))]
    out += (
        Event(key, _suspected(wish.tenant, incident.incident_id, incident.number, kept, why, command.now))
        for incident, why in told
    )
    over = wish.until is not None and wish.until > command.now
    timer = SetTimer(part, UNTIL, wish.until or 0) if over else CancelTimer(part, UNTIL)
    return Decision(tuple(out), (timer,), ("dependency_degraded",), "accepted")


def evidence(view: View, opened: IncidentOpened) -> tuple[Event, ...]:
    """What is degraded while an incident opens and may be why; events beside its opening."""
    key = key_of(opened.tenant)
    out: list[Event] = []
    for part, found in view.scan(dependencies_prefix(key)):
        kept = cast(DegradedDependency, found)
        why = _why(view, opened.tenant, opened.resource, kept, (opened.first_failure_at, opened.event_time))
        if not why or len(kept.incidents) >= MAX_INCIDENTS:
            continue
        more = replace(kept, incidents=(*kept.incidents, opened.incident_id))
        suspected = _suspected(opened.tenant, opened.incident_id, opened.number, kept, why, opened.at)
        out += (Event(key, suspected), Event(key, DegradedKept(part, more)))
    return tuple(out)


def timer(command: Command, due: TimerDue, view: View) -> Decision:
    """The end that was announced for a degradation has come."""
    key = due.part.split("/", 1)[0]
    tenant, kept = unescape(key), cast(DegradedDependency, view.get(due.part))
    recovered = _recovered(tenant, kept, due.due, due.due, kept.source, kept.subject, "its announced end has come")
    events = (Event(key, recovered), *_cleared(view, key, tenant, kept, due.due))
    return Decision(events, reasons=("dependency_recovered",))


def _why(view: View, tenant: str, resource: str, kept: DegradedDependency, times: tuple[int, int]) -> tuple[str, ...]:
    """Why an incident on `resource` may be related, empty when it may not. `times`: its first and last failure."""
    first, last = times
    if last < kept.since or (kept.until is not None and first > kept.until):
        return ()
    catalog = cast(Catalog, view.config(tenant, "catalog"))
    target = catalog.service(kept.dependency)
    names = {kept.dependency} | ({target.id} if target is not None else set())
    here = catalog.service(resource)
    how = ""
    if resource == kept.dependency or (here is not None and here.id in names):
        how = f"{resource} belongs to {kept.dependency}"
    elif here is not None:
        for service, depth in catalog.upstream(here.id, DEPTH):
            if service in names:
                how = f"{here.id} depends on {service}" + (f" over {depth} steps" if depth > 1 else "")
                break
    if not how:
        relations = cast(Incidents, view.config(tenant, "incidents")).relations
        declared = next((r.depends_on for r in relations if r.resource == resource), ())
        if not names.intersection(declared):
            return ()
        how = f"{resource} is declared to depend on {kept.dependency}"
    after_s = max(0, first - kept.since) // 1_000
    when = (
        "the degradation began after the first failure"
        if first < kept.since
        else (f"the first failure came {after_s} s after the degradation began")
    )
    return how, when


def _suspected(
    tenant: str, incident_id: Id, number: int, kept: DegradedDependency, why: tuple[str, ...], now: int
) -> DependencySuspected:
    name = _called(kept.dependency, kept.region)
    return DependencySuspected(
        tenant=tenant,
        incident_id=incident_id,
        number=number,
        dependency=kept.dependency,
        region=kept.region,
        confidence="possible",
        text=f"This incident may be related to the degradation of {name}: check its status first ({kept.source}).",
        reasons=why,
        since=kept.since,
        until=kept.until,
        source=kept.source,
        at=now,
    )


def _cleared(view: View, key: str, tenant: str, kept: DegradedDependency, now: int) -> tuple[Event, ...]:
    name = _called(kept.dependency, kept.region)
    found: list[Event] = []
    for incident_id in kept.incidents:
        incident: Incident | None = view.get(incident_part(key, incident_id))
        if incident is not None:
            text = f"{name} has recovered: it is no longer named as a possible reason."
            cleared = DependencyCleared(tenant, incident_id, incident.number, kept.dependency, kept.region, text, now)
            found.append(Event(key, cleared))
    return tuple(found)


def _recovered(
    tenant: str, kept: DegradedDependency, until: int, now: int, source: str, subject: str, note: str | None
) -> DependencyRecovered:
    return DependencyRecovered(
        tenant=tenant,
        dependency=kept.dependency,
        region=kept.region,
        since=kept.since,
        until=until,
        source=source,
        subject=subject,
        note=note,
        at=now,
    )


def _open(view: View, key: str) -> list[Incident]:
    """The tenant's open incidents, by the lists of open ones on each place, oldest first."""
    ids: dict[Id, None] = {}
    for _, listed in view.scan(f"{key}/place/"):
        ids.update(dict.fromkeys(cast(Place, listed).incidents))
    found: list[Incident | None] = [view.get(incident_part(key, i)) for i in ids]
    return sorted((i for i in found if i is not None), key=lambda i: i.number)


def _called(dependency: str, region: str) -> str:
    return f"{dependency} in {region}" if region else dependency


def _refused(command: Command, wish: SetDependencyStatus, code: str, why: str, remedy: str) -> Decision:
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=derive("dependency", wish.dependency, wish.region),
        command="SetDependencyStatus",
        code=code,
        why=why,
        remedy=remedy,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=(code,), answer=code)


def _over(view: View, event: DependencyRecovered) -> Parts:
    return {dependency_part(key_of(event.tenant), event.dependency, event.region): None}


Handler = Callable[[Command, Any, View], Decision]
HANDLERS: Mapping[type, Handler] = {DependencyCounted: _counted, SetDependencyStatus: _status}
TIMERS: Mapping[str, Handler] = {UNTIL: timer}
EVOLVE: Mapping[type, Callable[[View, Any], Parts]] = {
    DegradedKept: lambda view, event: {event.part: event.kept},
    DependencyRecovered: _over,
}
