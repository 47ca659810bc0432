"""Split, merge and their undo: counters, clocks, where later failures go, and that a mistake leaves no trace."""

from __future__ import annotations

from processors.incidents import DECIDER
from schemas.messages.incidents import (
    ContainIncident,
    CorrectionUndone,
    IncidentOpened,
    IncidentReopened,
    IncidentsMerged,
    IncidentSplit,
    SeverityRaised,
    SignalAttached,
)
from tests.support.correct_words import kept, merge, now, split, undo
from tests.support.desk import START, Desk
from tests.support.incident_words import MINUTE, acknowledge, alert, move, opened, report, resolve, signal


def five(desk: Desk) -> bytes:
    """INC-1 with failures 1 to 5; 4 and 5 are another agent's, and hit others."""
    first = opened(desk, affected="a")
    for n in range(2, 6):
        desk.now += 1000
        actor = "checkout-helper-1" if n < 4 else "importer"
        desk.tell(signal(n, START + n * 1000, affected="a" if n < 4 else f"c{n}", actor=actor))
    desk.now += 1000
    return first.incident_id


def test_a_split_gives_a_new_incident_with_exactly_these_failures():
    desk = Desk(DECIDER)
    one = five(desk)
    told = split(desk, one, 4, 5)
    assert told.answers[0].code == "accepted"
    new = told.the(IncidentOpened)
    said = told.the(IncidentSplit)
    assert (new.number, new.failures, new.split_from) == (2, 2, one)
    assert said.separated_by == "actor"
    first, second = said.incidents
    assert (first.failures, first.affected_count, first.last_failure_at) == (3, 1, START + 3000)
    assert (second.failures, second.affected_count, second.first_failure_at) == (2, 2, START + 4000)
    assert (second.actor, second.state, second.detected_at) == ("importer", "detected", START + 3000)
    assert (now(desk, one).failures, now(desk, new.incident_id).failures) == (3, 2)


def test_failures_of_the_millisecond_of_the_detection_came_after_it():
    desk = Desk(DECIDER)
    one = opened(desk).incident_id
    for n in (2, 3, 4):
        desk.tell(signal(n, actor="checkout-helper-1" if n == 2 else "importer"))
    desk.now += 1000
    said = split(desk, one, 3, 4).the(IncidentSplit)
    assert [i.failures_before_detection for i in said.incidents] == [1, 1]
    desk.now += 1000
    assert undo(desk, one).the(CorrectionUndone).incidents[0].failures_before_detection == 1


def test_without_the_first_failure_the_incident_begins_with_the_first_that_stays():
    desk = Desk(DECIDER)
    one = five(desk)
    split(desk, one, 1, 2, 3)
    left = now(desk, one)
    assert (left.actor, left.first_failure_at, left.detected_at) == ("importer", START + 4000, START + 3000)


def test_after_a_split_by_actor_failures_go_where_their_actor_is():
    desk = Desk(DECIDER)
    one = five(desk)
    new = split(desk, one, 4, 5).the(IncidentOpened)
    theirs = desk.tell(signal(6, START + 7000, actor="importer")).the(SignalAttached)
    assert theirs.incident_id == new.incident_id
    assert theirs.reasons[2] == "by a person's split from INC-1, actor importer belongs to INC-2"
    assert desk.tell(signal(7, START + 7000)).the(SignalAttached).incident_id == one
    assert desk.tell(signal(8, START + 7000, actor="another")).the(SignalAttached).incident_id == one
    assert desk.tell(signal(4)).reasons == ("already_attached",)


def test_when_nothing_tells_them_apart_later_failures_stay_and_it_is_said():
    desk = Desk(DECIDER)
    one = five(desk)
    told = split(desk, one, 3, 4)
    assert told.the(IncidentSplit).separated_by == "nothing"
    assert told.the(IncidentSplit).why == "neither error nor actor tells them apart: later failures belong to INC-1"
    for n, actor in ((6, "importer"), (7, "checkout-helper-1")):
        assert desk.tell(signal(n, START + 7000, actor=actor)).the(SignalAttached).incident_id == one


