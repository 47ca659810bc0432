"""What becomes of a page: proof, or asked again, or the next channel, or the next step."""

from __future__ import annotations

import pytest

from processors.notifications.rules import backoff_ms
from schemas.messages.notifications import PageDelivered, PageFailed, PageHanded, PageRequested
from tests.support.desk import START, TENANT
from tests.support.page_words import INCIDENT, impact, notify, paged, pages, policy, raised, report, shop, stop

S = 1000


def bob_only(**more):
    return shop(escalation=policy(("bob", 600), ("dave", 600), **more))


def test_no_outcome_in_time_asks_again_with_the_same_id():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.echo()
    impact(desk, 9, 4)
    assert desk.sleep(10 * S - 1).events == ()
    told = desk.sleep(1)
    failed = told.the(PageFailed)
    assert (failed.outcome, failed.next, failed.attempt) == ("no_outcome", "ask_again", 1)
    assert failed.detail == "no outcome of attempt 1 of 3 within 10 s"
    again = told.the(PageRequested)
    assert (again.notification_id, again.attempt, again.channel) == (page.notification_id, 2, page.channel)
    assert (again.failures, again.affected_count) == (9, 4)


def test_after_the_last_try_the_next_channel_then_the_next_step():
    desk = bob_only()
    seen = []
    told = notify(desk)
    for _ in range(6):
        seen += [(p.person, p.channel.kind, p.attempt) for p in pages(told)]
        desk.echo()
        told = desk.sleep(10 * S)
    assert seen == [("bob", kind, n) for kind in ("webhook", "console") for n in (1, 2, 3)]
    assert (told.the(PageFailed).next, paged(told)) == ("next_step", ["dave"])
    ids = {p.notification_id for p in desk.history if isinstance(p, PageRequested)}
    assert len(ids) == 3
    assert [e.next for e in desk.history if isinstance(e, PageFailed)] == [
        "ask_again",
        "ask_again",
        "next_channel",
        "ask_again",
        "ask_again",
        "next_step",
    ]


def test_the_step_goes_on_waiting_over_a_change_of_channel():
    desk = shop(escalation=policy(("bob", 35), ("dave", 5)))
    notify(desk)
    for _ in range(3):
        desk.echo()
        desk.sleep(10 * S)  # the third one goes to the console at 30 s
    desk.echo()
    assert paged(desk.sleep(5 * S - 1)) == []
    assert paged(desk.sleep(1)) == ["dave"]


def test_a_page_of_a_step_left_behind_is_given_up_without_moving_the_escalation():
    desk = shop(escalation=policy(("alice", 5), ("dave", 600)))
    notify(desk)
    desk.echo()
    told = [desk.sleep(5 * S)]
    desk.echo()
    report(desk, pages(told[0])[0])
    for _ in range(4):
        told.append(desk.sleep(10 * S))
        desk.echo()
    failed = [e for t in told for e in t.events if isinstance(e, PageFailed)]
    assert [f.next for f in failed] == ["ask_again", "ask_again", "given_up"]
    assert [p for t in told for p in paged(t)] == ["dave", "alice#2", "alice#3"]


def test_the_fallback_contacts_page_is_pursued_and_given_up_at_last():
    desk = shop(escalation=policy(("alice", 1), outcome_tries=1))
    page = notify(desk).the(PageRequested)
    desk.echo()
    report(desk, page)
    desk.sleep(1 * S)
    desk.echo()
    told = desk.sleep(10 * S)
    assert (told.the(PageFailed).next, told.the(PageFailed).person) == ("given_up", "duty")
    assert desk.sleep(3600 * S).events == ()


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
def test_a_failed_attempt_is_repeated_after_a_growing_pause(outcome):
    desk = bob_only(outcome_tries=4)
    told = notify(desk)
    for pause in (1, 2, 4):
        desk.echo()
        page = pages(told)[0]
        failed = report(desk, page, outcome).the(PageFailed)
        assert (failed.outcome, failed.next, failed.detail) == (outcome, "ask_again", "503")
        assert report(desk, page, outcome).reasons == ("outcome_repeated",)
        assert desk.sleep(pause * S - 1).events == ()
        told = desk.sleep(1)
        assert pages(told)[0].attempt == page.attempt + 1
    desk.echo()
    last = report(desk, pages(told)[0], outcome)
    assert (last.the(PageFailed).next, last.the(PageRequested).channel.kind) == ("next_channel", "console")


