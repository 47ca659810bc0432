"""decide, for a split: failures that are another problem become an incident of their own.

The failures move to a home of their own, and the problem keeps where later failures go: by the error, by the actor, or,
where neither tells the two apart, to the incident that was split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from processors.incidents import attribution, counting, failures, refusing, undoing
from processors.incidents.drafting import Draft
from processors.incidents.events import PartsWritten
from processors.incidents.evolve import place_names, with_incident, with_place
from processors.incidents.failures import Failure
from processors.incidents.refusing import Refusal
from processors.incidents.rules import KEEP_MS, RECENT_INCIDENTS
from processors.incidents.state import (
    Correction,
    Incident,
    Kind,
    Kinds,
    Listing,
    Names,
    Problem,
    Recent,
    Route,
    Tenant,
    correction_part,
    incident_part,
    latest_part,
    place_part,
    problem_part,
    tenant_part,
)
from processors.kernel.decider import Command, Decision, Event, SetTimer, View
from schemas.ids import Id, child_id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import (
    IncidentOpened,
    IncidentSplit,
    SplitIncident,
)
from schemas.messages.incidents.correcting import split_off_id

# 64 x (16 + 8 + 16 + 16 + a few) < 5 KB of a problem's part; a split by actors takes one for each of at most 32.
ROUTES_MAX = 64
ACTORS_MAX = 32


@dataclass(frozen=True, slots=True)
class Parting:
    """How a split's failures differ from those that stay: the routes by problem, and it in words."""

    by: str
    why: str
    routes: Mapping[Id, tuple[Route, ...]]


def split(command: Command, wish: SplitIncident, view: View) -> Decision:
    """These failures become an incident of their own."""
    key = key_of(wish.tenant)
    source = refusing.open_incident(view, key, wish.incident_id)
    if isinstance(source, Refusal):
        return source.decision(command, wish)
    homes = failures.homes_of(view, key, source)
    kept = [failures.all_of(view, part) for _, part in homes]
    refused = refusing.of_split(source, kept, wish.events)
    if refused is not None:
        return refused.decision(command, wish)
    wanted = frozenset(wish.events)
    every = counting.in_order(kept)
    moved = [(n, f) for n, f in every if f.action_id in wanted]
    rest = [f for _, f in every if f.action_id not in wanted]
    incident_id = split_off_id(command.id, wish.tenant)
    correction_id = child_id(command.id, "incidents.Correction", key, 0)
    kinds = _kinds(view, homes)
    parting = _parting(correction_id, source, incident_id, rest, [f for _, f in moved], kinds)
    for problem, routes in parting.routes.items():
        listed: Problem = view.get(problem_part(key, problem)) or Problem(())
        if len(listed.routes) + len(routes) > ROUTES_MAX:
            return refusing.too_many_corrections(source).decision(command, wish)
    config = cast(Incidents, view.config(wish.tenant, "incidents"))
    draft = Draft(view, key)
    names = dict.fromkeys(a for _, part in homes for a in failures.names_of(view, part))
    one = _remaining(view, key, source, rest, kinds, tuple(names), config)
    one = replace(one, remembered=source.remembered - sum(1 for n, _ in moved if n == 0), last_correction=correction_id)
    other = _split_off(draft, source, incident_id, [f for _, f in moved], kinds, tuple(names), config)
    other = replace(other, last_correction=correction_id)
    for n, (_, part) in enumerate(homes):
        draft.write(failures.rewritten(view, part, [f for f in kept[n] if f.action_id not in wanted]))
    listings = _listed(draft, other, parting)
    draft.keep(one)
    draft.keep(other)
    packed = failures.pack_moved((f.action_id, n, f.ordinal) for n, f in moved)
    correction = undoing.correction(command, wish, "split", source, one, other, listings)
    where = tuple(i for i, _ in homes)
    draft.write({correction_part(key, correction_id): replace(correction, homes=where, moved=packed)})
    return _split_said(command, wish, draft, correction, parting, rest, [f for _, f in moved], config)


