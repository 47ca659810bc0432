"""decide, for notices: those who were paged are told once how many failures there were meanwhile (seed 16.3).

A notice is no page: it moves no escalation, expects no outcome and keeps nothing; what is lost is told by the next one.
"""

from __future__ import annotations

from typing import cast

from processors.kernel.decider import Command, Decision, View
from processors.notifications.draft import Draft
from processors.notifications.rules import first_channel, link_to
from processors.notifications.state import Course, course_part
from schemas.ids import key_of
from schemas.messages.notifications import NoticeRequested, NotifyErrors

# The last who were paged; with more, it is a broadcast.
TOLD_MAX = 8


def errors(command: Command, more: NotifyErrors, view: View) -> Decision:
    """One notice to each person who was paged and has a channel, while nobody has acknowledged."""
    draft = Draft(command, view, key_of(more.tenant))
    course = cast("Course | None", view.get(course_part(draft.key, more.incident_id)))
    if course is None or course.status not in ("running", "exhausted"):
        return Decision(reasons=("nobody_to_tell",))
    link = link_to(more.number)
    for person in course.paged[-TOLD_MAX:]:
        channel = first_channel(draft.people(), person)
        if channel is None:
            draft.because("person_not_pageable")
            continue
        draft.because("notice")
        draft.say(
            NoticeRequested(
                tenant=more.tenant,
                notification_id=draft.new_page(),
                attempt=1,
                incident_id=more.incident_id,
                number=more.number,
                severity=course.severity,
                text=text(more.errors, more.resource, more.window_s),
                resource=more.resource,
                since=more.first_failure_at,
                errors=more.errors,
                window_s=more.window_s,
                failures=more.failures,
                affected_count=more.affected_count,
                person=person,
                channel=channel,
                link=link,
                mute=f"/v1{link}/mute",
                at=draft.now,
            )
        )
    return draft.done() if draft.reasons else Decision(reasons=("nobody_to_tell",))


def text(errors: int, resource: str, window_s: int) -> str:
    """`⚠ 103 errors in payments-service (last 1 min)`; minutes are rounded, below half of one it is seconds."""
    minutes = (window_s + 30) // 60
    last = f"{minutes} min" if minutes else f"{window_s} s"
    return f"⚠ {errors:,} error{'' if errors == 1 else 's'} in {resource} (last {last})"
