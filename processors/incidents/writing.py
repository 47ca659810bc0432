"""decide, for writes of data: which are kept, and which of them an incident of wrong data looks at (seed 18.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from processors.incidents.attribution import catalog_of
from processors.incidents.causes_near import around
from processors.incidents.kinds_state import (
    WRITTEN_CHARACTERS,
    WRITTEN_MAX,
    WRITTEN_OF_MAX,
    WRITTEN_PLAIN_MAX,
    Write,
    Writes,
    WritesKept,
    Written,
    WrittenListed,
    WrittenOf,
    writes_part,
    written_of_part,
    written_part,
)
from processors.incidents.rules import RESOURCE_CHARACTERS, clip
from processors.incidents.suspects import Found, kept, words_of
from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from schemas.ids import key_of, unescape
from schemas.incident_rules import Incidents
from schemas.messages.incidents import WriteObserved

# Resources that are looked at for one incident: 96 x ~5 µs, for what nobody opens often.
LOOKED_AT = 96
ROWS_MAX = 1 << 40
KEPT = (Writes, WrittenOf)
# Writes of which nobody told the rows are many and say little: they are kept for the day that is ranked, and another
# one for a report that comes late.
PLAIN_S = 2 * 86_400


def observed(command: Command, seen: WriteObserved, view: View) -> Decision:
    """A write of data is kept, to be ranked if somebody finds the data wrong."""
    key = key_of(seen.tenant)
    resource = clip(seen.resource, RESOURCE_CHARACTERS)
    part = writes_part(key, resource)
    before: Writes | None = view.get(part)
    known = None if before is None else next((w for w in before.writes if w.action_id == seen.action_id), None)
    if known is not None and known.count >= seen.count:
        return Decision(reasons=("write_repeated",))
    points = -1 if seen.points is None else seen.points
    if before is None:
        resources = (view.get(written_part(key)) or Written()).resources
        plain = seen.rows is None and points <= 0
        if resources >= (WRITTEN_PLAIN_MAX if plain else WRITTEN_MAX):
            return Decision(reasons=("writes_full",))
    rows = -1 if seen.rows is None else max(0, min(seen.rows, ROWS_MAX))
    kind, actor = clip(seen.kind, 32), clip(seen.actor, 64)
    write = Write(kind, actor, rows, seen.action_id, seen.event_time, max(1, min(seen.count, ROWS_MAX)), points)
    writes = kept(before or Writes(resource, ()), write)
    horizon_s = cast(Incidents, view.config(seen.tenant, "incidents")).causes.horizon_s
    if not any(w.rows >= 0 for w in writes.writes):
        horizon_s = min(horizon_s, PLAIN_S)
    events, timers = _listed(command, key, resource, view)
    events = (Event(key, WritesKept(key, part, writes)), *events)
    timers = (SetTimer(part, "forget", command.now + horizon_s * 1000), *timers)
    return Decision(events, timers, ("write_kept",))


def _listed(command: Command, key: str, resource: str, view: View) -> tuple[tuple[Event, ...], tuple[SetTimer, ...]]:
    """The resource among the written ones of its service, where the catalog says that it has one."""
    service = catalog_of(view, key).service(resource)
    if service is None or resource in (service.id, *service.resources) or len(resource) > WRITTEN_CHARACTERS:
        return (), ()
    part = written_of_part(key, service.id)
    listed: WrittenOf = view.get(part) or WrittenOf()
    if resource in listed.resources:
        return (), ()
    config = cast(Incidents, view.config(unescape(key), "incidents"))
    now = WrittenOf((*listed.resources, resource)[-WRITTEN_OF_MAX:])
    forget = SetTimer(part, "forget", command.now + config.causes.horizon_s * 1000)
    return (Event(key, WrittenListed(part, now)),), (forget,)


def found(key: str, resource: str, text: str, view: View) -> tuple[Found, ...]:
    """The writes of a resource, of what the catalog or the relations say belongs to it or is below it, and of what the
    text names.
    """
    config = cast(Incidents, view.config(unescape(key), "incidents"))
    catalog = catalog_of(view, key)
    names = {resource: ""}
    for name, near in around(config, catalog, resource, "", "").near.items():
        if near.relation == "same":
            why = "of the same service"
        elif near.relation == "upstream":
            why = f"{near.steps} below {resource}"
        else:
            continue
        names.setdefault(name, why)
        service = catalog.get(name)
        listed: WrittenOf | None = view.get(written_of_part(key, name))
        for other in (*(service.resources if service else ()), *(listed.resources if listed else ())):
            names.setdefault(other, why)
    for word in words_of(text):
        names.setdefault(word, "which the report names")
    out = []
    for name in list(names)[:LOOKED_AT]:
        writes: Writes | None = view.get(writes_part(key, clip(name, RESOURCE_CHARACTERS)))
        if writes is not None:
            out.append(Found(name, names[name], writes.writes))
    return tuple(out)


def forgotten(timer: TimerDue, view: View) -> Decision:
    """Nothing was written for as long as is kept."""
    key = timer.part.split("/", 1)[0]
    if isinstance(view.get(timer.part), Writes):
        return Decision((Event(key, WritesKept(key, timer.part, None)),), reasons=("writes_forgotten",))
    return Decision((Event(key, WrittenListed(timer.part, None)),), reasons=("writes_forgotten",))


def _evolve_kept(view: View, event: WritesKept) -> Mapping[str, Any]:
    """The writes, and how many resources have some."""
    before = view.get(event.part)
    if (before is None) == (event.writes is None):
        return {event.part: event.writes}
    counted = written_part(event.key)
    resources = (view.get(counted) or Written()).resources + (1 if before is None else -1)
    return {event.part: event.writes, counted: Written(max(0, resources))}


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {WriteObserved: observed}
EVOLVERS: Mapping[type, Callable[[View, Any], Mapping[str, Any]]] = {
    WritesKept: _evolve_kept,
    WrittenListed: lambda view, event: {event.part: event.written},
}
