"""Random failures, people, outcomes and times, through incidents and notifications together, with checkers over all
that they said. What goes between the two arrives when the test says (`echo`), as on a real log.
"""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.incidents import DECIDER as INCIDENTS
from processors.incidents.moves import STEPS
from processors.kernel.engine import Engine
from processors.notifications import DECIDER as NOTIFICATIONS
from schemas.incident_rules import OPEN, SEVERITIES
from schemas.messages.incidents import (
    AlertAttached,
    AlertResolved,
    FalseAlarmMarked,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentStateChanged,
    ReportAttached,
    SeverityChanged,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import (
    EscalationExhausted,
    EscalationStarted,
    EscalationStopped,
    PageDelivered,
    PageFailed,
    PageRequested,
    ReportOutcome,
)
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_steps import INPUTS, STEP, play, said, to_the_end
from tests.support.incident_words import MINUTE, acknowledge, resolve, signal
from tests.support.page_words import OWNERSHIP, PEOPLE, notify, pages

# --- checkers --------------------------------------------------------------------------------------------------------


def check_incidents(desk: Desk, window_ms: int = 15 * MINUTE) -> None:
    """One incident per problem and window; totals are exact; only people let severity fall; numbers count up.

    Whoever reopens an incident may find another of its problem open by then: those two are let stand.
    """
    ranges: dict[bytes, list[int]] = {}
    problem: dict[bytes, tuple[str, str, bool]] = {}
    severity: dict[bytes, str] = {}
    actions: dict[bytes, set[bytes]] = defaultdict(set)
    affected: dict[bytes, set[str]] = defaultdict(set)
    ended: dict[bytes, list[int]] = {}
    back: set[bytes] = set()
    for event in desk.history:
        match event:
            case IncidentOpened():
                same = (event.resource, event.fingerprint, event.historical)
                for other, (first, last) in ranges.items():
                    near = first - window_ms <= event.event_time <= last + window_ms
                    assert problem[other] != same or not near or other in back, (
                        "a second open incident of one problem in the window"
                    )
                assert event.number == len(problem) + 1
                problem[event.incident_id] = same
                ranges[event.incident_id] = [event.event_time, event.event_time]
                severity[event.incident_id] = event.severity
            case SignalAttached():
                first, last = ranges[event.incident_id]  # KeyError: attached to a resolved one
                assert first - window_ms <= event.event_time <= last + window_ms
                ranges[event.incident_id] = [min(first, event.event_time), max(last, event.event_time)]
                assert problem[event.incident_id][2] == event.historical
            case ReportAttached() | AlertAttached():
                first, last = ranges[event.incident_id]
                ranges[event.incident_id] = [first, max(last, event.at)]
            case SeverityRaised():
                assert severity[event.incident_id] == event.before
                assert SEVERITIES.index(event.after) < SEVERITIES.index(event.before)
                severity[event.incident_id] = event.after
            case SeverityChanged():
                assert severity[event.incident_id] == event.before != event.after
                severity[event.incident_id] = event.after
            case IncidentReopened():
                first, last = ended.pop(event.incident_id)
                ranges[event.incident_id] = [first, max(last, event.at)]
                back.add(event.incident_id)
            case IncidentResolved() | FalseAlarmMarked():
                ended[event.incident_id] = ranges.pop(event.incident_id)
                assert event.failures == len(actions[event.incident_id])
                assert event.affected_count == len(affected[event.incident_id])
        if isinstance(event, SignalAttached) or (isinstance(event, IncidentOpened) and event.trigger == "error"):
            assert event.action_id not in actions[event.incident_id]
            actions[event.incident_id].add(event.action_id)
            if event.affected is not None:
                affected[event.incident_id].add(event.affected)
        if isinstance(event, SignalAttached):
            assert event.failures == len(actions[event.incident_id])
            assert event.affected_count == len(affected[event.incident_id])


def check_moves(desk: Desk) -> None:
    """A change of state begins where the one before ended; what is over moves by reopening only; alerts end once."""
    states: dict[bytes, str] = {}
    firing: dict[bytes, set[bytes]] = defaultdict(set)
    for event in desk.history:
        match event:
            case IncidentOpened():
                states[event.incident_id] = "detected"
            case IncidentStateChanged():
                assert states[event.incident_id] == event.before != event.after
                assert (event.before, event.after) in {(step.before, step.after) for step in STEPS}
                states[event.incident_id] = event.after
            case IncidentResolved():
                assert states[event.incident_id] == "resolved"
            case IncidentClosed():
                assert states[event.incident_id] == "closed"
            case ReportAttached():
                assert states[event.incident_id] in OPEN
            case AlertAttached():
                assert event.alert_id not in firing[event.incident_id]
                firing[event.incident_id].add(event.alert_id)
            case AlertResolved():
                firing[event.incident_id].remove(event.alert_id)
                assert event.still_firing == len(firing[event.incident_id])


def check_pages(desk: Desk) -> None:
    """No page after an acknowledgement unless severity was raised; one in flight per person; attempts in order."""
    historical = {e.incident_id for e in said(desk, IncidentOpened) if e.historical}
    stopped: dict[bytes, str] = {}
    in_flight: dict[tuple[bytes, str], bytes] = {}
    attempts: dict[bytes, PageRequested] = {}
    outcomes: set[tuple[bytes, str, int]] = set()
    back: set[bytes] = set()
    for event in desk.history:
        match event:
            case IncidentReopened():
                back.add(event.incident_id)
            case EscalationStarted():
                assert event.incident_id not in historical
                assert stopped.pop(event.incident_id, "") != "resolved" or event.incident_id in back
            case PageRequested():
                assert event.incident_id not in stopped, "paged although somebody is on it"
                key = (event.incident_id, event.person)
                assert in_flight.setdefault(key, event.notification_id) == event.notification_id, "paged twice"
                before = attempts.get(event.notification_id)
                assert event.attempt == (before.attempt + 1 if before else 1)
                assert before is None or (before.person, before.channel) == (event.person, event.channel)
                assert event.person not in event.also_paged
                attempts[event.notification_id] = event
            case PageDelivered() | PageFailed():
                told = (event.notification_id, type(event).__name__, event.attempt)
                assert told not in outcomes, "one outcome told twice"
                outcomes.add(told)
                over = isinstance(event, PageDelivered) or event.next != "ask_again"
                if over and in_flight.get((event.incident_id, event.person)) == event.notification_id:
                    del in_flight[event.incident_id, event.person]
            case EscalationStopped():
                stopped[event.incident_id] = event.reason
                in_flight = {k: v for k, v in in_flight.items() if k[0] != event.incident_id}


def check_everything_ended(desk: Desk) -> None:
    """After the end every page has an outcome or was stopped, every live incident was paged or is exhausted."""
    open_pages: dict[bytes, bytes] = {}
    courses: dict[bytes, str] = {}
    for event in desk.history:
        match event:
            case IncidentOpened(historical=False):
                courses[event.incident_id] = "silent"
            case EscalationStarted():
                courses[event.incident_id] = "running"
            case EscalationExhausted() | EscalationStopped():
                courses[event.incident_id] = "ended"
                if isinstance(event, EscalationStopped):
                    open_pages = {p: i for p, i in open_pages.items() if i != event.incident_id}
            case PageRequested():
                open_pages[event.notification_id] = event.incident_id
            case PageDelivered():
                open_pages.pop(event.notification_id, None)
            case PageFailed():
                if event.next != "ask_again":
                    open_pages.pop(event.notification_id, None)
    assert open_pages == {}
    assert set(courses.values()) <= {"ended"}


def check_state(desk: Desk) -> None:
    """What is remembered is what the changelog says: a restored engine stands where the live one does."""
    for topic, live in desk.engines.items():
        restored = desk.restored(topic)
        assert restored.snapshot() == live.snapshot()
        assert restored.earliest_due() == live.earliest_due()


# --- properties ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(st.lists(STEP, min_size=8, max_size=60))
def test_whatever_happens_incidents_and_pages_keep_their_promises(steps):
    desk = play(steps)
    check_state(desk)
    to_the_end(desk)
    check_incidents(desk)
    check_moves(desk)
    check_pages(desk)
    check_everything_ended(desk)
    check_state(desk)


@settings(deadline=None, max_examples=25)
@given(st.lists(STEP, max_size=20))
def test_without_any_configuration_nothing_is_silent(steps):
    desk = play(steps, configured=False)
    to_the_end(desk)
    live = {e.incident_id for e in said(desk, IncidentOpened) if not e.historical}
    assert {e.incident_id for e in said(desk, EscalationExhausted)} == live
    assert said(desk, PageRequested) == []


@settings(deadline=None)
@given(st.lists(STEP, max_size=30), st.sampled_from(["none", "twice"]))
def test_ticks_removed_or_doubled_change_nothing_that_is_said(steps, ticks):
    desk = play(steps)
    desk.sleep(3_600_000)
    for topic in INPUTS:
        log = desk.log[topic]
        again = Engine(desk.engines[topic].room, 0)
        kept = []
        for record in log:
            tick = record.key is None
            # The last tick stays: without it there would be no record before which the last timers could fire.
            copies = 1 if not tick or record is log[-1] else {"none": 0, "twice": 2}[ticks]
            kept += [o for _ in range(copies) for o in again.advance(record).outputs]
        first = Engine(desk.engines[topic].room, 0)
        assert kept == [o for record in log for o in first.advance(record).outputs]
        assert again.snapshot() == first.snapshot()


@settings(deadline=None, max_examples=50)
@given(st.lists(STEP, max_size=30))
def test_ids_are_never_used_twice(steps):
    desk = play(steps)
    to_the_end(desk)
    opened = [e.incident_id for e in said(desk, IncidentOpened)]
    assert len(set(opened)) == len(opened)
    first_attempts = [e.notification_id for e in said(desk, PageRequested) if e.attempt == 1]
    assert len(set(first_attempts)) == len(first_attempts)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 12), st.integers(1, 6))
