"""Where a failure belongs: same resource or declared same service, inside the window, same or similar error, unless a
person's correction says otherwise.

    where(view, signal, config) -> Placed(incident or None, why, …)      None: it opens an incident of its own

Pure, and the only place that decides it: for a failure that comes, and again for one that an undone correction sets
free. An incident that was merged into another stands for that one: what a person said belongs together attracts
together. After a split the problem's routes say which of the two later failures belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from processors.incidents import failures, families
from processors.incidents.finding import MERGES_DEEP, open_on, survivor
from processors.incidents.rules import clip, distance_ms, nearest, on_its_way
from processors.incidents.state import Incident, Problem, incident_part, problem_id, problem_part
from processors.kernel.decider import View
from schemas.ids import Id, key_of
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import ErrorSignalled

# Other open incidents of the resource that are named, with why the failure is none of theirs.
OTHERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a failure belongs, and why. `known`: it was attached before. `away_s` is its distance from the incident.

    `others` say why it belongs to none of the other open incidents of its resource; `candidates` are those of its error
    and of similar ones that no correction bars, open or not. `like` says why an error that is not the same is similar;
    `service` is the declared one of both resources, where they are two.
    """

    incident: Incident | None
    why: str
    known: bool = False
    away_s: int = 0
    others: tuple[str, ...] = ()
    candidates: tuple[Incident, ...] = ()
    like: Mapping[Id, families.Like] = field(default_factory=dict)
    service: str = ""


def away_s(incident: Incident, event_time: int) -> int:
    """Whole seconds, rounded up, from an incident's failures and signs; 0 inside."""
    return (distance_ms(incident, event_time) + 999) // 1000


def where(view: View, signal: ErrorSignalled, config: Incidents) -> Placed:
    """The incident that this failure belongs to."""
    key = key_of(signal.tenant)
    listed = view.get(problem_part(key, problem_id(signal.resource, signal.fingerprint, signal.historical)))
    known: dict[Id, Incident] = {}
    for incident_id in listed.incidents if listed is not None else ():
        # Also a resolved one: a failure told twice is one failure, it must not open a second incident.
        if _has(view, key, incident_id, signal.action_id):
            return Placed(None, "", known=True)
        incident = survivor(view, key, incident_id)
        if incident is not None:
            known[incident.incident_id] = incident
    window_s = config.window_s(signal.resource)
    barred: tuple[Id, ...] = ()
    if listed is not None and listed.routes:
        routed, barred = _routed(view, key, signal, listed, window_s)
        if routed is not None:
            return routed
    candidates = [i for i in known.values() if i.incident_id not in barred]
    near = nearest(candidates, signal.event_time)
    # What is older than the incident may have been counted in one of a similar error that is over.
    if near is not None and near.first_failure_at <= signal.event_time:
        away = away_s(near, signal.event_time)
        if away <= window_s:
            return Placed(near, _same(signal), away_s=away)
    return _among(view, signal, config, known, candidates, barred)


def _same(signal: ErrorSignalled) -> str:
    return f"same error {signal.error_type} ({signal.fingerprint})"


