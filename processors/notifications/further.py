"""decide, for a person on an incident who wants others, or gave it to somebody else."""

from __future__ import annotations

from typing import cast

from processors.kernel.decider import Command, Decision, View
from processors.notifications.draft import Draft
from processors.notifications.events import CoursePlanned, ResponderNoted
from processors.notifications.evolve import evolve
from processors.notifications.rules import choose_policy, planned_steps
from processors.notifications.state import Course, course_part
from schemas.configuration import Ownership
from schemas.ids import key_of
from schemas.messages.notifications import EscalateFurther, EscalationStarted, NoteResponder


def escalated(command: Command, wish: EscalateFurther, view: View) -> Decision:
    """A running policy goes on to its next step at once; one that stopped begins anew, without who escalates."""
    draft = Draft(command, view, key_of(wish.tenant))
    course: Course | None = view.get(course_part(draft.key, wish.incident_id))
    if course is not None and course.status == "resolved":
        return Decision(reasons=("incident_over",))
    if course is not None and course.status == "running":
        draft.because("escalated_further")
        draft.enter(course, course.step + 1, course.round)
        return draft.done()
    ownership = cast(Ownership, view.config(wish.tenant, "ownership"))
    chosen = choose_policy(wish.resource, ownership, draft.escalation())
    steps = planned_steps(chosen.policy) if chosen.policy else ()
    planned = CoursePlanned(
        key=draft.key,
        incident_id=wish.incident_id,
        number=wish.number,
        why="opened",
        severity=wish.severity,
        title=wish.title,
        resource=wish.resource,
        since=wish.first_failure_at,
        failures=wish.failures,
        affected_count=wish.affected_count,
        policy=chosen.policy.id if chosen.policy else "",
        # Who asks for others need not be told; where they are the only one, the fallback contact is.
        steps=tuple(step for step in steps if step.person != wish.by),
        rounds=chosen.policy.rounds if chosen.policy else 0,
    )
    draft.say(planned)
    again = cast(Course, evolve(view, planned)[course_part(draft.key, wish.incident_id)])
    if chosen.policy is None:
        draft.because("no_policy")
    else:
        draft.because("escalation_started")
        reason = f"{wish.by} escalated; {chosen.reason}"
        started = EscalationStarted(
            wish.tenant, wish.incident_id, wish.number, "opened", again.policy, reason, draft.now
        )
        draft.say(started)
    draft.enter(again, 0, 1)
    return draft.done()


def responder(command: Command, told: NoteResponder, view: View) -> Decision:
    """Somebody has it by a hand-off: nothing is stopped by it, but a raised severity pages them first."""
    draft = Draft(command, view, key_of(told.tenant))
    course: Course | None = view.get(course_part(draft.key, told.incident_id))
    if course is None:
        return Decision(reasons=("no_escalation",))
    if course.status == "resolved" or course.responder == told.by:
        return Decision(reasons=("responder_known",))
    draft.say(ResponderNoted(draft.key, told.incident_id, told.by))
    draft.because("responder_changed")
    return draft.done()
