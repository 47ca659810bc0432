"""decide, for kinds: after each decision, what kind its incidents are now; trouble with telling people.

`completed` looks at what was decided, whoever decided it, so that an incident has its kind however it was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents import kinds, kinds_meta, writing
from processors.incidents.kinds_state import (
    SYMPTOM_CHARACTERS,
    Classified,
    KindKept,
    RoutingSeen,
    kind_part,
)
from processors.incidents.rules import clip
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Decision, Event, View
from schemas.ids import Id, key_of
from schemas.messages.incidents import (
    CauseSuggested,
    FalseAlarmMarked,
    IncidentClassified,
    IncidentOpened,
    PageObserved,
    SuggestionAccepted,
    ThresholdBreached,
)

Handler = Callable[[Command, Any, View], Decision]
# Kinds that follow from what opened an incident: a cause that is found later does not change them.
STAYING = ("cost", "data_quality", "behaviour", "meta")
_TELLING = (IncidentOpened, CauseSuggested)


def completed(command: Command, decided: Decision, view: View) -> Decision:
    """The decision, and what kind its incidents are now that it was taken."""
    events = decided.events
    if isinstance(command.message, PageObserved) or any(isinstance(e.message, FalseAlarmMarked) for e in events):
        more = kinds_meta.seen(command, [e.message for e in events], view)
        events = (*events, *more) if more else events
    if any(isinstance(e.message, _TELLING) for e in events):
        events = (*events, *_classified(command, [e.message for e in events], view))
    return decided if events is decided.events else replace(decided, events=events)


def _classified(command: Command, said: list[Any], view: View) -> list[Event]:
    incidents = dict.fromkeys(m.incident_id for m in said if isinstance(m, _TELLING))
    out = []
    for incident_id in incidents:
        mine = [m for m in said if getattr(m, "incident_id", None) == incident_id]
        event = _one(command, incident_id, mine, view)
        if event is not None:
            out.append(event)
    return out


def _one(command: Command, incident_id: Id, said: list[Any], view: View) -> Event | None:
    opened = _last(said, IncidentOpened)
    cause = _last(said, CauseSuggested)
    tenant = said[0].tenant
    key = key_of(tenant)
    known: Classified | None = view.get(kind_part(key, incident_id))
    if known is not None and known.kind in STAYING:
        return None
    subject = _subject(opened, view.get(incident_part(key, incident_id)), known)
    if subject is None:
        return None
    found = _kind(key, subject, said, cause, view)
    cause_id = cause.change_id if cause is not None and found.kind not in STAYING else None
    percent = cause.percent if cause is not None and cause_id is not None else 0
    if known is not None and (known.kind, known.cause_id, known.percent) == (found.kind, cause_id, percent):
        return None
    symptom = clip(subject.text, SYMPTOM_CHARACTERS)
    if known is None and found.kind == "failure" and not found.advice:
        return Event(key, KindKept(kind_part(key, incident_id), Classified("failure", None, 0, symptom)))
    event = IncidentClassified(
        tenant=tenant,
        incident_id=incident_id,
        number=said[0].number,
        kind=found.kind,
        before=known.kind if known is not None else None,
        cause_id=cause_id,
        percent=percent,
        facts=found.facts,
        warning=found.warning,
        advice=found.advice,
        writes=found.writes,
        reasons=found.reasons,
        symptom=symptom,
        at=command.now,
    )
    return Event(key, event)


def _subject(
    opened: IncidentOpened | None, incident: Incident | None, known: Classified | None
) -> kinds.Subject | None:
    if opened is not None:
        return kinds.Subject(opened.resource, opened.actor, opened.trigger, opened.sample, opened.first_failure_at)
    if incident is None:
        return None
    text = known.symptom if known is not None else incident.title
    return kinds.Subject(incident.resource, incident.actor, incident.trigger, text, incident.first_failure_at)


def _kind(key: str, subject: kinds.Subject, said: list[Any], cause: CauseSuggested | None, view: View) -> kinds.Kind:
    breach = _last(said, ThresholdBreached)
    accepted = _last(said, SuggestionAccepted)
    if breach is not None:
        found = kinds.of_breach(subject, breach, writing.found(key, subject.resource, subject.text, view))
        if found is not None:
            return found
    if accepted is not None and accepted.kind == "anomaly":
        return kinds.behaviour(subject, accepted.pattern.removeprefix("actor "))
    if kinds_meta.is_own(subject.resource):
        return kinds_meta.kind(key, subject, view)
    if subject.trigger == "report" and kinds.says_data_is_wrong(subject.text):
        writes = writing.found(key, subject.resource, subject.text, view)
        return kinds.data_quality(subject, writes, "reported: data is wrong, nothing failed")
    return kinds.of_cause(subject, cause.ranked if cause is not None and cause.change_id is not None else ())


def _last(said: list[Any], kind: type) -> Any | None:
    return next((m for m in reversed(said) if isinstance(m, kind)), None)


def _evolve_kind(view: View, event: IncidentClassified) -> Mapping[str, Any]:
    part = kind_part(key_of(event.tenant), event.incident_id)
    return {part: Classified(event.kind, event.cause_id, event.percent, event.symptom)}


EVOLVERS: Mapping[type, Callable[[View, Any], Mapping[str, Any]]] = {
    IncidentClassified: _evolve_kind,
    KindKept: lambda view, event: {event.part: event.classified},
    RoutingSeen: lambda view, event: {event.part: event.routing},
    **writing.EVOLVERS,
}