def _kinds(view: View, homes: Sequence[tuple[Id, str]]) -> tuple[Kind, ...]:
    found: dict[Id, Kind] = {}
    for _, part in homes:
        for kind in failures.kinds_of(view, part):
            found.setdefault(kind.problem, kind)
    return tuple(found.values())


def _parting(
    correction_id: Id,
    source: Incident,
    incident_id: Id,
    rest: Sequence[Failure],
    moved: Sequence[Failure],
    kinds: Sequence[Kind],
) -> Parting:
    """By what the moved failures of each problem differ: the error, the actor, or nothing that a rule could tell."""
    routes: dict[Id, tuple[Route, ...]] = {}
    by: list[str] = []
    for kind in kinds:
        short = kind.problem[: failures.SHORT]
        going = dict.fromkeys(f.actor for f in moved if f.problem == short)
        if not going:
            continue
        staying = {f.actor for f in rest if f.problem == short}
        everyone = Route(correction_id, b"", incident_id, source.incident_id, True)
        stays = Route(correction_id, b"", source.incident_id, incident_id, True)
        if not staying:
            by.append("fingerprint")
            routes[kind.problem] = (everyone,)
        elif len(going) <= ACTORS_MAX and not any(actor in staying for actor in going):
            by.append("actor")
            routes[kind.problem] = (*(replace(everyone, actor=actor) for actor in going), stays)
        else:
            by.append("nothing")
            routes[kind.problem] = (replace(stays, strict=False),)
    worst = "nothing" if "nothing" in by or not by else "actor" if "actor" in by else "fingerprint"
    why = {
        "fingerprint": "they have another error: later failures of it belong to the new incident",
        "actor": "they have the same error and other actors: later failures of those actors belong to the new incident",
        "nothing": f"neither error nor actor tells them apart: later failures belong to INC-{source.number}",
    }[worst]
    return Parting(worst, why, routes)


def _remaining(
    view: View,
    key: str,
    source: Incident,
    rest: Sequence[Failure],
    kinds: Sequence[Kind],
    names: Sequence[str],
    config: Incidents,
) -> Incident:
    """The incident without the moved failures."""
    own = [view.get(incident_part(key, i)) for i in (source.incident_id, *source.members)]
    since = counting.told_since(i for i in own if i is not None)
    one = counting.recounted(counting.named(source, rest[0], kinds, names), rest, since)
    # What a person, a report or an alert called it stays; only the thresholds are asked again.
    return replace(one, resource=source.resource, severity=counting.severity_of(config, one)[0])


def _split_off(
    draft: Draft,
    source: Incident,
    incident_id: Id,
    moved: Sequence[Failure],
    kinds: Sequence[Kind],
    names: Sequence[str],
    config: Incidents,
) -> Incident:
    """The new incident, with its failures written. Who is on the one that it was a part of is on it."""
    key = draft.key
    tenant: Tenant = draft.get(tenant_part(key)) or Tenant()
    taken = source.state in counting.TAKEN and source.acknowledged_by is not None
    bare = replace(
        source,
        incident_id=incident_id,
        number=tenant.incidents + 1,
        state=source.state if taken else "detected",
        trigger="error",
        stated=False,
        held_failures=0,
        held_affected=0,
        reports=0,
        alerts=0,
        alerts_firing=0,
        last_sign_at=0,
        cause_id=None,
        cause_confidence=None,
        members=(),
        split_from=source.incident_id,
        attached=len(moved),
        remembered=len(moved),
    )
    if not taken:
        bare = replace(bare, acknowledged_by=None, acknowledged_severity=None, assignee=None, contained_at=None)
    new = counting.recounted(counting.named(bare, moved[0], kinds, names), moved, None)
    new = replace(new, severity=counting.severity_of(config, new)[0])
    part = incident_part(key, incident_id)
    draft.write(failures.rewritten(draft, part, [f._replace(ordinal=n) for n, f in enumerate(moved)]))
    has = {f.problem for f in moved}
    by = {f.actor for f in moved}
    own = tuple(k for k in kinds if k.problem[: failures.SHORT] in has)[: failures.KINDS_MAX]
    actors = tuple(a for a in names if failures.actor_id(a) in by)[: failures.NAMES_MAX]
    recent: Recent = draft.get(latest_part(key)) or Recent(())
    draft.write(
        {
            f"{part}/kinds": Kinds(own),
            f"{part}/names": Names(actors),
            tenant_part(key): replace(tenant, incidents=new.number),
            latest_part(key): Recent((*recent.incidents, incident_id)[-RECENT_INCIDENTS:]),
        }
    )
    return new