def _among(
    view: View,
    signal: ErrorSignalled,
    config: Incidents,
    known: dict[Id, Incident],
    candidates: list[Incident],
    barred: tuple[Id, ...],
) -> Placed:
    """Where a failure belongs that no incident of exactly its error takes at once."""
    key, window_s = key_of(signal.tenant), config.window_s(signal.resource)
    found = families.found(view, key, signal, config)
    if any(_has(view, key, one.incident_id, signal.action_id) for one in found.like):
        return Placed(None, "", known=True)
    near = nearest(candidates, signal.event_time)
    away = away_s(near, signal.event_time) if near is not None else 0
    if near is not None and away <= window_s:
        return Placed(near, _same(signal), away_s=away)
    like: dict[Id, families.Like] = {}
    for one in found.like:
        now = survivor(view, key, one.incident_id)
        if now is not None and now.incident_id not in known and now.incident_id not in barred:
            like.setdefault(now.incident_id, one)
    similar = [now for i in like if (now := view.get(incident_part(key, i))) is not None]
    alike = nearest(similar, signal.event_time)
    if alike is not None and (away := away_s(alike, signal.event_time)) <= window_s:
        said = like[alike.incident_id]
        return Placed(alike, said.why, away_s=away, like=like, service=said.service)
    # What was reported, or seen by an alert, before the first failure: no error is known of it yet.
    here = open_on(view, key, signal.resource)
    begun = nearest([i for i in here if not i.failures and not signal.historical], signal.event_time)
    if begun is not None and (away := away_s(begun, signal.event_time)) <= window_s:
        why = f"the first failure of an incident that began with: {begun.trigger}"
        return Placed(begun, why, away_s=away)
    candidates += similar
    ended = on_its_way(candidates, signal, window_s)
    if ended is not None:
        why = f"taken before INC-{ended.number} was ended, so it is no sign that the problem is back"
        return Placed(ended, why, away_s=away_s(ended, signal.event_time), like=like)
    away = 0
    near = near or alike
    if near is None:
        why = f"none of {len(candidates)} incidents of this error on {signal.resource} is open"
    else:
        away = away_s(near, signal.event_time)
        error = "the same error" if near is not alike else "a similar error"
        why = f"INC-{near.number} has {error} {away} s away, more than {window_s} s"
    rest = [i for i in here if i.incident_id not in known and i.incident_id not in like]
    others = _others(signal, rest, known, barred, dict(found.unlike))
    return Placed(None, why, away_s=away, others=others, candidates=tuple(candidates), like=like)


def _has(view: View, key: str, incident_id: Id, action_id: Id) -> bool:
    """Whether an incident, or one that it was merged into, has this failure."""
    for _ in range(MERGES_DEEP):
        part = incident_part(key, incident_id)
        if failures.contains(view, part, action_id):
            return True
        incident: Incident | None = view.get(part)
        if incident is None or incident.merged_into is None:
            return False
        incident_id = incident.merged_into
    return False


def _routed(
    view: View, key: str, signal: ErrorSignalled, listed: Problem, window_s: int
) -> tuple[Placed | None, tuple[Id, ...]]:
    """What people's splits say of this failure: where it belongs, and whose it is not."""
    actor = failures.actor_id(clip(signal.actor, 64))
    barred: list[Id] = []
    asked: list[Id] = []
    for route in listed.routes:
        if route.actor not in (b"", actor) or route.correction in asked:
            continue  # of one split the first route that fits says it
        asked.append(route.correction)
        to, away = survivor(view, key, route.to), survivor(view, key, route.away)
        if to is None or away is None or to.incident_id == away.incident_id:
            continue  # one of them is forgotten, or they are one incident again
        over = to.state in OVER
        if route.strict or not over:
            barred.append(away.incident_id)
        if over or to.incident_id in barred:
            continue
        gap = away_s(to, signal.event_time)
        if gap <= window_s:
            by = f"actor {signal.actor}" if route.actor else f"error {signal.error_type} ({signal.fingerprint})"
            why = f"by a person's split from INC-{away.number}, {by} belongs to INC-{to.number}"
            return Placed(to, why, away_s=gap), tuple(barred)
    return None, tuple(barred)


def _others(
    signal: ErrorSignalled,
    here: Iterable[Incident],
    known: dict[Id, Incident],
    barred: tuple[Id, ...],
    unlike: Mapping[Id, str],
) -> tuple[str, ...]:
    said = []
    for i in here:
        if bool(i.historical) == signal.historical:
            why = f"; {unlike[i.incident_id]}" if i.incident_id in unlike else ""
            said.append(
                f"INC-{i.number} is open on {signal.resource} with another error: {i.error_type or i.trigger}{why}"
            )
    said += [
        f"not INC-{known[i].number}: a person's split says that it is another problem" for i in barred if i in known
    ]
    return tuple(said[:OTHERS_NAMED])