def test_the_next_step_may_be_the_same_person_whose_page_was_just_given_up():
    desk = shop(escalation=policy(("alice", 600), ("alice", 600), outcome_tries=1))
    page = notify(desk).the(PageRequested)
    desk.echo()
    told = desk.sleep(10 * S)
    assert told.kinds == ("PageFailed", "PageRequested")
    assert (paged(told), pages(told)[0].step) == (["alice"], 2)
    assert pages(told)[0].notification_id != page.notification_id


def test_the_pause_is_bounded():
    assert [backoff_ms(n) for n in (1, 2, 3, 4, 10)] == [1000, 2000, 4000, 4000, 4000]


def test_delivered_ends_the_asking():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.echo()
    delivered = report(desk, page).the(PageDelivered)
    assert (delivered.person, delivered.attempt, delivered.channel, delivered.detail) == ("bob", 1, page.channel, "200")
    assert desk.engine.earliest_due() == desk.now + 600 * S, "only the step still waits"
    assert desk.sleep(599 * S).events == ()


def test_outcomes_told_twice_late_or_of_nothing_known_change_nothing_and_say_why():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    assert report(desk, page, attempt=2).reasons == ("outcome_of_unknown_attempt",)
    assert report(desk, page, attempt=0).reasons == ("outcome_of_unknown_attempt",)
    assert report(desk, page, notification_id=bytes(16)).reasons == ("outcome_of_unknown_page",)
    assert report(desk, page, incident_id=bytes(16)).reasons == ("outcome_of_unknown_page",)
    desk.echo()
    desk.sleep(10 * S)
    desk.echo()
    assert report(desk, page, "failed").reasons == ("outcome_late",)
    report(desk, page, attempt=2)
    before = desk.engine.snapshot()
    assert report(desk, page, attempt=2).reasons == ("outcome_repeated",)
    assert report(desk, page, "failed", attempt=2).reasons == ("outcome_repeated",)
    assert desk.engine.snapshot() == before


def test_a_delivery_told_late_is_still_proof_of_page():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.echo()
    desk.sleep(10 * S)
    desk.echo()
    assert report(desk, page, attempt=1).the(PageDelivered).attempt == 1
    assert paged(desk.sleep(500 * S)) == []
    assert report(desk, page, attempt=2).reasons == ("outcome_repeated",)


def test_a_failure_after_the_stop_is_recorded_and_nothing_follows():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.echo()
    stop(desk)
    assert report(desk, page, "failed").the(PageFailed).next == "given_up"
    assert report(desk, page, "failed").reasons == ("outcome_repeated",)
    assert desk.sleep(3600 * S).events == ()


def test_a_failure_told_before_the_stop_is_not_told_again_after_it():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.echo()
    report(desk, page, "failed")
    stop(desk)
    assert report(desk, page, "failed").reasons == ("outcome_repeated",)
    assert report(desk, page).the(PageDelivered).attempt == 1, "a delivery is proof whenever it is told"


def test_the_echo_of_an_attempt_that_is_over_or_unknown_starts_nothing():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    report(desk, page)
    assert desk.echo().reasons == ("echo_late",)
    unknown = PageHanded(TENANT, INCIDENT, bytes(16), 1)
    assert desk.tell(unknown).reasons == ("echo_of_unknown_page",)
    # It was delivered before its echo was read: the step's wait began then.
    assert paged(desk.sleep(600 * S)) == ["dave"]


def test_the_next_attempt_is_sent_where_the_page_began_the_next_channel_by_the_configuration_of_then():
    desk = bob_only(outcome_tries=1)
    notify(desk)
    desk.echo()
    channels = [{"kind": "webhook", "address": address} for address in ("https://b", "n")]
    people = {"people": [{"id": "bob", "channels": channels}]}
    desk.configure("people", people)
    assert desk.sleep(10 * S).the(PageRequested).channel.address == "n"


