"""decide, for causes: which changes an incident is weighed against, and which incidents a change that came late."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from processors.incidents.causes import Failing, Suggestion, suggest
from processors.incidents.causes_near import NAMES, STEPS, Surroundings, around
from processors.incidents.kinds_state import kind_part
from processors.incidents.rules import RESOURCE_CHARACTERS, clip
from processors.incidents.state import (
    Change,
    Incident,
    changes_part,
    incident_part,
    place_part,
    recent_part,
)
from processors.kernel.decider import Event, View
from schemas.catalog import Catalog
from schemas.ids import Id, unescape
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import CauseSuggested, ChangeRecorded


def failing(incident: Incident, first_failure_at: int | None = None) -> Failing:
    """What is to be explained of an incident; `first_failure_at` where it is earlier than what is remembered."""
    at = incident.first_failure_at if first_failure_at is None else first_failure_at
    return Failing(incident.resource, incident.actor, incident.error_type, at, incident.title)


def suggestion(
    view: View, key: str, what: Failing, config: Incidents, late: ChangeRecorded | None = None
) -> Suggestion:
    """The likely cause among all changes that are kept, and `late`, which is not kept yet."""
    catalog = catalog_of(view, key)
    near = around(config, catalog, what.resource, what.actor, what.text)
    changes = _changes(view, key, what, near, late)
    begun = _failed_before(view, key, near, changes, what)
    return suggest(what, changes, config, catalog, begun, near)


def catalog_of(view: View, key: str) -> Catalog:
    """The tenant's catalog; an empty one where none was imported."""
    return cast(Catalog, view.config(unescape(key), "catalog"))


def suggested(tenant: str, key: str, incident_id: Id, number: int, found: Suggestion, now: int) -> Event:
    """The event that says it."""
    best = found.best
    change = best.change if best is not None else None
    return Event(
        key,
        CauseSuggested(
            tenant=tenant,
            incident_id=incident_id,
            number=number,
            change_id=found.change_id,
            kind=change.kind if change else None,
            resource=best.resource if best else None,
            before=change.before if change else None,
            after=change.after if change else None,
            summary=change.summary if change else None,
            actor=change.actor if change else None,
            changed_at=change.event_time if change else None,
            seconds_before=best.seconds_before if best else None,
            confidence=found.confidence,
            score=best.score if best else 0,
            reasons=found.reasons,
            considered=found.considered,
            weighed=found.weighed,
            at=now,
            percent=found.percent,
            tied=found.tied,
            ranked=found.ranked,
        ),
    )


def revised(
    view: View,
    tenant: str,
    key: str,
    incident: Incident,
    what: Failing,
    config: Incidents,
    now: int,
    late: ChangeRecorded | None = None,
) -> tuple[Event, ...]:
    """The cause again, where it is another one now or another confidence."""
    known = view.get(kind_part(key, incident.incident_id))
    if known is not None and what.text == incident.title:
        what = replace(what, text=known.symptom)  # what the first failure said, which the title has without its names
    found = suggestion(view, key, what, config, late)
    if (found.change_id, found.confidence) == (incident.cause_id, incident.cause_confidence):
        return ()
    return (suggested(tenant, key, incident.incident_id, incident.number, found, now),)


def after_change(view: View, key: str, change: ChangeRecorded, config: Incidents) -> tuple[Event, ...]:
    """Open incidents that began after this change, and what is their likely cause now that it is known."""
    out: list[Event] = []
    for incident in _touched(view, key, change, config):
        if change.event_time <= incident.first_failure_at:
            out += revised(view, change.tenant, key, incident, failing(incident), config, change.at, change)
    return tuple(out)


def _touched(view: View, key: str, change: ChangeRecorded, config: Incidents) -> list[Incident]:
    """Open incidents that the change may explain: on its resource, of its actor, and of what needs it."""
    catalog = catalog_of(view, key)
    service = catalog.service(change.resource)
    own = (change.resource, service.id) if service is not None else (change.resource,)
    above = [name for name, _ in catalog.reach(own, STEPS, NAMES, "downstream").found]
    names = (*own, change.actor, *(r.resource for r in config.relations if change.resource in r.depends_on), *above)
    found: dict[Id, Incident] = {}
    for name in dict.fromkeys(clip(n, RESOURCE_CHARACTERS) for n in names):
        for incident in _open_at(view, key, name):
            found[incident.incident_id] = incident
    return list(found.values())


def _open_at(view: View, key: str, name: str) -> list[Incident]:
    listed = view.get(place_part(key, name))
    incidents = (view.get(incident_part(key, i)) for i in (listed.incidents if listed is not None else ()))
    return [i for i in incidents if i is not None and i.state not in OVER]


def _failed_before(
    view: View, key: str, near: Surroundings, changes: list[tuple[str, Change]], what: Failing
) -> dict[str, int]:
    """Changed resources near what fails that have an open incident of their own, and when its failures began."""
    out: dict[str, int] = {}
    for name in dict.fromkeys(name for name, _ in changes if name != what.resource):
        if near.of(name) is not None:
            begun = [
                i.first_failure_at for i in _open_at(view, key, name) if i.first_failure_at <= what.first_failure_at
            ]
            if begun:
                out[name] = min(begun)
    return out


def _changes(
    view: View, key: str, what: Failing, near: Surroundings, late: ChangeRecorded | None
) -> list[tuple[str, Change]]:
    """Changes of what is near, of and by the actor, and the last ones of all, each once."""
    found: dict[Id, tuple[str, Change]] = {}
    recent = view.get(recent_part(key))
    others = recent.changes if recent is not None else ()
    by_actor = [c.resource for c in others if c.actor == what.actor]
    for name in dict.fromkeys((*tuple(near.near)[:NAMES], *by_actor)):
        kept = view.get(changes_part(key, name))
        for change in kept.changes if kept is not None else ():
            found[change.change_id] = (name, change)
    for r in others:
        if r.change_id not in found:
            short = Change(r.change_id, r.kind, None, None, None, r.actor, bytes(16), r.event_time, r.event_time)
            found[r.change_id] = (r.resource, short)
    if late is not None:
        found[late.change_id] = (late.resource, of(late))
    return list(found.values())


def clip_some(text: str | None, characters: int) -> str | None:
    """`clip`, where None stays None."""
    return None if text is None else clip(text, characters)


def of(event: ChangeRecorded) -> Change:
    """A change as it is kept; long texts are clipped."""
    return Change(
        change_id=event.change_id,
        kind=clip(event.kind, 32),
        before=clip_some(event.before, 128),
        after=clip_some(event.after, 128),
        summary=clip_some(event.summary, 200),
        actor=clip(event.actor, 64),
        action_id=event.action_id,
        event_time=event.event_time,
        at=event.at,
    )
