"""decide, for causes: which changes an incident is weighed against, and which incidents a change that came late."""

from __future__ import annotations

from processors.incidents.causes import Failing, Suggestion, dependents_of, depends_on, suggest
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
from schemas.ids import Id
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import CauseSuggested, ChangeRecorded


def failing(incident: Incident, first_failure_at: int | None = None) -> Failing:
    """What is to be explained of an incident; `first_failure_at` where it is earlier than what is remembered."""
    at = incident.first_failure_at if first_failure_at is None else first_failure_at
    return Failing(incident.resource, incident.actor, incident.error_type, at)


def suggestion(
    view: View, key: str, what: Failing, config: Incidents, late: ChangeRecorded | None = None
) -> Suggestion:
    """The likely cause among all changes that are kept, and `late`, which is not kept yet."""
    return suggest(what, _changes(view, key, what, config, late), config)


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
    names = (change.resource, change.actor, *dependents_of(config, change.resource))
    found: dict[Id, Incident] = {}
    for name in dict.fromkeys(clip(n, RESOURCE_CHARACTERS) for n in names):
        listed = view.get(place_part(key, name))
        for incident_id in listed.incidents if listed is not None else ():
            incident: Incident | None = view.get(incident_part(key, incident_id))
            if incident is not None and incident.state not in OVER:
                found[incident_id] = incident
    return list(found.values())


def _changes(
    view: View, key: str, what: Failing, config: Incidents, late: ChangeRecorded | None
) -> list[tuple[str, Change]]:
    """Changes of the resource, of what it depends on, of and by the actor, and the last ones of all, each once."""
    found: dict[Id, tuple[str, Change]] = {}
    recent = view.get(recent_part(key))
    others = recent.changes if recent is not None else ()
    by_actor = [c.resource for c in others if c.actor == what.actor]
    for name in dict.fromkeys((what.resource, what.actor, *depends_on(config, what.resource), *by_actor)):
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