class TestRaisedSeverity:
    def test_it_pages_the_current_person_beside_the_running_step(self):
        desk = shop()
        page = notify(desk).the(PageRequested)
        desk.echo()
        report(desk, page)
        desk.sleep(3 * S)
        told = raised(desk)
        assert told.kinds == ("PageRequested",)
        second = pages(told)[0]
        assert (second.person, second.why, second.severity, second.failures) == ("alice", "severity_raised", "SEV1", 50)
        assert second.notification_id != page.notification_id
        desk.echo()
        assert "bob" in paged(desk.sleep(5 * S)), "the step's timer was not moved"

    def test_a_page_in_flight_is_not_doubled_but_followed_when_it_said_the_old_severity(self):
        desk = shop()
        page = notify(desk).the(PageRequested)
        desk.echo()
        told = raised(desk)
        assert told.reasons == ("severity_raise_follows_page_in_flight",)
        after = report(desk, page)
        assert after.kinds == ("PageDelivered", "PageRequested")
        assert (pages(after)[0].why, pages(after)[0].severity) == ("severity_raised", "SEV1")

    def test_an_attempt_asked_again_says_the_new_severity_and_needs_no_follow_up(self):
        desk = shop(escalation=policy(("alice", 600)))
        page = notify(desk).the(PageRequested)
        desk.echo()
        raised(desk)
        again = desk.sleep(10 * S).the(PageRequested)
        assert (again.notification_id, again.severity) == (page.notification_id, "SEV1")
        assert report(desk, again).kinds == ("PageDelivered",)

    def test_a_late_proof_of_a_page_given_up_starts_no_second_page_beside_the_next_channel(self):
        desk = bob_only(outcome_tries=1)
        page = notify(desk).the(PageRequested)
        desk.echo()
        assert pages(desk.sleep(10 * S))[0].channel.kind == "console"
        raised(desk)
        assert report(desk, page).kinds == ("PageDelivered",)

    def test_although_acknowledged_the_responder_is_paged_first_then_the_policy(self):
        desk = shop()
        notify(desk)
        desk.echo()
        stop(desk, by="bob")
        told = raised(desk)
        assert told.kinds == ("EscalationStarted", "PageRequested")
        assert told.events[0].policy_reason.startswith("severity is SEV1 now and bob acknowledged: bob first;")
        assert (paged(told), pages(told)[0].also_paged, pages(told)[0].why) == (["bob"], ("alice",), "severity_raised")
        desk.echo()
        report(desk, pages(told)[0])
        assert paged(desk.sleep(8 * S)) == ["alice"]
        assert stop(desk, by="bob").kinds == ("EscalationStopped",)
        desk.echo()
        assert desk.sleep(3600 * S).events == ()

    def test_who_took_over_is_the_one_to_page(self):
        desk = shop()
        notify(desk)
        stop(desk, by="bob")
        assert stop(desk, by="dave").reasons == ("responder_changed",)
        assert paged(raised(desk)) == ["dave"]

    def test_a_responder_who_cannot_be_paged_leaves_the_policy_as_it_is(self):
        desk = shop()
        notify(desk)
        stop(desk, by="somebody-with-a-token")
        assert paged(raised(desk)) == ["alice"]

    def test_an_exhausted_escalation_begins_again(self):
        desk = shop(escalation=policy(("alice", 1)))
        page = notify(desk).the(PageRequested)
        desk.echo()
        report(desk, page)
        report(desk, desk.sleep(1 * S).the(PageRequested))
        assert paged(raised(desk)) == ["alice"]

    def test_without_anybody_to_page_it_is_noted_with_a_reason(self):
        desk = shop()
        page = notify(desk).the(PageRequested)
        report(desk, page)
        desk.configure("people", {"people": [], "fallback_contact": ""})
        assert raised(desk).reasons == ("person_not_pageable",)


def test_times_are_log_times():
    desk = bob_only()
    page = notify(desk).the(PageRequested)
    desk.now += 77
    assert report(desk, page).the(PageDelivered).at == START + 77


def test_who_was_reached_late_has_the_whole_wait_from_then():
    desk = shop(escalation=policy(("bob", 8), ("dave", 600)))
    page = notify(desk).the(PageRequested)
    desk.echo()
    assert desk.sleep(6 * S).events == ()
    report(desk, page)
    assert paged(desk.sleep(8 * S - 1)) == [], "nobody can answer a page that has not reached them"
    assert paged(desk.sleep(1)) == ["dave"]