def test_a_backlog_asks_at_most_once_per_page_in_flight_and_one_next_step(steps, wait_s):
    """However long nothing was read: between two echoes an escalation moves one step, a page one attempt."""
    desk = Desk(NOTIFICATIONS)
    desk.configure("people", PEOPLE)
    people = ["alice", "bob", "dave", "duty"]
    listed = [{"person": people[n % 4], "wait_s": wait_s} for n in range(steps)]
    policy = {"id": "p", "rounds": 3, "steps": listed}
    desk.configure("escalation", {"policies": [policy], "default_policy": "p"})
    notify(desk)
    desk.echo()
    for _ in range(6):
        told = pages(desk.sleep(24 * 3_600_000))
        assert len([p for p in told if p.attempt == 1 and p.why == "opened" and p.channel.kind == "webhook"]) <= 2
        assert len(told) == len({p.notification_id for p in told})
        assert len(told) <= len(people)
        assert pages(desk.sleep(24 * 3_600_000)) == []
        desk.echo()


def test_the_story_in_short():
    """Errors become one incident, alice is paged and silent, bob is paged and acknowledges, dave never is."""
    desk = Desk(INCIDENTS, NOTIFICATIONS)
    desk.configure("people", PEOPLE)
    desk.configure("ownership", OWNERSHIP)
    steps = [{"person": p, "wait_s": w} for p, w in (("alice", 8), ("bob", 10), ("dave", 10))]
    desk.configure(
        "escalation",
        {
            "policies": [{"id": "pay", "rounds": 3, "steps": steps}],
            "teams": {"payments": "pay"},
            "default_policy": "pay",
        },
    )
    incident = desk.tell(signal(1, affected="c1")).the(IncidentOpened)
    for n in range(2, 30):
        desk.now += 300
        desk.tell(signal(n, desk.now, affected=f"c{n}"))
        desk.settle()
        for page in said(desk, PageRequested):
            if page.notification_id not in {e.notification_id for e in said(desk, PageDelivered)}:
                desk.tell(ReportOutcome(TENANT, page.incident_id, page.notification_id, 1, "delivered", "200"))
        desk.settle()
        desk.sleep(0)
    desk.settle()
    assert [p.person for p in said(desk, PageRequested)] == ["alice", "bob"]
    acknowledge(desk, incident.incident_id, "bob")
    desk.settle()
    desk.sleep(60_000)
    resolved = resolve(desk, incident.incident_id).the(IncidentResolved)
    assert [p.person for p in said(desk, PageRequested)] == ["alice", "bob"]
    assert (resolved.failures, resolved.affected_count) == (29, 29)
    assert resolved.first_page_at is not None
    assert START <= resolved.first_page_at < (resolved.acknowledged_at or 0) < resolved.at
