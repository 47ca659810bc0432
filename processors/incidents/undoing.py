"""decide, for the undo of a split or a merge: what it changed is taken back, what came since is decided anew.

A field that nothing has changed since goes back to what it was (counting.taken_back), so without anything since the
state is the one from before, byte for byte; what happened since stays. Failures that came since are placed one after
the other by the attach rule, over the state as it is without the correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from processors.incidents import counting, failures, families, grouping, refusing, sets
from processors.incidents.drafting import Draft
from processors.incidents.events import PartsWritten
from processors.incidents.evolve import evolve
from processors.incidents.failures import NOBODY, Failure
from processors.incidents.finding import survivor, there
from processors.incidents.refusing import Refusal
from processors.incidents.rules import KEEP_MS, more_severe, opening_severity, raised_severity
from processors.incidents.state import (
    Correction,
    Incident,
    Kind,
    Listing,
    Place,
    Problem,
    Tenant,
    correction_part,
    incident_part,
    tenant_part,
)
from processors.kernel.decider import Command, Decision, Event, SetTimer, View
from schemas.ids import Id, child_id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import (
    CorrectionUndone,
    ErrorSignalled,
    IncidentOpened,
    IncidentStateChanged,
    MergeIncident,
    Moved,
    SeverityRaised,
    SplitIncident,
    State,
    UndoCorrection,
)

# Each is decided anew: 5,000 x ~60 us in one decision, and 80 KB of ids in its event.
SINCE_MAX = 5_000


@dataclass(slots=True)
class Work:
    """An undo under way: what it has worked out so far."""

    command: Command
    wish: UndoCorrection
    draft: Draft
    config: Incidents
    correction: Correction
    moved: dict[Id, list[Id]]
    opened: list[Event]

    def goes(self, incident_id: Id, action_id: Id) -> None:
        """A failure belongs to this incident (this home) now."""
        self.moved.setdefault(incident_id, []).append(action_id)


def undo(command: Command, wish: UndoCorrection, view: View) -> Decision:
    """Take back the last split or merge that touched the incident."""
    key = key_of(wish.tenant)
    incident = refusing.open_incident(view, key, wish.incident_id)
    if isinstance(incident, Refusal):
        return incident.decision(command, wish)
    if incident.last_correction is None:
        return refusing.nothing_to_undo(incident).decision(command, wish)
    correction: Correction | None = view.get(correction_part(key, incident.last_correction))
    if correction is None:
        return refusing.too_old(incident).decision(command, wish)
    for incident_id in (correction.incident_id, correction.other_id):
        one: Incident | None = view.get(incident_part(key, incident_id))
        now = survivor(view, key, incident_id)
        if one is None or now is None:
            return refusing.too_old(incident).decision(command, wish)
        if one.last_correction != correction.correction_id:
            return refusing.not_the_last(one, now).decision(command, wish)
        refused = refusing.over(now)
        if refused is not None:
            return refused.decision(command, wish)
    config = cast(Incidents, view.config(wish.tenant, "incidents"))
    work = Work(command, wish, Draft(view, key), config, correction, {}, [])
    since = _merge_undone(work, view) if correction.kind == "merge" else _split_undone(work, view)
    if isinstance(since, Refusal):
        return since.decision(command, wish)
    return _said(work, view, since)


def _merge_undone(work: Work, view: View) -> list[Failure] | Refusal:
    """Both incidents as they were, without what came since; that is placed."""
    c, draft = work.correction, work.draft
    part = incident_part(draft.key, c.incident_id)
    now = there(view, draft.key, c.incident_id)
    other = there(view, draft.key, c.other_id)
    own = failures.all_of(view, part)
    since = [f for f in own if f.ordinal >= c.mark]
    grown = now.failures - c.after.failures
    forgotten = any(True for _ in view.scan(f"{sets.actions_of(part)}/"))
    if len(since) != grown or grown > SINCE_MAX or (grown and forgotten):
        return refusing.too_many_since(grown, SINCE_MAX)
    one = counting.taken_back(c.before, c.after, now)
    if since:
        stay = [f for f in own if f.ordinal < c.mark]
        draft.write(failures.rewritten(view, part, stay))
        before = c.before
        severity = now.severity if now.stated else before.severity
        one = replace(
            one,
            failures=before.failures,
            affected_count=before.affected_count,
            first_failure_at=before.first_failure_at,
            last_failure_at=before.last_failure_at,
            attached=before.attached,
            remembered=before.remembered,
            severity=severity,
        )
    draft.keep(one)
    draft.keep(replace(other, state=c.other_state, merged_into=None, last_correction=c.other_previous))
    kinds = failures.kinds_of(view, part)
    _place(work, since, kinds, failures.names_of(view, part))
    return since


def _split_undone(work: Work, view: View) -> list[Failure] | Refusal:
    """The failures go back to where they were; those that the split-off incident has attached since are placed."""
    c, draft, key = work.correction, work.draft, work.draft.key
    part = incident_part(key, c.other_id)
    now = there(view, key, c.incident_id)
    other = there(view, key, c.other_id)
    own = failures.all_of(view, part)
    back = failures.moved_of(c.moved)
    since = [f for f in own if f.action_id not in back]
    if len(own) != other.failures or len(since) > SINCE_MAX:
        return refusing.too_many_since(other.failures - len(back), SINCE_MAX)
    for n, home in enumerate(c.homes):
        name = incident_part(key, home)
        returned = [f._replace(ordinal=back[f.action_id][1]) for f in own if back.get(f.action_id, (-1, 0))[0] == n]
        whole = sorted((*failures.all_of(view, name), *returned), key=lambda f: f.ordinal)
        draft.write(failures.rewritten(view, name, whole))
        for f in returned:
            work.goes(home, f.action_id)
    for name, _ in view.scan(f"{part}/"):
        draft.write({name: None})
    _unlist(draft, c)
    alias = replace(other, state="merged", merged_into=c.incident_id, members=(), last_correction=None)
    draft.keep(alias)
    one = _whole_again(work, now, other)
    draft.keep(one)
    kinds = failures.kinds_of(view, part)
    _place(work, since, kinds, failures.names_of(view, part))
    return since


def _whole_again(work: Work, now: Incident, other: Incident) -> Incident:
    """The incident with its failures back, with what happened to it and to the split-off one since."""
    c, draft = work.correction, work.draft
    one = counting.taken_back(c.before, c.after, now)
    fresh = c.other_after
    if other.first_page_at != fresh.first_page_at:
        one = replace(one, first_page_at=counting.earlier(one.first_page_at, other.first_page_at))
    if other.acknowledged_by != fresh.acknowledged_by:
        one = counting.taken_over(one, other)
    signs = {name: getattr(one, name) + getattr(other, name) for name in ("reports", "alerts", "alerts_firing")}
    one = replace(one, last_sign_at=max(one.last_sign_at, other.last_sign_at), **signs)
    attached = now.failures - c.after.failures
    if attached:
        homes = [failures.all_of(draft, p) for _, p in failures.homes_of(draft, draft.key, one)]
        every = [f for _, f in counting.in_order(homes)]
        hit = {f.affected for f in every} - {NOBODY}
        one = replace(
            one,
            failures=c.before.failures + attached,
            affected_count=len(hit),
            remembered=c.before.remembered + now.remembered - c.after.remembered,
            first_failure_at=min(c.before.first_failure_at, now.first_failure_at),
            last_failure_at=max(c.before.last_failure_at, now.last_failure_at),
        )
    return one


def _unlist(draft: Draft, c: Correction) -> None:
    """The lists of problems and places without the split-off incident, and without its routes."""
    for listing in c.listings:
        listed: Problem | Place | None = draft.get(listing.part)
        now = listed.incidents if listed is not None else ()
        # One that the split pushed off the list comes back.
        old = [i for i in listing.before if i in now or i not in listing.after]
        rest = (*old, *(i for i in now if i not in listing.before and i != c.other_id))
        if isinstance(listed, Problem):
            routes = tuple(r for r in listed.routes if r.correction != c.correction_id)
            draft.write({listing.part: Problem(rest, routes) if rest else None})
        else:
            draft.write({listing.part: Place(rest) if rest else None})


def _place(work: Work, since: Sequence[Failure], kinds: Sequence[Kind], names: Sequence[str]) -> None:
    """Decide these failures anew, one after the other."""
    by = {kind.problem[: failures.SHORT]: kind for kind in kinds}
    actors = {failures.actor_id(name): name for name in names}
    for f in since:
        kind = by.get(f.problem) or kinds[0]
        signal = _signal(work, f, kind, actors.get(f.actor, ""))
        placed = grouping.where(work.draft, signal, work.config)
        if placed.incident is None:
            _open(work, f, kind, signal, placed)
        else:
            _attach(work, f, kind, signal, placed)


def _signal(work: Work, f: Failure, kind: Kind, actor: str) -> ErrorSignalled:
    return ErrorSignalled(
        tenant=work.wish.tenant,
        resource=kind.resource,
        fingerprint=kind.fingerprint,
        error_type=kind.error_type,
        message=kind.words or kind.title,
        sample=kind.title,
        actor=actor,
        session="",
        action_type=kind.action_type,
        action_id=f.action_id,
        affected=None,
        event_time=f.event_time,
        first_event_time=f.first_at,
        failed_tries=1,
        reason="not_retryable",
        historical=work.correction.before.historical,
    )


def _attach(work: Work, f: Failure, kind: Kind, signal: ErrorSignalled, placed: grouping.Placed) -> None:
    draft, incident = work.draft, placed.incident
    assert incident is not None
    part = incident_part(draft.key, incident.incident_id)
    homes = failures.homes_of(draft, draft.key, incident)
    hit = f.affected != NOBODY and not any(sets.contains(draft, sets.affected_of(p), f.affected) for _, p in homes)
    grown = replace(
        incident,
        first_failure_at=min(incident.first_failure_at, f.event_time),
        last_failure_at=max(incident.last_failure_at, f.event_time),
        failures=incident.failures + 1,
        affected_count=incident.affected_count + hit,
    )
    held = (grown.held_failures, grown.held_affected)
    raised = raised_severity(work.config, grown.severity, grown.failures, grown.affected_count, held)
    if raised is not None and grown.resolved_at is None:
        grown = replace(grown, severity=raised[0])
    draft.write(failures.added(draft, part, grown, f))
    draft.write(failures.known(draft, part, kind, signal.actor))
    work.goes(incident.incident_id, f.action_id)


def _open(work: Work, f: Failure, kind: Kind, signal: ErrorSignalled, placed: grouping.Placed) -> None:
    draft = work.draft
    tenant: Tenant = draft.get(tenant_part(draft.key)) or Tenant()
    hit = f.affected != NOBODY
    severity, severity_reason = opening_severity(work.config, kind.resource, int(hit))
    opened = IncidentOpened(
        tenant=signal.tenant,
        incident_id=child_id(work.command.id, "incidents.Incident", draft.key, len(work.opened)),
        number=tenant.incidents + 1,
        resource=kind.resource,
        fingerprint=kind.fingerprint,
        error_type=kind.error_type,
        title=kind.title,
        sample=kind.title,
        severity=severity,
        severity_reason=severity_reason,
        actor=signal.actor,
        action_type=kind.action_type,
        action_id=f.action_id,
        affected=None,
        first_failure_at=f.first_at,
        event_time=f.event_time,
        historical=signal.historical,
        reasons=(placed.why, f"decided anew: {work.wish.subject} undid a {work.correction.kind}", *placed.others),
        at=work.command.now,
    )
    draft.write(evolve(draft, opened))
    kept = families.began(draft, draft.key, signal, opened.incident_id, kind.problem, first=True)
    draft.write(evolve(draft, kept) if kept is not None else {})
    part = incident_part(draft.key, opened.incident_id)
    new = there(draft, draft.key, opened.incident_id)
    draft.keep(replace(new, affected_count=int(hit), detected_at=f.at))
    draft.write(failures.rewritten(draft, part, [f._replace(ordinal=0)]))
    work.opened.append(Event(draft.key, opened))
    work.goes(opened.incident_id, f.action_id)


def _said(work: Work, view: View, since: Sequence[Failure]) -> Decision:
    c, draft, key, now = work.correction, work.draft, work.draft.key, work.command.now
    draft.write({correction_part(key, c.correction_id): None})
    for incident_id in dict.fromkeys((c.incident_id, *work.moved)):
        found: Incident | None = draft.get(incident_part(key, incident_id))
        if found is not None and found.merged_into is None:
            every = counting.every(draft, key, found)
            if every is not None and found != c.before:
                draft.keep(counting.at_times(found, every))
    touched = [there(draft, key, i) for i in dict.fromkeys((c.incident_id, c.other_id, *work.moved))]
    undone = CorrectionUndone(
        tenant=work.wish.tenant,
        incident_id=c.incident_id,
        number=c.before.number,
        other_id=c.other_id,
        other_number=c.other_after.number,
        undone=c.kind,
        correction_id=c.correction_id,
        subject=work.wish.subject,
        reason=work.wish.reason,
        since=len(since),
        moved=tuple(Moved(i, there(draft, key, i).number, tuple(actions)) for i, actions in work.moved.items()),
        incidents=tuple(
            counting.standing(draft, key, i, f"{work.wish.subject} undid a {c.kind}", counting.every(draft, key, i))
            for i in touched
        ),
        at=now,
    )
    events = [*work.opened, Event(key, PartsWritten(draft.parts)), Event(key, undone)]
    for after in touched:
        before: Incident | None = view.get(incident_part(key, after.incident_id))
        if before is not None:
            because = f"{work.wish.subject} undid the {c.kind}: {work.wish.reason}"
            events += moved_to(now, work.wish.tenant, before, after.state, work.wish.subject, because)
            events += _raised(work, before, after)
    forget = SetTimer(incident_part(key, c.other_id), "forget", now + KEEP_MS)  # what is only an alias
    return Decision(tuple(events), (forget,) if c.kind == "split" else (), (f"{c.kind}_undone",), answer="accepted")


def _raised(work: Work, before: Incident, after: Incident) -> list[Event]:
    if not more_severe(after.severity, before.severity) or before.merged_into is not None:
        return []
    raised = SeverityRaised(
        tenant=work.wish.tenant,
        incident_id=after.incident_id,
        number=after.number,
        resource=after.resource,
        title=after.title,
        before=before.severity,
        after=after.severity,
        reason=f"its totals after a {work.correction.kind} was undone",
        first_failure_at=after.first_failure_at,
        failures=after.failures,
        affected_count=after.affected_count,
        historical=after.historical,
        at=work.command.now,
        stated=after.stated,
    )
    return [Event(work.draft.key, raised)]


def correction(
    command: Command,
    wish: SplitIncident | MergeIncident,
    kind: Literal["split", "merge"],
    before: Incident,
    after: Incident,
    other: Incident,
    listings: tuple[Listing, ...] = (),
) -> Correction:
    """What an undo needs of a split or a merge."""
    assert after.last_correction is not None
    return Correction(
        correction_id=after.last_correction,
        kind=kind,
        incident_id=after.incident_id,
        other_id=other.incident_id,
        subject=wish.subject,
        reason=wish.reason,
        at=command.now,
        before=before,
        after=after,
        other_after=other,
        other_state=other.state,
        mark=other.attached if kind == "split" else after.attached,
        listings=listings,
        homes=(),
        moved=b"",
        previous=before.last_correction,
        other_previous=None,
    )


def moved_to(now: int, tenant: str, incident: Incident, after: State, by: str, reason: str) -> list[Event]:
    """The event of a state that a correction changed; nothing where it did not."""
    if incident.state == after:
        return []
    moved = IncidentStateChanged(tenant, incident.incident_id, incident.number, incident.state, after, by, reason, now)
    return [Event(key_of(tenant), moved)]
