"""decide, for what happens by itself: postmortem, reopening on the same symptoms, escalation when nobody answers, and
the gates (open RML-3 cases) that no move of time passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from processors.incidents import moves
from processors.incidents.events import GateKept
from processors.incidents.responders import Gate, Gates, gates_part
from processors.incidents.rules import KEEP_MS, RESOURCE_CHARACTERS, clip
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, TimerDue, View
from schemas.ids import key_of, unescape
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import (
    AUTOMATIC,
    AutomaticMoveHeld,
    CaseObserved,
    ErrorSignalled,
    IncidentEscalated,
    IncidentPaged,
    IncidentReopened,
    IncidentStateChanged,
    NoResponseObserved,
    PostmortemStarted,
    State,
)

Handler = Callable[[Command, Any, View], Decision]
POSTMORTEM = "postmortem"
NO_RESPONSE = "no_response"
FORGET = "forget"
# What a gate held back is looked at again a day later: at most 30 times until the incident leaves the state.
HELD_AGAIN_MS = 24 * 3600 * 1000
# A case so long before the first failure may be its first sign (the default window in which failures are one incident).
GATE_BEFORE_MS = 900_000


# --- when an incident ends, or begins again ----------------------------------------------------------------------


def postmortem_at(config: Incidents, incident: Incident, now: int) -> int | None:
    """When the postmortem of an incident that is resolved now begins by itself; imported history has none."""
    after_s = config.automatic.postmortem_after_s
    return now + after_s * 1000 if after_s and not incident.historical else None


def at_end(key: str, incident: Incident, now: int, postmortem: int | None = None) -> tuple[SetTimer | CancelTimer, ...]:
    """The timers of an incident that ends now: forgotten 30 days later, its postmortem before."""
    part = incident_part(key, incident.incident_id)
    forget = SetTimer(part, FORGET, now + KEEP_MS)
    later = CancelTimer(part, POSTMORTEM) if postmortem is None else SetTimer(part, POSTMORTEM, postmortem)
    return (forget, later, CancelTimer(part, NO_RESPONSE))


def at_reopening(key: str, incident: Incident) -> tuple[CancelTimer, ...]:
    """The timers of an incident that is opened again: none of its end is left."""
    part = incident_part(key, incident.incident_id)
    return (CancelTimer(part, FORGET), CancelTimer(part, POSTMORTEM))


def reopened(
    now: int, tenant: str, incident: Incident, subject: str, note: str | None, automatic: bool = False
) -> tuple[Event, ...]:
    """The events that open an incident again."""
    again = IncidentReopened(
        tenant=tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=subject,
        note=note,
        resource=incident.resource,
        title=incident.title,
        severity=incident.severity,
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=now,
        automatic=automatic,
    )
    why = note or "it is not over"
    return (Event(key_of(tenant), again), _moved(now, tenant, incident, "reopened", subject, why))


def returned(incidents: Iterable[Incident], signal: ErrorSignalled, config: Incidents, now: int) -> Incident | None:
    """The resolved incident whose symptoms this failure brings back, the youngest of several; None when there is none.

    Within `reopen_within_s` of log time after the resolve; a failure of another time (a clock that is hours off) is
    another incident. What was on its way is told before this is asked.
    """
    best: Incident | None = None
    for incident in incidents:
        if incident.state != "resolved" or incident.resolved_at is None or incident.historical:
            continue
        late = now - incident.resolved_at >= config.automatic.reopen_within_s * 1000
        before = incident.first_failure_at - signal.event_time > config.attach_window_s * 1000
        ahead = signal.event_time - now > config.attach_window_s * 1000
        if late or before or ahead:
            continue
        if best is None or incident.number > best.number:
            best = incident
    return best


def why_returned(incident: Incident, signal: ErrorSignalled, config: Incidents, now: int) -> str:
    """Why a failure opens its incident again, with the numbers."""
    since_s = (now - (incident.resolved_at or now)) // 1000
    return (
        f"same symptoms: {signal.error_type} on {signal.resource} {since_s} s after it was resolved,"
        f" within {config.automatic.reopen_within_s} s"
    )


def was_before(incidents: Iterable[Incident], now: int) -> str:
    """Which incident of the same problem was there before a new one, and how it ended; empty when there is none."""
    over = [i for i in incidents if i.state in OVER and not i.historical]
    if not over:
        return ""
    last = max(over, key=lambda i: i.number)
    ago = f" {(now - last.resolved_at) // 1000} s ago" if last.resolved_at is not None else ""
    return f"; INC-{last.number} of the same error ended{ago} and is {last.state}"


# --- what is due, and what is told -------------------------------------------------------------------------------


def _postmortem(command: Command, timer: TimerDue, view: View) -> Decision:
    incident: Incident | None = view.get(timer.part)
    key = timer.part.split("/", 1)[0]
    path = moves.path("postmortem", incident.state) if incident is not None else None
    if incident is None or not path:
        return Decision(reasons=("postmortem_not_due",))
    tenant = unescape(key)
    cases = open_cases(view, key, incident)
    if cases:
        again = SetTimer(timer.part, POSTMORTEM, command.now + HELD_AGAIN_MS)
        if incident.postmortem_held:
            return Decision((), (again,), ("postmortem_held",))
        reason = f"{said_cases(cases)} open on {incident.resource}: its postmortem waits until they are signed"
        held = AutomaticMoveHeld(
            tenant, incident.incident_id, incident.number, POSTMORTEM, reason, again.due, command.now
        )
        return Decision((Event(key, held),), (again,), ("postmortem_held",))
    since_s = (command.now - (incident.resolved_at or command.now)) // 1000
    why = f"{since_s} s after it was resolved"
    started = PostmortemStarted(tenant, incident.incident_id, incident.number, AUTOMATIC, True, why, None, command.now)
    moved = _moved(command.now, tenant, incident, "postmortem", AUTOMATIC, why)
    return Decision((moved, Event(key, started)), reasons=("postmortem_started",))


def _unanswered(command: Command, told: NoResponseObserved, view: View) -> Decision:
    config = cast(Incidents, view.config(told.tenant, "incidents"))
    if config.automatic.escalate != "exhausted":
        return Decision(reasons=("escalation_not_configured",))
    why = f"nobody answered: policy {told.policy or 'none'} is exhausted after {told.rounds} rounds"
    return _no_response(command, view.get(incident_part(key_of(told.tenant), told.incident_id)), told.tenant, why)


def _no_answer_yet(command: Command, timer: TimerDue, view: View) -> Decision:
    incident: Incident | None = view.get(timer.part)
    if incident is None or incident.acknowledged_by is not None:
        return Decision(reasons=("answered",))
    first = incident.first_page_at
    why = f"nobody answered within {(command.now - (first or command.now)) // 1000} s of the first page"
    return _no_response(command, incident, unescape(timer.part.split("/", 1)[0]), why)


def _no_response(command: Command, incident: Incident | None, tenant: str, why: str) -> Decision:
    if incident is None:
        return Decision(reasons=("incident_unknown",))
    if not moves.path("escalate", incident.state):
        return Decision(reasons=(f"no_response_while_{incident.state}",))
    return Decision(escalated(command.now, tenant, incident, AUTOMATIC, why), reasons=("escalated",))


def escalated(now: int, tenant: str, incident: Incident, subject: str, why: str) -> tuple[Event, ...]:
    """The events of an incident that nobody answers, or that a person wants others on."""
    said = IncidentEscalated(
        tenant=tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=subject,
        automatic=subject == AUTOMATIC,
        reason=why,
        resource=incident.resource,
        title=incident.title,
        severity=incident.severity,
        first_failure_at=incident.first_failure_at,
        failures=incident.failures,
        affected_count=incident.affected_count,
        historical=incident.historical,
        at=now,
    )
    return (_moved(now, tenant, incident, "escalated", subject, why), Event(key_of(tenant), said))


def after_page(paged: IncidentPaged, view: View, now: int) -> tuple[SetTimer, ...]:
    """The wait for an answer, from the page that reached somebody (KERNEL 11); none where it is not configured."""
    wait_s = cast(Incidents, view.config(paged.tenant, "incidents")).automatic.no_response_s
    part = incident_part(key_of(paged.tenant), paged.incident_id)
    return (SetTimer(part, NO_RESPONSE, max(paged.at + wait_s * 1000, now + 1)),) if wait_s else ()


# --- gates -------------------------------------------------------------------------------------------------------


def _case(command: Command, told: CaseObserved, view: View) -> Decision:
    """An open RML-3 case is a gate of the incidents on its resource in its time, those there are and those to come."""
    if told.world != "RML3":
        return Decision(reasons=("case_of_no_gate",))
    key = key_of(told.tenant)
    part = gates_part(key, clip(told.resource, RESOURCE_CHARACTERS))
    # An agent's clock may be ahead; history happened before it was told.
    gate = Gate(told.number, told.case_id, min(told.event_time, told.at))
    return Decision((Event(key, GateKept(part, gate)),), reasons=("gate_kept",))


def open_cases(view: View, key: str, incident: Incident) -> tuple[int, ...]:
    """The numbers of the open RML-3 cases on the incident's resource in its time; -n for n more that are not kept."""
    kept: Gates | None = view.get(gates_part(key, incident.resource))
    if kept is None:
        return ()
    begin = incident.first_failure_at - GATE_BEFORE_MS
    end = max(incident.resolved_at, incident.last_failure_at) if incident.resolved_at is not None else None
    found = tuple(g.number for g in kept.gates if begin <= g.event_time and (end is None or g.event_time <= end))
    if kept.more and begin <= kept.more_until and (end is None or kept.more_from <= end):
        found += (-kept.more,)
    return found


def said_cases(cases: tuple[int, ...]) -> str:
    """`CASE-1, CASE-2 are`, for people."""
    names = [f"CASE-{n}" if n > 0 else f"{-n} more" for n in cases]
    return f"{', '.join(names)} {'is' if len(names) == 1 and cases[0] >= -1 else 'are'}"


def _moved(now: int, tenant: str, incident: Incident, after: State, by: str, why: str) -> Event:
    moved = IncidentStateChanged(tenant, incident.incident_id, incident.number, incident.state, after, by, why, now)
    return Event(key_of(tenant), moved)


HANDLERS: Mapping[type, Handler] = {CaseObserved: _case, NoResponseObserved: _unanswered}
# By the timer's name.
TIMERS: Mapping[str, Handler] = {POSTMORTEM: _postmortem, NO_RESPONSE: _no_answer_yet}
