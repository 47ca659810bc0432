"""Split and merge: one escalation for one incident, and nobody is paged twice for the same thing."""

from __future__ import annotations

from processors.incidents import DECIDER as INCIDENTS
from processors.notifications import DECIDER as NOTIFICATIONS
from schemas.messages.incidents import IncidentOpened
from schemas.messages.notifications import PageRequested
from tests.support.correct_words import merge, split, undo
from tests.support.desk import START, Desk
from tests.support.incident_words import acknowledge, signal
from tests.support.page_words import OWNERSHIP, PEOPLE


def desk_with(*steps: str) -> Desk:
    desk = Desk(INCIDENTS, NOTIFICATIONS)
    desk.configure("people", PEOPLE)
    desk.configure("ownership", OWNERSHIP)
    policy = {"id": "pay", "rounds": 2, "steps": [{"person": p, "wait_s": 10} for p in steps]}
    desk.configure("escalation", {"policies": [policy], "teams": {"payments": "pay"}, "default_policy": "pay"})
    return desk


def two(desk: Desk) -> tuple[bytes, bytes]:
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    other = desk.tell(signal(2, START, fingerprint="f2")).the(IncidentOpened).incident_id
    desk.settle()
    return one, other


def paged(desk: Desk, since: int = 0) -> list[tuple[int, str]]:
    found = [e for e in desk.history if isinstance(e, PageRequested) and e.attempt == 1]
    return [(e.number, e.person) for e in found[since:]]


def test_after_a_merge_one_escalation_goes_on():
    desk = desk_with("alice", "bob")
    one, other = two(desk)
    assert paged(desk) == [(1, "alice"), (2, "alice")]
    merge(desk, other, one)
    desk.settle()
    desk.sleep(10_000)
    desk.settle()
    desk.sleep(10_000)
    desk.settle()
    assert {number for number, _ in paged(desk, 2)} == {1}


def test_whom_the_merged_one_paged_is_not_paged_again_at_their_step():
    desk = desk_with("alice", "bob", "dave")
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    desk.settle()
    desk.sleep(10_000)
    desk.settle()
    assert paged(desk) == [(1, "alice"), (1, "bob")]
    other = desk.tell(signal(2, desk.now, fingerprint="f2")).the(IncidentOpened).incident_id
    desk.settle()
    assert paged(desk, 2) == [(2, "alice")]
    merge(desk, one, other)
    desk.settle()
    desk.sleep(10_000)
    desk.settle()
    assert paged(desk, 3) == [], "bob knows of it; only his wait runs"
    desk.sleep(10_000)
    desk.settle()
    assert paged(desk, 3) == [(2, "dave")]


def test_who_has_the_merged_one_has_both_and_nobody_else_is_paged():
    desk = desk_with("alice", "bob")
    one, other = two(desk)
    acknowledge(desk, other, "bob")
    desk.settle()
    merge(desk, other, one)
    desk.settle()
    desk.sleep(60_000)
    desk.settle()
    assert paged(desk, 2) == []


def test_a_split_of_what_somebody_has_pages_nobody():
    desk = desk_with("alice", "bob")
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    desk.tell(signal(2, START, actor="importer"))
    desk.settle()
    acknowledge(desk, one, "alice")
    desk.settle()
    split(desk, one, 2)
    desk.settle()
    desk.sleep(60_000)
    desk.settle()
    assert paged(desk) == [(1, "alice")]


def test_a_split_of_what_nobody_has_is_escalated_from_where_its_pages_are():
    desk = desk_with("alice", "bob")
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    desk.tell(signal(2, START, actor="importer"))
    desk.settle()
    split(desk, one, 2)
    desk.settle()
    assert paged(desk) == [(1, "alice")]
    desk.sleep(10_000)
    desk.settle()
    assert sorted(paged(desk, 1)) == [(1, "bob"), (2, "bob")]


def test_after_an_undone_merge_the_other_one_is_escalated_again():
    desk = desk_with("alice", "bob")
    one, other = two(desk)
    merge(desk, other, one)
    desk.settle()
    acknowledge(desk, one, "alice")
    desk.settle()
    undo(desk, one)
    desk.settle()
    assert paged(desk, 2) == [(2, "alice")]
