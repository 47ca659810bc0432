"""evolve, for a failure more: the totals of its incident, and the failure itself with its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.incidents import failures, sets
from processors.incidents.failures import Failure
from processors.incidents.rules import RESOURCE_CHARACTERS, TITLE_CHARACTERS, clip
from processors.incidents.state import Incident, Kind, incident_part, problem_id
from processors.kernel.decider import View
from schemas.ids import key_of
from schemas.messages.incidents import IncidentOpened, SignalAttached


def attached(view: View, event: SignalAttached) -> Mapping[str, Any | None]:
    """The parts that a failure more of an incident writes."""
    part = incident_part(key_of(event.tenant), event.incident_id)
    incident = view.get(part)
    if incident is None:
        return {}
    totals = {
        "first_failure_at": min(incident.first_failure_at, event.event_time),
        "last_failure_at": max(incident.last_failure_at, event.event_time),
        "failures": event.failures,
        "affected_count": event.affected_count,
    }
    problem = problem_id(event.resource, event.fingerprint, event.historical)
    title = clip(f"{event.error_type}: {event.sample}", TITLE_CHARACTERS)
    return remembered(view, part, incident, problem, event, title, **totals)


def remembered(
    view: View,
    part: str,
    incident: Incident,
    problem: bytes,
    event: IncidentOpened | SignalAttached,
    title: str,
    **totals: Any,
) -> dict[str, Any | None]:
    """The parts to write so that `incident`, with these totals, has this failure and knows its words."""
    actor = clip(event.actor, 64)
    first = event.first_failure_at if isinstance(event, IncidentOpened) else event.event_time
    failure = Failure(
        action_id=event.action_id,
        event_time=event.event_time,
        first=failures.span(event.event_time, first),
        at=event.at,
        affected=failures.NOBODY if event.affected is None else sets.affected_id(event.affected),
        problem=problem[: failures.SHORT],
        actor=failures.actor_id(actor),
        ordinal=0,
    )
    resource = clip(event.resource, RESOURCE_CHARACTERS)
    words = [clip(w, TITLE_CHARACTERS) for w in (event.fingerprint, event.error_type)]
    kind = Kind(problem, resource, words[0], words[1], title, clip(event.action_type, TITLE_CHARACTERS))
    return {**failures.added(view, part, incident, failure, **totals), **failures.known(view, part, kind, actor)}
