"""decide: facts from other processors and from time. People's commands are in people.py, reports and alerts in told.py,
likely causes in attribution.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from processors.incidents import (
    aggregating,
    attribution,
    automatic,
    blast,
    calendar,
    correcting,
    external,
    failures,
    families,
    flooding,
    grouping,
    kinds_decide,
    measures,
    observing,
    people,
    relating,
    sets,
    suggesting,
    told,
    triggers,
    writing,
)
from processors.incidents.aggregate_state import AggregateKept
from processors.incidents.causes import Failing
from processors.incidents.events import (
    AlertForgotten,
    ChangesForgotten,
    IncidentForgotten,
    ProblemFound,
    WordsKept,
)
from processors.incidents.finding import survivor
from processors.incidents.grouping import Placed
from processors.incidents.rules import (
    KEEP_MS,
    RESOURCE_CHARACTERS,
    clip,
    opening_severity,
    raised_severity,
    title_of,
)
from processors.incidents.state import Alert, Incident, Tenant, changes_part, problem_id, tenant_part
from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from schemas.ids import child_id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import (
    AUTOMATIC,
    ChangeObserved,
    ChangeRecorded,
    ErrorSignalled,
    FailureHealed,
    HealedFailureCounted,
    IncidentOpened,
    IncidentPaged,
    PageObserved,
    RecordChange,
    SeverityRaised,
    SignalAttached,
)

Handler = Callable[[Command, Any, View], Decision]
# What a failure of an open incident says: it opens nothing, explains nothing and moves no radius, so that of what is
# looked at after a decision only marks concern it.
_PLAIN = frozenset((SignalAttached, SeverityRaised, WordsKept, AggregateKept))


def decide(command: Command, view: View) -> Decision:
    """What follows from one message or timer."""
    command = correcting.aliased(command, view)
    handler = HANDLERS.get(type(command.message))
    if handler is None:
        return Decision(reasons=("not_for_incidents",))
    decision = handler(command, command.message, view)
    if type(command.message) is ErrorSignalled and all(type(event.message) in _PLAIN for event in decision.events):
        return calendar.marked(decision, view)
    decision = triggers.allowed(command, decision, view)
    decision = calendar.marked(suggesting.noticed(command, decision, view), view)
    decision = blast.with_radii(command, kinds_decide.completed(command, decision, view), view)
    return relating.related(command, decision, view)


def _signalled(command: Command, signal: ErrorSignalled, view: View) -> Decision:
    config = cast(Incidents, view.config(signal.tenant, "incidents"))
    placed = grouping.where(view, signal, config)
    if placed.known:
        return Decision(reasons=("already_attached",))
    if placed.incident is not None:
        return _attach(command, signal, view, config, placed, placed.incident)
    returned = automatic.returned(placed.candidates, signal, config, command.now)
    if returned is not None:
        return _reopen(command, signal, view, config, placed, returned)
    before = "" if placed.away_s else automatic.was_before(placed.candidates, command.now)
    return _open(command, signal, view, config, replace(placed, why=f"{placed.why}{before}"))


def _reopen(
    command: Command, signal: ErrorSignalled, view: View, config: Incidents, placed: Placed, incident: Incident
) -> Decision:
    """The same symptoms are back: the incident is not over, and this failure belongs to it."""
    why = automatic.why_returned(incident, signal, config, command.now)
    like = placed.like.get(incident.incident_id)
    if like is not None:
        why = f"{why}; {like.why}"
    opening = automatic.reopened(command.now, signal.tenant, incident, AUTOMATIC, why, automatic=True)
    open_again = replace(incident, state="reopened", resolved_at=None, resolved_by=None)
    away = grouping.away_s(incident, signal.event_time)
    service = like.service if like is not None else ""
    placed = Placed(open_again, why, away_s=away, like=placed.like, service=service)
    attached = _attach(command, signal, view, config, placed, open_again)
    timers = automatic.at_reopening(key_of(signal.tenant), incident)
    return Decision((*opening, *attached.events), timers, ("reopened_by_symptoms", *attached.reasons))


def _open(command: Command, signal: ErrorSignalled, view: View, config: Incidents, placed: Placed) -> Decision:
    key = key_of(signal.tenant)
    tenant = view.get(tenant_part(key)) or Tenant()
    affected = 0 if signal.affected is None else 1
    severity, severity_reason = opening_severity(config, signal.resource, affected)
    tries = f"{signal.failed_tries} failed tries, {signal.reason}"
    opened = IncidentOpened(
        tenant=signal.tenant,
        incident_id=child_id(command.id, "incidents.Incident", key, 0),
        number=tenant.incidents + 1,
        resource=signal.resource,
        fingerprint=signal.fingerprint,
        error_type=signal.error_type,
        title=title_of(signal),
        sample=signal.sample,
        severity=severity,
        severity_reason=severity_reason,
        actor=signal.actor,
        action_type=signal.action_type,
        action_id=signal.action_id,
        affected=signal.affected,
        first_failure_at=signal.first_event_time,
        event_time=signal.event_time,
        historical=signal.historical,
        reasons=(placed.why, tries, *placed.others),
        at=command.now,
    )
    kept = families.began(view, key, signal, opened.incident_id, _problem(signal), first=True)
    what = _failing(signal, signal.first_event_time)
    found = attribution.suggestion(view, key, what, config)
    cause = attribution.suggested(signal.tenant, key, opened.incident_id, opened.number, found, command.now)
    reasons = ("opened_historical" if signal.historical else "opened",)
    words = (Event(key, kept),) if kept is not None else ()
    return Decision((Event(key, opened), *words, cause, *external.evidence(view, opened)), reasons=reasons)


def _problem(signal: ErrorSignalled) -> bytes:
    return problem_id(signal.resource, signal.fingerprint, signal.historical)


def _failing(signal: ErrorSignalled, at: int) -> Failing:
    """What the first failure of an incident asks to be explained."""
    return Failing(
        clip(signal.resource, RESOURCE_CHARACTERS), clip(signal.actor, 64), signal.error_type, at, signal.sample
    )


def _attach(
    command: Command, signal: ErrorSignalled, view: View, config: Incidents, placed: Placed, incident: Incident
) -> Decision:
    key = key_of(signal.tenant)
    attached = SignalAttached(
        tenant=signal.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        actor=signal.actor,
        action_type=signal.action_type,
        action_id=signal.action_id,
        affected=signal.affected,
        sample=signal.sample,
        event_time=signal.event_time,
        failures=incident.failures + 1,
        affected_count=incident.affected_count + newly_affected(view, key, incident, signal.affected),
        reasons=why_attached(signal, incident, placed, config),
        historical=signal.historical,
        at=command.now,
        resource=signal.resource,
        fingerprint=signal.fingerprint,
        error_type=signal.error_type,
    )
    events = [Event(key, attached)]
    if not incident.failures:
        actor = clip(signal.actor, 64)
        events.append(Event(key, ProblemFound(key, incident.incident_id, _problem(signal), actor, signal.error_type)))
    if not incident.failures or incident.incident_id in placed.like:
        began = not incident.failures
        kept = families.began(view, key, signal, incident.incident_id, _problem(signal), first=began)
        events += [Event(key, kept)] if kept is not None else []
    first = min(incident.first_failure_at, signal.event_time)
    # An earlier first failure acquits a change that came after it; the first failure at all says who failed, and how.
    if not incident.failures or first < incident.first_failure_at:
        what = attribution.failing(incident, first) if incident.failures else _failing(signal, first)
        events += attribution.revised(view, signal.tenant, key, incident, what, config, command.now)
    raised = _raised(command, config, incident, signal, attached)
    if raised is not None:
        events.append(Event(key, raised))
    more, timers = aggregating.begun(attached, view, config, incident)
    return Decision((*events, *more), timers, ("attached", "severity_raised") if raised else ("attached",))


def _raised(
    command: Command, config: Incidents, incident: Incident, signal: ErrorSignalled, attached: SignalAttached
) -> SeverityRaised | None:
    """What the totals after this failure raise. Of an incident that has ended nothing: nobody is to be paged for it."""
    if incident.resolved_at is not None:
        return None
    held = (incident.held_failures, incident.held_affected)
    found = raised_severity(config, incident.severity, attached.failures, attached.affected_count, held)
    if found is None:
        return None
    after, reason = found
    return SeverityRaised(
        tenant=attached.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        resource=signal.resource,
        title=incident.title,
        before=incident.severity,
        after=after,
        reason=reason,
        first_failure_at=min(incident.first_failure_at, attached.event_time),
        failures=attached.failures,
        affected_count=attached.affected_count,
        historical=incident.historical,
        at=command.now,
    )


def why_attached(signal: ErrorSignalled, incident: Incident, placed: Placed, config: Incidents) -> tuple[str, str, str]:
    """Why a failure belongs to an incident: resource, window, error."""
    same = signal.resource == incident.resource
    what = f"same resource {signal.resource}" if same else f"{signal.resource} belongs to it since a person merged them"
    if placed.service and not same:
        what = f"same service {placed.service} by the catalog: {signal.resource} and {incident.resource}"
    within = f"{placed.away_s} s from the incident's failures, within {config.window_s(signal.resource)} s"
    return what, within, placed.why


def newly_affected(view: View, key: str, incident: Incident, affected: str | None) -> int:
    """1 when this failure hits somebody whom no other of the incident did, else 0."""
    if affected is None:
        return 0
    member = sets.affected_id(affected)
    homes = failures.homes_of(view, key, incident)
    return 0 if any(sets.contains(view, sets.affected_of(part), member) for _, part in homes) else 1


def _healed(command: Command, healed: FailureHealed, view: View) -> Decision:
    key = key_of(healed.tenant)
    tenant = view.get(tenant_part(key)) or Tenant()
    counted = HealedFailureCounted(
        tenant=healed.tenant,
        resource=healed.resource,
        fingerprint=healed.fingerprint,
        actor=healed.actor,
        action_type=healed.action_type,
        action_id=healed.action_id,
        failed_tries=healed.failed_tries,
        total=tenant.healed + 1,
        at=command.now,
        words=healed.words,
    )
    return Decision((Event(key, counted),), reasons=("healed",))


def _recorded(command: Command, wish: RecordChange, view: View) -> Decision:
    """A change that was told; who tells it twice under another command is answered all the same."""
    observed = ChangeObserved(
        wish.tenant,
        wish.resource,
        wish.kind,
        wish.before,
        wish.after,
        wish.summary,
        wish.by,
        wish.command_id,
        wish.event_time,
    )
    return replace(_changed(command, observed, view, wish.subject), answer="accepted")


def _changed(command: Command, change: ChangeObserved, view: View, recorded_by: str | None = None) -> Decision:
    key = key_of(change.tenant)
    part = changes_part(key, change.resource)
    kept = view.get(part)
    known = kept.changes if kept is not None else ()
    if any(c.action_id == change.action_id and c.at > command.now - KEEP_MS for c in known):
        return Decision(reasons=("change_repeated",))
    recorded = ChangeRecorded(
        tenant=change.tenant,
        change_id=child_id(command.id, "incidents.Change", key, 0),
        resource=change.resource,
        kind=change.kind,
        before=change.before,
        after=change.after,
        summary=change.summary,
        actor=change.actor,
        action_id=change.action_id,
        event_time=change.event_time,
        at=command.now,
        recorded_by=recorded_by,
    )
    config = cast(Incidents, view.config(change.tenant, "incidents"))
    causes = attribution.after_change(view, key, recorded, config)
    reasons = ("change_recorded", "cause_revised") if causes else ("change_recorded",)
    forget = SetTimer(part, "forget", command.now + config.causes.horizon_s * 1000)
    return Decision((Event(key, recorded), *causes), (forget,), reasons)


def _paged(command: Command, page: PageObserved, view: View) -> Decision:
    key = key_of(page.tenant)
    # A page of an incident that was merged told of what is the other one now.
    incident = survivor(view, key, page.incident_id)
    if incident is None:
        return Decision(reasons=("page_of_unknown_incident",))
    if page.outcome != "delivered":
        return Decision(reasons=("page_not_delivered",))
    if incident.first_page_at is not None:
        return Decision(reasons=("page_not_the_first",))
    paged = IncidentPaged(
        tenant=page.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        person=page.person,
        channel=page.channel,
        failures=incident.failures,
        affected_count=incident.affected_count,
        at=page.at,  # when the page was known to be delivered; `now` would add this processor's own delay
    )
    return Decision((Event(key, paged),), automatic.after_page(paged, view, command.now), ("first_page",))


def _due(command: Command, timer: TimerDue, view: View) -> Decision:
    return TIMERS[timer.name](command, timer, view)


def _forget(command: Command, timer: TimerDue, view: View) -> Decision:
    key = timer.part.split("/", 1)[0]
    thing = view.get(timer.part)
    if isinstance(thing, measures.Watch):
        return observing.forgotten(command, timer, view)
    if isinstance(thing, measures.FORGOTTEN):
        return suggesting.forgotten(command, timer, view)
    if isinstance(thing, Incident):
        return Decision((Event(key, IncidentForgotten(key, thing.incident_id)),), reasons=("forgotten",))
    if isinstance(thing, writing.KEPT):
        return writing.forgotten(timer, view)
    if isinstance(thing, Alert):
        return Decision((Event(key, AlertForgotten(timer.part)),), reasons=("alert_forgotten",))
    return Decision((Event(key, ChangesForgotten(timer.part)),), reasons=("changes_forgotten",))


# What each message is decided by. A theme brings its own lines.
HANDLERS: Mapping[type, Handler] = {
    ErrorSignalled: _signalled,
    FailureHealed: _healed,
    ChangeObserved: _changed,
    RecordChange: _recorded,
    PageObserved: _paged,
    TimerDue: _due,
    **told.HANDLERS,
    **people.HANDLERS,
    **automatic.HANDLERS,
    **writing.HANDLERS,
    **blast.HANDLERS,
    **observing.HANDLERS,
    **suggesting.HANDLERS,
    **correcting.HANDLERS,
    **flooding.HANDLERS,
    **external.HANDLERS,
}
# What each timer is decided by, by its name. A theme brings its own lines.
TIMERS: Mapping[str, Handler] = {
    "forget": _forget,
    **automatic.TIMERS,
    **aggregating.TIMERS,
    **observing.TIMERS,
    **suggesting.TIMERS,
    **flooding.TIMERS,
    **external.TIMERS,
}
