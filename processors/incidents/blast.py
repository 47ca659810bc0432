"""decide and evolve, for blast radii: what an incident or a change may have hit, by the catalog in force.

Stated when an incident opens, when a change of a service is recorded, when the catalog changes (for open incidents
whose radius is another one then), and when events move between incidents. A tenant without a catalog gets none.
Direct is what failed; downstream is who calls it; possibly affected are their callers, and what it calls itself with
the others who call that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from processors.incidents.blast_state import Blast, blast_part
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Configured, Decision, Event, View
from schemas.catalog import Catalog, Service
from schemas.ids import Id, derive, key_of
from schemas.incident_rules import OVER, Incidents, Relation
from schemas.messages.incidents import (
    BlastRadiusStated,
    ChangeRadiusStated,
    ChangeRecorded,
    CorrectionUndone,
    IncidentOpened,
    IncidentsMerged,
    IncidentSplit,
)
from schemas.messages.incidents.blast import Because, Reached
from schemas.messages.incidents.correcting import Standing

# Callers' callers' callers' callers; further away nobody believes it.
DEPTH = 4
# What one event says: 100 services of ~100 bytes are 10 KB, and more than fits on a page.
NODES = 100
CIRCLE = 20
OWNERS = 50
# Open incidents that are stated anew when the catalog changes, the newest ones: 200 x 0.2 ms, 2 MB in the worst case.
RESTATED = 200
CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Radius:
    """What is the same for all that hit the same services under the same catalog."""

    services: tuple[str, ...]
    nodes: tuple[Reached, ...]
    cut: int
    owners: tuple[str, ...]
    circle: tuple[str, ...]
    digest: Id
    reasons: tuple[str, ...]


# --- decide -------------------------------------------------------------------------------------------------------


def with_radii(command: Command, decision: Decision, view: View) -> Decision:
    """The decision, with the radius of each incident that it opens and of each change that it records."""
    more: list[Event] = []
    for event in decision.events:
        message = event.message
        if type(message) is IncidentOpened:
            found = _incident(view, message, (message.resource,), "opened", command.now)
            more += [] if found is None else [found]
        elif type(message) is ChangeRecorded:
            more += _change(view, message)
        elif isinstance(message, IncidentSplit | IncidentsMerged | CorrectionUndone):
            more += _moved(view, message.tenant, message.incidents, command.now)
    if not more:
        return decision
    return Decision((*decision.events, *more), decision.timers, decision.reasons, decision.answer)


def _moved(view: View, tenant: str, standing: Sequence[Standing], now: int) -> list[Event]:
    """The radii after failures moved between incidents; one that took others in has their services, too."""
    out = []
    for here in standing:
        if here.merged_into is not None or here.state in OVER or here.historical:
            continue
        key = key_of(tenant)
        others = [other for other in standing if other is not here]
        apart = {i for o in others if o.merged_into != here.incident_id for i in _whole(view, key, o.incident_id)}
        together = [here.incident_id, *(o.incident_id for o in others if o.merged_into == here.incident_id)]
        members = [i for one in together for i in _whole(view, key, one)[1:] if i not in apart]
        resources = [here.resource, *(o.resource for o in others if o.merged_into == here.incident_id)]
        found = _radius(view, tenant, _distinct(view, key, resources, members))
        known = view.get(blast_part(key, here.incident_id))
        if found is not None and (known is None or known.digest != found.digest):
            out.append(_event(tenant, here.incident_id, here.number, here.resource, found, "moved", now))
    return out


def _whole(view: View, key: str, incident_id: Id) -> tuple[Id, ...]:
    """An incident and all that it took in."""
    incident: Incident | None = view.get(incident_part(key, incident_id))
    return (incident_id, *(incident.members if incident is not None else ()))


def _distinct(view: View, key: str, resources: Sequence[str], members: Sequence[Id]) -> tuple[str, ...]:
    """These resources and those of the members, each once."""
    own = [view.get(incident_part(key, i)) for i in members]
    return tuple(dict.fromkeys((*resources, *(i.resource for i in own if i is not None))))


def _configured(command: Command, told: Configured, view: View) -> Decision:
    """Another catalog is in force: open incidents are looked at anew."""
    key = key_of(told.tenant)
    listed: dict[Id, None] = {}
    for _, place in view.scan(f"{key}/place/"):
        listed |= dict.fromkeys(place.incidents)
    incidents = [view.get(incident_part(key, incident_id)) for incident_id in listed]
    still: list[Incident] = [i for i in incidents if i is not None and i.state not in OVER and not i.historical]
    still.sort(key=lambda i: -i.number)
    events = []
    for incident in still[:RESTATED]:
        resources = _distinct(view, key, (incident.resource,), incident.members)
        found = _radius(view, told.tenant, resources)
        known = view.get(blast_part(key, incident.incident_id))
        # A tenant that takes its catalog away takes the radii away, too: what is stated must be in force.
        if found is None and known is not None:
            found = _of(cast(Catalog, view.config(told.tenant, CATALOG)), (), resources)
        if found is not None and (known is None or known.digest != found.digest):
            stated = (told.tenant, incident.incident_id, incident.number, incident.resource)
            events.append(_event(*stated, found, "catalog", command.now))
    reason = "radii_restated" if len(still) <= RESTATED else "radii_restated_newest"
    return Decision(tuple(events), reasons=(reason if events else "radii_as_before",))


def _incident(view: View, opened: IncidentOpened, resources: Sequence[str], because: Because, now: int) -> Event | None:
    found = _radius(view, opened.tenant, resources)
    if found is None:
        return None
    return _event(opened.tenant, opened.incident_id, opened.number, opened.resource, found, because, now)


def _event(
    tenant: str, incident_id: Id, number: int, resource: str, found: Radius, because: Because, now: int
) -> Event:
    return Event(
        key_of(tenant),
        BlastRadiusStated(
            tenant=tenant,
            incident_id=incident_id,
            number=number,
            resource=resource,
            services=found.services,
            nodes=found.nodes,
            cut=found.cut,
            owners=found.owners,
            circle=found.circle,
            because=because,
            digest=found.digest,
            reasons=found.reasons,
            at=now,
        ),
    )


def _change(view: View, change: ChangeRecorded) -> list[Event]:
    found = _radius(view, change.tenant, (change.resource,))
    if found is None or not found.services:
        return []
    stated = ChangeRadiusStated(
        tenant=change.tenant,
        change_id=change.change_id,
        resource=change.resource,
        services=found.services,
        nodes=found.nodes,
        cut=found.cut,
        owners=found.owners,
        circle=found.circle,
        reasons=found.reasons,
        at=change.at,
    )
    return [Event(key_of(change.tenant), stated)]


# --- how far ------------------------------------------------------------------------------------------------------


def _radius(view: View, tenant: str, resources: Sequence[str]) -> Radius | None:
    """None without a catalog."""
    catalog = cast(Catalog, view.config(tenant, CATALOG))
    if not catalog.services:
        return None
    relations = cast(Incidents, view.config(tenant, "incidents")).relations
    return _of(catalog, relations, tuple(resources))


def _of(catalog: Catalog, relations: tuple[Relation, ...], resources: tuple[str, ...]) -> Radius:
    found = {s.id: None for s in map(catalog.service, resources) if s is not None}
    direct = tuple(sorted(found))
    if not direct:
        why = f"no service of the catalog ({len(catalog.services)} services) has the resource {resources[0]}"
        return Radius((), (), 0, (), (), derive("blast", "unknown"), (why,))
    return cast(Radius, catalog.kept(("blast", relations, direct), lambda: walked(catalog, relations, direct)))


def walked(catalog: Catalog, relations: tuple[Relation, ...], direct: tuple[str, ...]) -> Radius:
    """The radius of these services of a catalog, with the relations of the document `incidents`."""
    calls, callers = _with_relations(catalog, relations)
    seen = set(direct)
    out = [_node(catalog, name, "direct", 0, "", False) for name in direct]
    edge, first = list(direct), 0
    for depth in range(1, DEPTH + 1):
        new = _step(edge, callers, seen)
        out += [_node(catalog, n, "downstream" if depth == 1 else "possibly", depth, via, True) for n, via in new]
        edge, first = [n for n, _ in new], len(new) if depth == 1 else first
    further = len(out) - len(direct) - first
    needed = _step(list(direct), calls, seen)
    out += [_node(catalog, name, "possibly", 1, via, False) for name, via in needed]
    beside = _step([name for name, _ in needed], callers, seen)
    out += [_node(catalog, name, "possibly", 2, via, True) for name, via in beside]
    nodes, cut = tuple(out[:NODES]), max(0, len(out) - NODES)
    owners = tuple(dict.fromkeys(n.owner for n in nodes if n.owner))[:OWNERS]
    circle = tuple(dict.fromkeys(name for service in direct for name in catalog.circle_of(service)))[:CIRCLE]
    undeclared = sum(1 for n in nodes if not n.declared)
    reasons = [f"{first} call it, {further} more call those within {DEPTH} steps"]
    reasons.append(f"it calls {len(needed)}, which {len(beside)} others call")
    reasons += [f"{undeclared} of them nobody declared"] if undeclared else []
    reasons += [f"{cut} more are counted and not named"] if cut else []
    reasons += [f"a circle of {len(circle)} services need each other"] if circle else []
    fields = [f for n in nodes for f in (n.service, n.relation, n.depth, n.via, int(n.calls), n.owner, n.tier)]
    digest = derive("blast", *direct, *fields, cut, *circle)
    return Radius(direct, nodes, cut, owners, circle, digest, tuple(reasons))


def _step(edge: Sequence[str], neighbours: Callable[[str], Sequence[str]], seen: set[str]) -> list[tuple[str, str]]:
    """(service, the first of `edge` that leads to it) for what was not seen, by name."""
    new: dict[str, str] = {}
    for name in edge:
        for other in neighbours(name):
            if other not in seen:
                seen.add(other)
                new[other] = name
    return sorted(new.items())


Neighbours = Callable[[str], Sequence[str]]


def _with_relations(catalog: Catalog, relations: tuple[Relation, ...]) -> tuple[Neighbours, Neighbours]:
    """Who calls whom, with the relations that somebody set by hand in the document `incidents`."""
    if not relations:
        return catalog.depends_on, catalog.dependents_of
    calls: dict[str, list[str]] = {}
    callers: dict[str, list[str]] = {}
    for relation in relations:
        here = _name_of(catalog, relation.resource)
        for other in relation.depends_on:
            there = _name_of(catalog, other)
            if here != there:
                calls.setdefault(here, []).append(there)
                callers.setdefault(there, []).append(here)
    return (
        lambda name: (*catalog.depends_on(name), *calls.get(name, ())),
        lambda name: (*catalog.dependents_of(name), *callers.get(name, ())),
    )


def _name_of(catalog: Catalog, resource: str) -> str:
    found = catalog.service(resource)
    return resource if found is None else found.id


def _node(catalog: Catalog, name: str, relation: Any, depth: int, via: str, calls: bool) -> Reached:
    found = catalog.get(name)
    service = found if found is not None else Service(name)
    owner = service.owner or service.primary
    return Reached(name, relation, depth, via, calls, owner, service.tier, found is not None)


# --- evolve -------------------------------------------------------------------------------------------------------


def _stated(view: View, event: BlastRadiusStated) -> Mapping[str, Any | None]:
    key = key_of(event.tenant)
    if view.get(incident_part(key, event.incident_id)) is None:
        return {}
    return {blast_part(key, event.incident_id): Blast(event.digest)}


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {Configured: _configured}
EVOLVE: Mapping[type, Callable[[View, Any], Mapping[str, Any | None]]] = {BlastRadiusStated: _stated}
