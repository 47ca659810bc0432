"""evolve, for observations, suggestions, alerts' episodes and silences in maintenance windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents.events import (
    AlarmMoved,
    HealingCounted,
    PartForgotten,
    WatchForgotten,
    WatchMoved,
)
from processors.incidents.measures import (
    CAUSED_MAX,
    EVIDENCE_MAX,
    Caused,
    CausedOne,
    Suggested,
    Suggestion,
    Suggestions,
    Watches,
    caused_part,
    suggested_part,
    suggestion_part,
    suggestions_part,
    watches_part,
)
from processors.incidents.state import Incident, changes_part, incident_part
from processors.kernel.decider import View
from schemas.ids import key_of
from schemas.messages.incidents import (
    CauseSuggested,
    IncidentSuggested,
    MaintenanceOver,
    SeverityRaised,
    SuggestionAccepted,
    SuggestionDismissed,
    SuggestionExpired,
    SuggestionSupported,
    ThresholdBreached,
)

Parts = Mapping[str, Any | None]


def _incident(view: View, event: Any, **changes: Any) -> dict[str, Any | None]:
    part = incident_part(key_of(event.tenant), event.incident_id)
    incident: Incident | None = view.get(part)
    return {} if incident is None else {part: replace(incident, **changes)}


def silenced(view: View, event: SeverityRaised) -> dict[str, Any]:
    """What a raise in a maintenance window leaves unsaid: the fields of its incident."""
    incident: Incident | None = view.get(incident_part(key_of(event.tenant), event.incident_id))
    if event.in_maintenance is None or incident is None or incident.window:
        return {}
    return {"window": event.in_maintenance, "window_raised": True}


def caused(view: View, event: CauseSuggested) -> dict[str, Any | None]:
    """The kind of the best candidate, kept beside the changes of its resource."""
    if event.change_id is None or event.resource is None:
        return {}
    part = caused_part(changes_part(key_of(event.tenant), event.resource))
    before: Caused = view.get(part) or Caused(())
    one = CausedOne(event.kind or "", event.change_id, event.incident_id)
    others = tuple(c for c in before.causes if c != one)
    return {part: Caused((*others, one)[-CAUSED_MAX:])}


def _breached(view: View, event: ThresholdBreached) -> Parts:
    incident: Incident | None = view.get(incident_part(key_of(event.tenant), event.incident_id))
    if incident is None:
        return {}
    return _incident(view, event, last_sign_at=event.at, breaches=incident.breaches + 1)


def _watched(view: View, event: WatchMoved) -> Parts:
    if view.get(event.part) is not None:
        return {event.part: event.watch}
    counted: Watches = view.get(watches_part(event.key)) or Watches()
    return {event.part: event.watch, watches_part(event.key): Watches(counted.count + 1)}


def _unwatched(view: View, event: WatchForgotten) -> Parts:
    counted: Watches = view.get(watches_part(event.key)) or Watches()
    return {event.part: None, watches_part(event.key): Watches(max(0, counted.count - 1))}


def _suggested(view: View, event: IncidentSuggested) -> Parts:
    key = key_of(event.tenant)
    counters: Suggestions = view.get(suggestions_part(key)) or Suggestions()
    suggestion = Suggestion(
        suggestion_id=event.suggestion_id,
        number=event.number,
        kind=event.kind,
        state="open",
        confidence=event.confidence,
        resource=event.resource,
        title=event.title,
        pattern=event.pattern,
        reasons=event.reasons,
        evidence=event.evidence,
        event_time=event.event_time,
    )
    return {
        suggestion_part(key, event.suggestion_id): suggestion,
        suggested_part(key, event.kind, event.pattern, event.resource): Suggested(event.suggestion_id),
        suggestions_part(key): Suggestions(event.number, counters.open + 1),
    }


def _supported(view: View, event: SuggestionSupported) -> Parts:
    part = suggestion_part(key_of(event.tenant), event.suggestion_id)
    suggestion: Suggestion | None = view.get(part)
    if suggestion is None:
        return {}
    evidence = (*suggestion.evidence, event.evidence)[-EVIDENCE_MAX:]
    return {part: replace(suggestion, times=event.times, evidence=evidence)}


def _decided(view: View, event: SuggestionAccepted | SuggestionDismissed | SuggestionExpired) -> Parts:
    key = key_of(event.tenant)
    part = suggestion_part(key, event.suggestion_id)
    suggestion: Suggestion | None = view.get(part)
    if suggestion is None:
        return {}
    counters: Suggestions = view.get(suggestions_part(key)) or Suggestions()
    out: dict[str, Any | None] = {suggestions_part(key): replace(counters, open=max(0, counters.open - 1))}
    if isinstance(event, SuggestionAccepted):
        decided = replace(suggestion, state="accepted", decided_at=event.at, incident_id=event.incident_id)
        return {**out, part: decided, **_incident(view, event, last_sign_at=event.at)}
    if isinstance(event, SuggestionDismissed):
        return {**out, part: replace(suggestion, state="dismissed", decided_at=event.at)}
    return {**out, part: replace(suggestion, state="expired", decided_at=event.at)}


def _forgotten(view: View, event: PartForgotten) -> Parts:
    gone = view.get(event.part)
    out: dict[str, Any | None] = {event.part: None}
    if isinstance(gone, Suggestion):
        # The last suggestion of its pattern is named there; an older one is not.
        named = suggested_part(event.part.split("/", 1)[0], gone.kind, gone.pattern, gone.resource)
        last: Suggested | None = view.get(named)
        if last is not None and last.suggestion_id == gone.suggestion_id:
            out[named] = None
    return out


HANDLERS: Mapping[type, Callable[[View, Any], Parts]] = {
    ThresholdBreached: _breached,
    MaintenanceOver: lambda view, event: _incident(view, event, window="", window_raised=False),
    WatchMoved: _watched,
    WatchForgotten: _unwatched,
    IncidentSuggested: _suggested,
    SuggestionSupported: _supported,
    SuggestionAccepted: _decided,
    SuggestionDismissed: _decided,
    SuggestionExpired: _decided,
    HealingCounted: lambda view, event: {event.part: event.healing},
    AlarmMoved: lambda view, event: {event.part: event.alarm},
    PartForgotten: _forgotten,
}
