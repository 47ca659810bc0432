"""decide, for what becomes of a page: its echo, its outcome, no outcome, another attempt, another channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from processors.kernel.decider import Command, Decision, SetTimer, View
from processors.notifications.draft import Draft
from processors.notifications.events import StepEntered
from processors.notifications.rules import backoff_ms, next_channel
from processors.notifications.state import Course, Page, course_part, page_part
from schemas.ids import Id, key_of
from schemas.messages.notifications import PageDelivered, PageFailed, PageHanded, ReportOutcome

Failure = Literal["failed", "unknown", "no_outcome"]
Next = Literal["ask_again", "next_channel", "next_step", "given_up"]


def handed(command: Command, echo: PageHanded, view: View) -> Decision:
    """The request is on the log behind us, so it can leave: waits for the outside world start now (KERNEL 11)."""
    draft = Draft(command, view, key_of(echo.tenant))
    found = _find(draft, echo.incident_id, echo.notification_id)
    if found is None:
        return Decision(reasons=("echo_of_unknown_page",))
    course, page = found
    if page.status != "open" or page.attempt != echo.attempt:
        return Decision(reasons=("echo_late",))
    due = command.now + draft.escalation().outcome_wait_s * 1000
    draft.timers.append(SetTimer(page_part(draft.key, page.incident_id, page.notification_id), "outcome", due))
    if _depends_on(course, page) and not course.waiting:
        draft.start_wait(course)
    draft.because("handed")
    return draft.done()


def outcome(command: Command, report: ReportOutcome, view: View) -> Decision:
    """What became of an attempt. Unknown, repeated and late reports change nothing; `delivered` is never too late."""
    draft = Draft(command, view, key_of(report.tenant))
    found = _find(draft, report.incident_id, report.notification_id)
    if found is None:
        return Decision(reasons=("outcome_of_unknown_page",))
    course, page = found
    if not 1 <= report.attempt <= page.attempt:
        return Decision(reasons=("outcome_of_unknown_attempt",))
    if page.status == "delivered":
        return Decision(reasons=("outcome_repeated",))
    # All attempts are one notification: that one of them arrived is proof of page, whenever it is told.
    if report.outcome == "delivered":
        return _delivered(draft, course, page, report)
    if report.attempt < page.attempt:
        return Decision(reasons=("outcome_late",))
    if page.status in ("pausing", "given_up"):
        return Decision(reasons=("outcome_repeated",))
    return failed(draft, course, page, report.outcome, report.detail)


def failed(draft: Draft, course: Course, page: Page, how: Failure, detail: str) -> Decision:
    """An attempt did not arrive: the same page again, then the person's next channel, then the next step."""
    draft.because(how)
    if page.status == "stopped":
        _fail(draft, page, how, detail, "given_up")
        return draft.done()
    draft.cancel_page(page)
    if page.attempt < draft.escalation().outcome_tries:
        _fail(draft, page, how, detail, "ask_again")
        if how == "no_outcome":
            draft.request(course, replace(page, attempt=page.attempt + 1))
        else:
            part = page_part(draft.key, page.incident_id, page.notification_id)
            draft.timers.append(SetTimer(part, "again", draft.now + backoff_ms(page.attempt)))
        return draft.done()
    channel = next_channel(draft.people(), page.person, page.channel)
    if channel is not None:
        _fail(draft, page, how, detail, "next_channel")
        further = draft.page(course, page.person, channel, page.why, page.step, page.round)
        if _depends_on(course, page):
            draft.say(StepEntered(draft.key, course.incident_id, course.step, course.round, further, course.waiting))
    elif _depends_on(course, page):
        _fail(draft, page, how, detail, "next_step")
        draft.enter(course, course.step + 1, course.round, ended=page.notification_id)
    else:
        _fail(draft, page, how, detail, "given_up")
    return draft.done()


def timer(draft: Draft, page: Page, name: str) -> Decision:
    """`outcome`: nothing was heard of an attempt. `again`: the pause after a failed one is over."""
    course: Course | None = draft.view.get(course_part(draft.key, page.incident_id))
    if course is None:
        return Decision(reasons=("timer_without_escalation",))
    if name == "outcome" and page.status == "open":
        escalation = draft.escalation()
        detail = (
            f"no outcome of attempt {page.attempt} of {escalation.outcome_tries} within {escalation.outcome_wait_s} s"
        )
        return failed(draft, course, page, "no_outcome", detail)
    if name == "again" and page.status == "pausing":
        draft.request(course, replace(page, attempt=page.attempt + 1))
        draft.because("asked_again")
        return draft.done()
    return Decision(reasons=("timer_late",))


def _delivered(draft: Draft, course: Course, page: Page, report: ReportOutcome) -> Decision:
    draft.because("delivered")
    draft.say(
        PageDelivered(
            tenant=report.tenant,
            incident_id=page.incident_id,
            notification_id=page.notification_id,
            attempt=report.attempt,
            person=page.person,
            channel=page.channel,
            detail=report.detail,
            at=draft.now,
        )
    )
    draft.cancel_page(page)
    if course.status != "running":
        return draft.done()
    if _depends_on(course, page):
        # Anew, although the echo started it: nobody can answer a page that has not reached them. An outage of the
        # hands or the broker between the two would otherwise wake the next person while this one reads.
        draft.start_wait(course)
    # The severity rose while this page was in flight: it said the old one, so the person is told now.
    if page.status in ("open", "pausing") and page.severity != course.severity:
        draft.raise_to(course, page.person)
    return draft.done()


def _fail(draft: Draft, page: Page, how: Failure, detail: str, following: Next) -> None:
    draft.because(following)
    draft.say(
        PageFailed(
            tenant=draft.tenant,
            incident_id=page.incident_id,
            notification_id=page.notification_id,
            attempt=page.attempt,
            person=page.person,
            channel=page.channel,
            outcome=how,
            detail=detail,
            next=following,
            at=draft.now,
        )
    )


def _depends_on(course: Course, page: Page) -> bool:
    return course.status == "running" and course.page == page.notification_id


def _find(draft: Draft, incident_id: Id, notification_id: Id) -> tuple[Course, Page] | None:
    course = draft.view.get(course_part(draft.key, incident_id))
    page = draft.view.get(page_part(draft.key, incident_id, notification_id))
    return None if course is None or page is None else (course, page)
