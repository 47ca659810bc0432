"""A decision in the making: who is asked next. Used by decide.py and pages.py; nothing here outlives one decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, View
from processors.notifications.events import StepEntered, StepWaits
from processors.notifications.rules import first_channel, link_to
from processors.notifications.state import Course, Page, course_part, page_part, pages_prefix
from schemas.configuration import Escalation, People
from schemas.ids import Id, child_id, unescape
from schemas.messages.notifications import Channel, EscalationExhausted, PageRequested, Why


@dataclass(slots=True)
class Draft:
    """Events, timers and reasons so far. `key` is the tenant's Kafka key."""

    command: Command
    view: View
    key: str
    events: list[Event] = field(default_factory=list)
    timers: list[SetTimer | CancelTimer] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    pages_named: int = 0

    @property
    def tenant(self) -> str:
        """The tenant, as it was before it became a key."""
        return unescape(self.key)

    @property
    def now(self) -> int:
        """Log time of this decision (ms)."""
        return self.command.now

    def people(self) -> People:
        """The tenant's people, as announced."""
        return cast(People, self.view.config(self.tenant, "people"))

    def escalation(self) -> Escalation:
        """The tenant's policies, as announced."""
        return cast(Escalation, self.view.config(self.tenant, "escalation"))

    def say(self, message: Any) -> None:
        """One more event."""
        self.events.append(Event(self.key, message))

    def because(self, reason: str) -> None:
        """One more reason, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def done(self) -> Decision:
        """The decision."""
        return Decision(tuple(self.events), tuple(self.timers), tuple(self.reasons))

    def in_flight(self, incident_id: Id) -> list[Page]:
        """The incident's pages that still expect an outcome, in byte order of their ids."""
        scanned = self.view.scan(pages_prefix(self.key, incident_id))
        return [page for _, page in scanned if page.status in ("open", "pausing")]

    def new_page(self) -> Id:
        """The id of a page that this decision asks for: one channel of one person, over all attempts."""
        self.pages_named += 1
        return child_id(self.command.id, "notifications.Page", self.key, self.pages_named - 1)

    def cancel_page(self, page: Page) -> None:
        """No timer of this page fires any more."""
        part = page_part(self.key, page.incident_id, page.notification_id)
        self.timers += [CancelTimer(part, "outcome"), CancelTimer(part, "again")]

    def cancel_step(self, course: Course) -> None:
        """The wait of the current step ends."""
        self.timers.append(CancelTimer(course_part(self.key, course.incident_id), "step"))

    def start_wait(self, course: Course) -> None:
        """The current step's wait for an acknowledgement begins now."""
        wait_ms = course.steps[course.step].wait_s * 1000
        self.say(StepWaits(self.key, course.incident_id))
        self.timers.append(SetTimer(course_part(self.key, course.incident_id), "step", self.now + wait_ms))

    def request(self, course: Course, page: Page) -> None:
        """Ask for this page's attempt; it says what is known of the incident now."""
        self.say(
            PageRequested(
                tenant=self.tenant,
                notification_id=page.notification_id,
                attempt=page.attempt,
                incident_id=course.incident_id,
                number=course.number,
                why=page.why,
                severity=course.severity,
                title=course.title,
                resource=course.resource,
                since=course.since,
                failures=course.failures,
                affected_count=course.affected_count,
                person=page.person,
                channel=page.channel,
                also_paged=tuple(p for p in course.paged if p != page.person),
                step=page.step,
                steps=len(course.steps),
                round=page.round,
                rounds=course.rounds,
                link=link_to(course.number),
                at=self.now,
            )
        )

    def page(self, course: Course, person: str, channel: Channel, why: Why, step: int, round: int) -> Id:
        """Ask for a new page (first attempt); `step` counts from 1 here, as people read it."""
        page_id = self.new_page()
        page = Page(
            page_id, course.incident_id, person, channel, why, course.severity, step, round, attempt=1, status="open"
        )
        self.request(course, page)
        return page_id

    def raise_to(self, course: Course, person: str) -> None:
        """Tell this person that the severity was raised, beside the step that runs."""
        channel = first_channel(self.people(), person)
        if channel is None:
            self.because("person_not_pageable")
            return
        self.page(course, person, channel, "severity_raised", course.step + 1, course.round)
        self.because("severity_raise_paged")

    def enter(self, course: Course, step: int, round: int, ended: Id | None = None) -> None:
        """Go to the first step from here on whose person can be paged; past the last round, exhaust.

        `ended` is a page that this decision ends. Who has a page in flight is not paged twice: the step then depends
        on that page, and its wait starts when that page has left or arrived, never here (a backlog would run through).
        """
        self.cancel_step(course)
        in_flight = {p.person: p.notification_id for p in self.in_flight(course.incident_id)}
        in_flight = {person: page for person, page in in_flight.items() if page != ended}
        for _ in range(len(course.steps) * course.rounds + 1):  # every step of every round, then the end
            if step >= len(course.steps):
                step, round = 0, round + 1
            if not course.steps or round > course.rounds:
                break
            person = course.steps[step].person
            channel = first_channel(self.people(), person)
            page = in_flight.get(person)
            if page is None and person in course.told:
                self.because("person_told_with_another")
                self.say(StepEntered(self.key, course.incident_id, step, round, None, True, person))
                wait_ms = course.steps[step].wait_s * 1000
                self.timers.append(SetTimer(course_part(self.key, course.incident_id), "step", self.now + wait_ms))
                return
            if page is None and channel is None:
                self.because("person_not_pageable")
                step += 1
                continue
            if page is not None:
                self.because("person_has_page_in_flight")
            elif channel is not None:
                self.because("step_paged")
                page = self.page(course, person, channel, course.why, step + 1, round)
            assert page is not None
            self.say(StepEntered(self.key, course.incident_id, step, round, page))
            return
        self._exhaust(course, in_flight)

    def _exhaust(self, course: Course, in_flight: dict[str, Id]) -> None:
        fallback = self.people().fallback_contact
        self.because("exhausted")
        self.say(
            EscalationExhausted(
                tenant=self.tenant,
                incident_id=course.incident_id,
                number=course.number,
                policy=course.policy,
                rounds=course.rounds,
                fallback=fallback,
                at=self.now,
            )
        )
        channel = first_channel(self.people(), fallback)
        if channel is None:
            self.because("fallback_not_pageable" if fallback else "no_fallback")
        elif fallback in in_flight:
            self.because("person_has_page_in_flight")
        else:
            self.page(course, fallback, channel, "escalation_exhausted", len(course.steps), course.rounds)