def test_when_the_split_off_incident_is_over_its_failures_do_not_fall_back_to_the_other():
    desk = Desk(DECIDER)
    one = five(desk)
    new = split(desk, one, 4, 5).the(IncidentOpened)
    resolve(desk, new.incident_id)
    assert desk.tell(signal(6, START + 7000, actor="importer")).the(IncidentReopened).number == 2
    desk.now += 1
    resolve(desk, new.incident_id)
    desk.now += 25 * 60 * MINUTE
    again = desk.tell(signal(7, START + 8000, actor="importer")).the(IncidentOpened)
    assert again.number == 3
    assert again.reasons[2:] == ("not INC-1: a person's split says that it is another problem",)


def test_a_split_undone_leaves_no_trace():
    desk = Desk(DECIDER)
    one = five(desk)
    before = kept(desk)
    new = split(desk, one, 4, 5).the(IncidentOpened)
    assert kept(desk) != before
    told = undo(desk, new.incident_id)
    assert told.the(CorrectionUndone).undone == "split"
    assert kept(desk, new.incident_id) == before
    assert now(desk, new.incident_id).merged_into == one
    assert acknowledge(desk, new.incident_id).answers[0].code == "accepted"
    assert now(desk, one).acknowledged_by == "bob"


def test_what_came_after_a_split_that_is_undone_is_decided_anew():
    desk = Desk(DECIDER)
    one = five(desk)
    new = split(desk, one, 4, 5).the(IncidentOpened).incident_id
    desk.tell(signal(6, START + 7000, actor="importer", affected="c6"))
    desk.tell(signal(7, START + 7000, affected="a"))
    undone = undo(desk, one).the(CorrectionUndone)
    assert undone.since == 1
    assert (now(desk, one).failures, now(desk, one).affected_count) == (7, 4)
    assert desk.tell(signal(6, START + 7000)).reasons == ("already_attached",)
    assert desk.tell(signal(8, START + 8000, actor="importer")).the(SignalAttached).failures == 8
    assert now(desk, new).merged_into == one


def two(desk: Desk) -> tuple[bytes, bytes]:
    """INC-1 and INC-2: two errors of one resource, interleaved; customer a is hit by both."""
    one = opened(desk, affected="a").incident_id
    other = desk.tell(signal(2, START + 500, fingerprint="f2", error_type="Timeout", affected="a"))
    desk.now += 1000
    desk.tell(signal(3, START + 1000, affected="b"))
    desk.tell(signal(4, START + 1500, fingerprint="f2", error_type="Timeout", affected="c"))
    desk.now += 1000
    return one, other.the(IncidentOpened).incident_id


def test_a_merge_counts_both_and_whom_both_hit_once():
    desk = Desk(DECIDER)
    one, other = two(desk)
    told = merge(desk, other, one)
    both, alias = told.the(IncidentsMerged).incidents
    assert (both.failures, both.affected_count) == (4, 3)
    assert (both.first_failure_at, both.last_failure_at) == (START, START + 1500)
    assert (alias.state, alias.merged_into) == ("merged", one)
    assert now(desk, other).state == "merged"


def test_after_a_merge_both_problems_attach_to_the_one_that_keeps_its_name():
    desk = Desk(DECIDER)
    one, other = two(desk)
    merge(desk, other, one)
    told = desk.tell(signal(5, START + 3000, fingerprint="f2", error_type="Timeout", affected="a")).the(SignalAttached)
    assert (told.incident_id, told.failures, told.affected_count) == (one, 5, 3)
    assert desk.tell(signal(4, fingerprint="f2")).reasons == ("already_attached",)
    assert desk.tell(signal(5, fingerprint="f2")).reasons == ("already_attached",)


def test_every_command_to_the_merged_one_is_one_to_the_other():
    desk = Desk(DECIDER)
    one, other = two(desk)
    merge(desk, other, one)
    acknowledge(desk, other)
    move(desk, ContainIncident, other, note=None)
    assert (now(desk, one).state, now(desk, one).acknowledged_by) == ("contained", "bob")
    resolve(desk, other)
    assert now(desk, one).state == "resolved"


