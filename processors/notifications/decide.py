"""decide: when an escalation begins, grows, stops and moves on; what becomes of its pages is decided in pages.py."""

from __future__ import annotations

from typing import cast

from processors.kernel.decider import CancelTimer, Command, Decision, SetTimer, TimerDue, View
from processors.notifications import further, notices, pages, regrouping
from processors.notifications.draft import Draft
from processors.notifications.events import (
    CourseClosed,
    CourseForgotten,
    CoursePlanned,
    ImpactNoted,
    ResponderNoted,
    WaitEnded,
)
from processors.notifications.evolve import evolve
from processors.notifications.rules import (
    KEEP_MS,
    choose_policy,
    first_channel,
    planned_steps,
    responder_first,
    security_policy,
)
from processors.notifications.state import Course, Page, course_part
from schemas.configuration import Ownership
from schemas.ids import Id, key_of
from schemas.messages.notifications import (
    EscalateFurther,
    EscalationStarted,
    EscalationStopped,
    ImpactObserved,
    JoinEscalations,
    NoteResponder,
    NotifyErrors,
    NotifyIncident,
    PageHanded,
    ReportOutcome,
    StopEscalation,
    TakeNextStep,
)


def decide(command: Command, view: View) -> Decision:
    """What follows from one message or timer."""
    match command.message:
        case NotifyIncident() as notify:
            return _notify(command, notify, view)
        case JoinEscalations() as join:
            return regrouping.joined(command, join, view)
        case ImpactObserved() as impact:
            return _impact(command, impact, view)
        case NotifyErrors() as more:
            return notices.errors(command, more, view)
        case StopEscalation() as stop:
            return _stop(command, stop, view)
        case EscalateFurther() as wish:
            return further.escalated(command, wish, view)
        case NoteResponder() as told:
            return further.responder(command, told, view)
        case PageHanded() as echo:
            return pages.handed(command, echo, view)
        case TakeNextStep() as word:
            return _next_step(command, word, view)
        case ReportOutcome() as report:
            return pages.outcome(command, report, view)
        case TimerDue() as timer:
            return _timer(command, timer, view)
        case _:
            return Decision(reasons=("not_for_notifications",))


def _course(view: View, key: str, incident_id: Id) -> Course | None:
    return cast("Course | None", view.get(course_part(key, incident_id)))


def _notify(command: Command, notify: NotifyIncident, view: View) -> Decision:
    if notify.in_maintenance is not None:
        return Decision(reasons=("in_maintenance",))
    draft = Draft(command, view, key_of(notify.tenant))
    course = _course(view, draft.key, notify.incident_id)
    if notify.responder and (course is None or course.status == "resolved"):
        return regrouping.held(draft, notify, course)
    if course is None:
        return _start(draft, notify, None)
    if notify.why == "opened" and course.status == "resolved":
        # Opened again: from the first step, as if it were new.
        draft.timers.append(CancelTimer(course_part(draft.key, notify.incident_id), "forget"))
        return _start(draft, notify, None)
    if notify.why != "severity_raised":
        return Decision(reasons=("already_escalating",))
    if course.status == "resolved":
        return Decision(reasons=("incident_over",))
    if course.status != "running":
        return _start(draft, notify, course)
    noted = ImpactNoted(draft.key, notify.incident_id, notify.severity, notify.failures, notify.affected_count)
    draft.say(noted)
    grown = cast(Course, evolve(view, noted)[course_part(draft.key, notify.incident_id)])
    # A raise never moves a running escalation: going back to its first step would delay the next person.
    person = course.steps[course.step].person
    if person in course.told and course.severity == notify.severity:
        draft.because("severity_told_with_another")
    elif person in {p.person for p in draft.in_flight(course.incident_id)}:
        draft.because("severity_raise_follows_page_in_flight")
    else:
        draft.raise_to(grown, person)
    return draft.done()


