"""decide, for incidents that were split or merged: one escalation for one incident, nobody is paged twice for it."""

from __future__ import annotations

from typing import cast

from processors.kernel.decider import CancelTimer, Command, Decision, View
from processors.notifications.draft import Draft
from processors.notifications.events import CoursePlanned, CoursesJoined
from processors.notifications.evolve import evolve
from processors.notifications.rules import PAGED_MAX
from processors.notifications.state import Course, course_part
from schemas.ids import Id, key_of
from schemas.messages.notifications import EscalationStopped, JoinEscalations, NotifyIncident

MORE_SEVERE = min  # SEV1 < SEV2


def joined(command: Command, join: JoinEscalations, view: View) -> Decision:
    """The merged one's escalation is stopped by its own move; what it told and who has it come here first."""
    draft = Draft(command, view, key_of(join.tenant))
    course = _course(draft, join.incident_id)
    other = _course(draft, join.other_id)
    if course is None or other is None:
        return Decision(reasons=("no_escalation",))
    told = tuple(dict.fromkeys((*course.told, *other.paged, *other.told)))[:PAGED_MAX]
    severity = MORE_SEVERE(course.severity, other.severity)
    draft.say(CoursesJoined(draft.key, join.incident_id, severity, told))
    draft.because("escalations_joined")
    if course.status in ("running", "exhausted") and other.status == "acknowledged":
        _taken(draft, course, other.responder)
    elif course.status == "exhausted" and other.status == "running":
        _again(draft, course, other, told)
    return draft.done()


def _taken(draft: Draft, course: Course, by: str) -> None:
    """Who has the merged one has this one."""
    stopped = EscalationStopped(
        tenant=draft.tenant,
        incident_id=course.incident_id,
        number=course.number,
        by=by,
        reason="acknowledged",
        at=draft.now,
    )
    draft.say(stopped)
    draft.cancel_step(course)
    for page in draft.in_flight(course.incident_id):
        draft.cancel_page(page)
    draft.because("stopped_acknowledged")


def _again(draft: Draft, course: Course, other: Course, told: tuple[str, ...]) -> None:
    """Nobody answered this one, and the merged one was still being escalated: it goes on by that one's steps."""
    planned = CoursePlanned(
        key=draft.key,
        incident_id=course.incident_id,
        number=course.number,
        why=course.why,
        severity=MORE_SEVERE(course.severity, other.severity),
        title=course.title,
        resource=course.resource,
        since=course.since,
        failures=course.failures,
        affected_count=course.affected_count,
        policy=other.policy,
        steps=other.steps,
        rounds=other.rounds,
        told=told,
    )
    draft.say(planned)
    grown = cast(Course, evolve(draft.view, planned)[course_part(draft.key, course.incident_id)])
    draft.enter(grown, other.step, other.round)


def held(draft: Draft, notify: NotifyIncident, before: Course | None) -> Decision:
    """Somebody has it from the beginning: nobody is paged, and a raised severity reaches who has it first."""
    if before is not None:
        draft.timers.append(CancelTimer(course_part(draft.key, notify.incident_id), "forget"))
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
        policy="",
        steps=(),
        rounds=0,
        responder=notify.responder,
    )
    draft.say(planned)
    draft.because("held_from_the_beginning")
    return draft.done()


def told_with(draft: Draft, notify: NotifyIncident) -> tuple[str, ...]:
    """Whom the pages of the incident that it was split from told of it."""
    course = _course(draft, notify.told_with) if notify.told_with is not None else None
    return course.paged if course is not None else ()


def _course(draft: Draft, incident_id: Id) -> Course | None:
    return cast("Course | None", draft.view.get(course_part(draft.key, incident_id)))
