"""decide, for what may belong together: which open incidents are related to one, with points and where they come from.

Weighed when an incident opens, when its likely cause is known or another one, and when somebody takes it; said once for
a pair, when it first reaches `related_from` of 1,000 points. Weighed against the incidents that were opened last (32)
and those on the resource and its declared neighbours; a storm of hundreds is not compared with each other.
Points: same resource 300, same service 300, one depends on the other 300, a dependency in common 250; 350 for the same
likely cause; up to 250 for nearness in time; 100 for the same first actor; 100 for the same person on both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from processors.incidents.events import PartsWritten
from processors.incidents.evolve import evolve
from processors.incidents.finding import survivor
from processors.incidents.state import Incident, Place, Recent, Related, incident_part, latest_part, place_part
from processors.kernel.decider import Command, Decision, Event, View
from schemas.catalog import Catalog
from schemas.ids import Id, key_of
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import (
    CauseSuggested,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentsRelated,
)

# An incident names so many others, the first that reached the points.
RELATED_MAX = 8
# Neighbours whose open incidents are looked at: each is one part.
NEIGHBOURS_MAX = 16
SAME_RESOURCE, SAME_SERVICE, DEPENDS, SHARED = 300, 300, 300, 250
SAME_CAUSE, NEARNESS, SAME_ACTOR, SAME_PERSON = 350, 250, 100, 100
# After so many seconds nearness counts half.
HALF_S = 300
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of dependencies. `known` keeps what a resource needs for the next pair that it is one of."""

    config: Incidents
    catalog: Catalog
    known: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def service(self, resource: str) -> str:
        """The declared service of a resource, or the resource itself."""
        found = self.catalog.service(resource)
        return found.id if found is not None else resource

    def needs(self, resource: str) -> tuple[str, ...]:
        """What a resource depends on, by the catalog and by hand."""
        if resource in self.known:
            return self.known[resource]
        own = self.service(resource)
        by_hand = next((r.depends_on for r in self.config.relations if r.resource == resource), ())
        found = tuple(dict.fromkeys((*self.catalog.depends_on(own), *by_hand)))
        self.known[resource] = found
        return found


def related(command: Command, decision: Decision, view: View) -> Decision:
    """The decision, with what it relates."""
    if not any(isinstance(e.message, IncidentOpened | IncidentAcknowledged | CauseSuggested) for e in decision.events):
        return decision
    seen: dict[Id, str] = {}
    for event in decision.events:
        if isinstance(event.message, IncidentOpened | IncidentAcknowledged | CauseSuggested):
            seen[event.message.incident_id] = event.message.tenant
    more: list[Event] = []
    after = _after(decision, view)
    for incident_id, tenant in seen.items():
        more += _of(command, tenant, incident_id, after)
    return decision if not more else replace(decision, events=(*decision.events, *more))


class _After:
    """The state as it is after the events of a decision."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.index = view.index
        self.parts: dict[str, object | None] = {}
        self.scan = view.scan
        self.config = view.config

    def get(self, part: str) -> object | None:
        """The part as it is then."""
        return self.parts[part] if part in self.parts else self._view.get(part)


def _after(decision: Decision, view: View) -> View:
    after = _After(view)
    for event in decision.events:
        if isinstance(event.message, PartsWritten | IncidentOpened | IncidentAcknowledged | CauseSuggested):
            after.parts.update(evolve(cast(View, after), event.message))
    return cast(View, after)


def _of(command: Command, tenant: str, incident_id: Id, view: View) -> list[Event]:
    key = key_of(tenant)
    incident: Incident | None = view.get(incident_part(key, incident_id))
    if incident is None or incident.state in OVER or incident.historical:
        return []
    around = Around(cast(Incidents, view.config(tenant, "incidents")), cast(Catalog, view.config(tenant, "catalog")))
    part = f"{incident_part(key, incident_id)}/related"
    known: Related = view.get(part) or Related(())
    out: list[Event] = []
    said = list(known.incidents)
    for other in _others(view, key, incident, around):
        theirs: Related = view.get(f"{incident_part(key, other.incident_id)}/related") or Related(())
        if other.incident_id in said or incident_id in theirs.incidents or len(said) >= RELATED_MAX:
            continue
        reasons = weighed(incident, other, around)
        score = min(MOST, sum(points for points, _ in reasons))
        if score < around.config.related_from:
            continue
        said.append(other.incident_id)
        told = IncidentsRelated(
            tenant=tenant,
            incident_id=incident_id,
            number=incident.number,
            other_id=other.incident_id,
            other_number=other.number,
            score=score,
            reasons=tuple(f"{why}: {points} points" for points, why in reasons),
            at=command.now,
        )
        out.append(Event(key, told))
    return out


def _others(view: View, key: str, incident: Incident, around: Around) -> list[Incident]:
    """Open live incidents near this one, the latest first."""
    recent: Recent = view.get(latest_part(key)) or Recent(())
    ids = dict.fromkeys(recent.incidents)
    names = (incident.resource, incident.actor, *around.needs(incident.resource)[:NEIGHBOURS_MAX])
    for name in dict.fromkeys(name for name in names if name):
        listed: Place = view.get(place_part(key, name)) or Place(())
        ids.update(dict.fromkeys(listed.incidents))
    found: dict[Id, Incident] = {}
    for incident_id in ids:
        now = survivor(view, key, incident_id)
        if now is not None and now.incident_id != incident.incident_id and now.state not in OVER and not now.historical:
            found[now.incident_id] = now
    return sorted(found.values(), key=lambda i: -i.number)


def weighed(one: Incident, other: Incident, around: Around) -> list[tuple[int, str]]:
    """The points of two incidents, with where they come from; nearness and people alone relate nothing."""
    out = _dependency(one, other, around)
    if one.cause_id is not None and one.cause_id == other.cause_id:
        out.append((SAME_CAUSE, "the same likely cause"))
    if not out:
        return []
    apart_ms = max(0, one.first_failure_at - other.last_failure_at, other.first_failure_at - one.last_failure_at)
    seconds = apart_ms // 1000
    out.append((NEARNESS * HALF_S // (HALF_S + seconds), f"their failures are {seconds} s apart"))
    if one.actor and one.actor == other.actor:
        out.append((SAME_ACTOR, f"{one.actor} failed first in both"))
    if one.assignee is not None and one.assignee == other.assignee:
        out.append((SAME_PERSON, f"{one.assignee} has both"))
    return out


def _dependency(one: Incident, other: Incident, around: Around) -> list[tuple[int, str]]:
    if one.resource == other.resource:
        return [(SAME_RESOURCE, f"both on {one.resource}")]
    mine, theirs = around.service(one.resource), around.service(other.resource)
    if mine == theirs:
        return [(SAME_SERVICE, f"both on the service {mine}")]
    needs, needed = around.needs(one.resource), around.needs(other.resource)
    if theirs in needs or other.resource in needs:
        return [(DEPENDS, f"{one.resource} depends on {other.resource}")]
    if mine in needed or one.resource in needed:
        return [(DEPENDS, f"{other.resource} depends on {one.resource}")]
    shared = next((name for name in needs if name in needed), None)
    return [] if shared is None else [(SHARED, f"both depend on {shared}")]