def _start(draft: Draft, notify: NotifyIncident, before: Course | None) -> Decision:
    """Begin at step 1. After an acknowledgement the responder is the first step: a raise must reach who is on it."""
    ownership = cast(Ownership, draft.view.config(draft.tenant, "ownership"))
    if notify.security_owner:
        chosen = security_policy(notify.security_owner, draft.escalation())
    else:
        chosen = choose_policy(notify.resource, ownership, draft.escalation())
    steps = planned_steps(chosen.policy) if chosen.policy else ()
    reason = chosen.reason
    responder = before.responder if before else ""
    if steps and responder and first_channel(draft.people(), responder) is not None:
        steps = responder_first(steps, responder)
        reason = f"severity is {notify.severity} now and {responder} acknowledged: {responder} first; {reason}"
    planned = CoursePlanned(
        key=draft.key,
        incident_id=notify.incident_id,
        number=notify.number,
        why=notify.why,
        severity=notify.severity,
        title=notify.title,
        resource=notify.resource,
        since=notify.first_failure_at,
        failures=notify.failures,
        affected_count=notify.affected_count,
        policy=chosen.policy.id if chosen.policy else "",
        steps=steps,
        rounds=chosen.policy.rounds if chosen.policy else 0,
        told=regrouping.told_with(draft, notify),
    )
    draft.say(planned)
    course = cast(Course, evolve(draft.view, planned)[course_part(draft.key, notify.incident_id)])
    if chosen.policy is None:
        draft.because("no_policy")
    else:
        draft.because("escalation_started")
        draft.say(
            EscalationStarted(
                tenant=notify.tenant,
                incident_id=notify.incident_id,
                number=notify.number,
                why=notify.why,
                policy=course.policy,
                policy_reason=reason,
                at=draft.now,
            )
        )
    draft.enter(course, 0, 1)
    return draft.done()


def _impact(command: Command, impact: ImpactObserved, view: View) -> Decision:
    key = key_of(impact.tenant)
    course = _course(view, key, impact.incident_id)
    if course is None:
        return Decision(reasons=("no_escalation",))
    if impact.failures <= course.failures:
        return Decision(reasons=("impact_not_newer",))
    draft = Draft(command, view, key)
    draft.say(ImpactNoted(key, impact.incident_id, course.severity, impact.failures, impact.affected_count))
    draft.because("impact_noted")
    return draft.done()


def _stop(command: Command, stop: StopEscalation, view: View) -> Decision:
    draft = Draft(command, view, key_of(stop.tenant))
    course = _course(view, draft.key, stop.incident_id)
    if course is None:
        return Decision(reasons=("no_escalation",))
    if course.status == "resolved":
        return Decision(reasons=("already_stopped",))
    if course.status == "acknowledged":
        return _stop_acknowledged(draft, course, stop)
    draft.say(
        EscalationStopped(
            tenant=stop.tenant,
            incident_id=stop.incident_id,
            number=course.number,
            by=stop.by,
            reason=stop.reason,
            at=command.now,
        )
    )
    draft.cancel_step(course)
    for page in draft.in_flight(course.incident_id):
        draft.cancel_page(page)
    if stop.reason == "resolved":
        _forget_later(draft, course)
    draft.because(f"stopped_{stop.reason}")
    return draft.done()


def _stop_acknowledged(draft: Draft, course: Course, stop: StopEscalation) -> Decision:
    if stop.reason == "resolved":
        draft.say(CourseClosed(draft.key, course.incident_id))
        _forget_later(draft, course)
        draft.because("closed")
    elif stop.by != course.responder:
        draft.say(ResponderNoted(draft.key, course.incident_id, stop.by))
        draft.because("responder_changed")
    else:
        draft.because("already_stopped")
    return draft.done()


def _forget_later(draft: Draft, course: Course) -> None:
    draft.timers.append(SetTimer(course_part(draft.key, course.incident_id), "forget", draft.now + KEEP_MS))


def _next_step(command: Command, word: TakeNextStep, view: View) -> Decision:
    draft = Draft(command, view, key_of(word.tenant))
    course = _course(view, draft.key, word.incident_id)
    if course is None:
        return Decision(reasons=("no_escalation",))
    if course.status != "running" or course.waiting or (course.step, course.round) != (word.step, word.round):
        return Decision(reasons=("next_step_not_needed",))
    draft.because("next_step")
    draft.enter(course, course.step + 1, course.round)
    return draft.done()


def _timer(command: Command, timer: TimerDue, view: View) -> Decision:
    draft = Draft(command, view, timer.part.split("/", 1)[0])
    thing: Course | Page | None = view.get(timer.part)
    if isinstance(thing, Page):
        return pages.timer(draft, thing, timer.name)
    if thing is None:
        return Decision(reasons=("timer_late",))
    if timer.name == "forget":
        draft.say(CourseForgotten(draft.key, thing.incident_id))
        draft.because("forgotten")
    elif thing.status == "running" and thing.waiting:
        # Not yet the next person: an acknowledgement may stand on the log behind the record that fired this timer, most
        # of all after an outage, when the first record read is later than all that fell due meanwhile.
        draft.because("step_timed_out")
        draft.say(WaitEnded(draft.tenant, draft.key, thing.incident_id, thing.step, thing.round))
    else:
        draft.because("timer_late")
    return draft.done()