def test_a_merge_keeps_the_first_clocks_and_the_higher_severity():
    desk = Desk(DECIDER)
    one, other = two(desk)
    acknowledge(desk, other, "carol")
    report(desk, resource="payments-service", severity="SEV1")
    severities = {now(desk, i).severity for i in (one, other)}
    assert severities == {"SEV1", "SEV3"}
    kept_one, gone = (one, other) if now(desk, one).severity == "SEV3" else (other, one)
    told = merge(desk, gone, kept_one)
    assert told.the(SeverityRaised).after == "SEV1"
    both = now(desk, kept_one)
    assert (both.severity, both.acknowledged_by, both.state, both.reports) == ("SEV1", "carol", "investigating", 1)
    assert both.first_acknowledged_at == START + 2000


def test_a_merge_undone_leaves_no_trace():
    desk = Desk(DECIDER)
    one, other = two(desk)
    acknowledge(desk, other, "carol")
    before = kept(desk)
    merge(desk, other, one)
    assert undo(desk, other).the(CorrectionUndone).undone == "merge"
    assert kept(desk) == before


def test_what_came_after_a_merge_that_is_undone_goes_to_its_own_problem():
    desk = Desk(DECIDER)
    one, other = two(desk)
    merge(desk, other, one)
    desk.tell(signal(5, START + 3000, fingerprint="f2", error_type="Timeout", affected="d"))
    desk.tell(signal(6, START + 3000, affected="d"))
    undone = undo(desk, one).the(CorrectionUndone)
    assert undone.since == 2
    assert [(m.number, len(m.action_ids)) for m in undone.moved] == [(2, 1), (1, 1)]
    assert (now(desk, one).failures, now(desk, one).affected_count) == (3, 3)
    assert (now(desk, other).failures, now(desk, other).affected_count) == (3, 3)


def test_what_is_out_of_every_window_after_an_undo_opens_an_incident_of_its_own():
    desk = Desk(DECIDER)
    one, other = two(desk)
    merge(desk, other, one)
    desk.tell(signal(5, START + 14 * MINUTE))
    desk.tell(signal(6, START + 28 * MINUTE, fingerprint="f2", error_type="Timeout", affected="z"))
    told = undo(desk, one)
    assert told.the(IncidentOpened).number == 3
    assert now(desk, told.the(IncidentOpened).incident_id).affected_count == 1
    assert now(desk, other).failures == 2
    again = desk.tell(signal(7, START + 29 * MINUTE, fingerprint="f2", error_type="Timeout", affected="z"))
    assert (again.the(SignalAttached).number, again.the(SignalAttached).affected_count) == (3, 1)


def test_an_alert_of_a_merged_incident_ends_for_both():
    desk = Desk(DECIDER)
    one, other = two(desk)
    alert(desk, 1)
    holder = one if now(desk, one).alerts else other
    rest = other if holder == one else one
    merge(desk, holder, rest)
    assert now(desk, rest).alerts_firing == 1
    alert(desk, 1, "resolved")
    assert now(desk, rest).alerts_firing == 0
    undo(desk, rest)
    assert (now(desk, holder).alerts, now(desk, holder).alerts_firing) == (1, 0)
    assert (now(desk, rest).alerts, now(desk, rest).alerts_firing) == (0, 0)


def test_a_split_after_a_merge_after_a_split_undone_one_by_one_leaves_no_trace():
    desk = Desk(DECIDER)
    one = five(desk)
    states = [kept(desk)]
    new = split(desk, one, 4, 5).the(IncidentOpened).incident_id
    states.append(kept(desk))
    desk.now += 1
    merge(desk, one, new)
    states.append(kept(desk))
    desk.now += 1
    third = split(desk, new, 2, 5).the(IncidentOpened).incident_id
    assert (now(desk, new).failures, now(desk, third).failures) == (3, 2)
    for before, last in zip(reversed(states), (third, new, one), strict=True):
        desk.now += 1
        assert undo(desk, last).answers[0].code == "accepted"
        audit = [third] if before is not states[0] else [third, new]
        assert {k: v for k, v in before.items() if k in kept(desk, *audit)} == kept(desk, *audit)


def test_an_incident_and_those_merged_into_it_are_forgotten_together():
    desk = Desk(DECIDER)
    one, other = two(desk)
    merge(desk, other, one)
    resolve(desk, one)
    desk.sleep(31 * 24 * 60 * MINUTE)
    assert list(desk.engine.snapshot()) == ["acme/tenant"]
