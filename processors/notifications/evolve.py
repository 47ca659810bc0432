"""evolve: what each event changes in the state. Total, without rules; an event that changes nothing gives nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processors.kernel.decider import View
from processors.notifications.events import (
    CourseClosed,
    CourseForgotten,
    CoursePlanned,
    CoursesJoined,
    ImpactNoted,
    ResponderNoted,
    StepEntered,
    StepWaits,
    WaitEnded,
)
from processors.notifications.rules import PAGED_MAX
from processors.notifications.state import Course, Page, course_part, page_part, pages_prefix
from schemas.ids import key_of
from schemas.messages.notifications import (
    EscalationExhausted,
    EscalationStopped,
    PageDelivered,
    PageFailed,
    PageRequested,
)

Parts = Mapping[str, Any | None]


def evolve(view: View, event: Any) -> Parts:
    """The parts that `event` writes, or deletes (None)."""
    match event:
        case PageRequested():
            return _requested(view, event)
        case PageDelivered():
            return _page(view, event, "delivered")
        case PageFailed():
            return _failed(view, event)
        case CoursePlanned():
            return _planned(view, event)
        case StepEntered():
            return _entered(view, event)
        case CoursesJoined():
            return _course(view, event, severity=event.severity, told=event.told)
        case StepWaits():
            return _course(view, event, waiting=True)
        case WaitEnded():
            return _course(view, event, waiting=False)
        case ImpactNoted():
            return _course(
                view, event, severity=event.severity, failures=event.failures, affected_count=event.affected_count
            )
        case EscalationStopped():
            return _stopped(view, event)
        case EscalationExhausted():
            part = course_part(key_of(event.tenant), event.incident_id)
            course = view.get(part)
            return {} if course is None else {part: replace(course, status="exhausted", page=None, waiting=False)}
        case ResponderNoted():
            return _course(view, event, responder=event.by)
        case CourseClosed():
            return _course(view, event, status="resolved")
        case CourseForgotten():
            part = course_part(event.key, event.incident_id)
            return {part: None, **{name: None for name, _ in view.scan(pages_prefix(event.key, event.incident_id))}}
        case _:
            return {}


def _course(view: View, event: Any, **changes: Any) -> Parts:
    part = course_part(event.key, event.incident_id)
    course = view.get(part)
    return {} if course is None else {part: replace(course, **changes)}


def _entered(view: View, event: StepEntered) -> Parts:
    course = view.get(course_part(event.key, event.incident_id))
    told = tuple(t for t in course.told if t != event.told) if course is not None else ()
    at = {"step": event.step, "round": event.round, "page": event.page, "waiting": event.waiting}
    return _course(view, event, **at, told=told)


def _planned(view: View, event: CoursePlanned) -> Parts:
    part = course_part(event.key, event.incident_id)
    before: Course | None = view.get(part)
    return {
        part: Course(
            incident_id=event.incident_id,
            number=event.number,
            status="acknowledged" if event.responder else "running",
            severity=event.severity,
            title=event.title,
            resource=event.resource,
            since=event.since,
            failures=event.failures,
            affected_count=event.affected_count,
            why=event.why,
            policy=event.policy,
            steps=event.steps,
            rounds=event.rounds,
            responder=event.responder or (before.responder if before else ""),
            paged=before.paged if before else (),
            told=event.told or (before.told if before else ()),
        )
    }


def _requested(view: View, event: PageRequested) -> Parts:
    key = key_of(event.tenant)
    out: dict[str, Any | None] = {
        page_part(key, event.incident_id, event.notification_id): Page(
            notification_id=event.notification_id,
            incident_id=event.incident_id,
            person=event.person,
            channel=event.channel,
            why=event.why,
            severity=event.severity,
            step=event.step,
            round=event.round,
            attempt=event.attempt,
            status="open",
        )
    }
    part = course_part(key, event.incident_id)
    course: Course | None = view.get(part)
    if course is not None and event.person not in course.paged:
        out[part] = replace(course, paged=(*course.paged, event.person)[:PAGED_MAX])
    return out


def _failed(view: View, event: PageFailed) -> Parts:
    if event.next != "ask_again":
        return _page(view, event, "given_up")
    # Without an outcome the next attempt is asked for in the same decision; after a failure there is a pause first.
    return {} if event.outcome == "no_outcome" else _page(view, event, "pausing")


def _page(view: View, event: PageDelivered | PageFailed, status: str) -> Parts:
    part = page_part(key_of(event.tenant), event.incident_id, event.notification_id)
    page = view.get(part)
    return {} if page is None else {part: replace(page, status=status)}


def _stopped(view: View, event: EscalationStopped) -> Parts:
    key = key_of(event.tenant)
    part = course_part(key, event.incident_id)
    course: Course | None = view.get(part)
    if course is None:
        return {}
    responder = event.by if event.reason == "acknowledged" else course.responder
    out: dict[str, Any | None] = {
        part: replace(course, status=event.reason, page=None, waiting=False, responder=responder)
    }
    for name, page in view.scan(pages_prefix(key, event.incident_id)):
        if page.status == "open":
            out[name] = replace(page, status="stopped")
        elif page.status == "pausing":  # its last attempt has its outcome already: told again it is a repetition
            out[name] = replace(page, status="given_up")
    return out