def _listed(draft: Draft, other: Incident, parting: Parting) -> tuple[Listing, ...]:
    """List the new incident under its problems and places."""
    out: list[Listing] = []
    for problem, routes in parting.routes.items():
        name = problem_part(draft.key, problem)
        before: Problem | None = draft.get(name)
        listed = with_incident(before, other.incident_id)
        draft.write({name: replace(listed, routes=(*routes, *listed.routes))})
        out.append(Listing(name, before.incidents if before is not None else (), listed.incidents))
    for place in place_names(other):
        name = place_part(draft.key, place)
        there = draft.get(name)
        placed = with_place(draft, draft.key, place, other.incident_id)
        draft.write({name: placed})
        out.append(Listing(name, there.incidents if there is not None else (), placed.incidents))
    return tuple(out)


def _split_said(
    command: Command,
    wish: SplitIncident,
    draft: Draft,
    correction: Correction,
    parting: Parting,
    rest: Sequence[Failure],
    moved: Sequence[Failure],
    config: Incidents,
) -> Decision:
    key, now = draft.key, command.now
    source, one, other = correction.before, correction.after, correction.other_after
    told = IncidentSplit(
        tenant=wish.tenant,
        incident_id=one.incident_id,
        number=one.number,
        split_id=other.incident_id,
        split_number=other.number,
        correction_id=correction.correction_id,
        subject=wish.subject,
        reason=wish.reason,
        action_ids=tuple(f.action_id for f in moved),
        separated_by="fingerprint" if parting.by == "fingerprint" else "actor" if parting.by == "actor" else "nothing",
        why=parting.why,
        incidents=(
            counting.standing(draft, key, one, counting.severity_of(config, one)[1], rest),
            counting.standing(draft, key, other, counting.severity_of(config, other)[1], moved),
        ),
        at=now,
    )
    events = [
        Event(key, PartsWritten(draft.parts)),
        Event(key, _opened(wish, draft, correction, parting, moved[0], config)),
        Event(key, told),
    ]
    fresh = replace(other, state="detected")
    events += undoing.moved_to(now, wish.tenant, fresh, other.state, wish.subject, f"split from INC-{one.number}")
    found = attribution.suggestion(draft, key, attribution.failing(other), config)
    events.append(attribution.suggested(wish.tenant, key, other.incident_id, other.number, found, now))
    if (one.first_failure_at, one.actor) != (source.first_failure_at, source.actor):
        events += attribution.revised(draft, wish.tenant, key, one, attribution.failing(one), config, now)
    forget = SetTimer(correction_part(key, correction.correction_id), "forget", now + KEEP_MS)
    return Decision(tuple(events), (forget,), ("split", f"separated_by_{parting.by}"), answer="accepted")


def _opened(
    wish: SplitIncident, draft: Draft, correction: Correction, parting: Parting, first: Failure, config: Incidents
) -> IncidentOpened:
    one, other = correction.after, correction.other_after
    kind = failures.kinds_of(draft, incident_part(draft.key, other.incident_id))[0]
    return IncidentOpened(
        tenant=wish.tenant,
        incident_id=other.incident_id,
        number=other.number,
        resource=other.resource,
        fingerprint=kind.fingerprint,
        error_type=other.error_type,
        title=other.title,
        sample=other.title,
        severity=other.severity,
        severity_reason=counting.severity_of(config, other)[1],
        actor=other.actor,
        action_type=kind.action_type,
        action_id=first.action_id,
        affected=None,
        first_failure_at=other.first_failure_at,
        event_time=other.last_failure_at,
        historical=other.historical,
        reasons=(f"split from INC-{one.number} by {wish.subject}: {wish.reason}", parting.why),
        at=correction.at,
        failures=other.failures,
        split_from=one.incident_id,
        acknowledged_by=other.acknowledged_by,
    )
