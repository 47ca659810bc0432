"""Who is told, when the next one is told, and when it stops."""

from __future__ import annotations

from processors.notifications import DECIDER
from processors.notifications.rules import KEEP_MS
from schemas import ids
from schemas.messages.notifications import (
    EscalationExhausted,
    EscalationStarted,
    EscalationStopped,
    PageDelivered,
    PageRequested,
    StopEscalation,
)
from tests.support.desk import START, TENANT, Desk
from tests.support.page_words import (
    ESCALATION,
    INCIDENT,
    PEOPLE,
    impact,
    notify,
    paged,
    pages,
    policy,
    report,
    shop,
    stop,
)

S = 1000


def test_an_incident_starts_the_owners_policy_and_pages_its_first_person():
    desk = shop()
    told = notify(desk)
    started = told.the(EscalationStarted)
    assert (started.policy, started.why) == ("pay", "opened")
    assert started.policy_reason == "payments-service belongs to payments, whose policy is pay"
    page = told.the(PageRequested)
    assert (page.person, page.channel.address, page.attempt) == ("alice", "https://a", 1)
    assert told.reasons == ("escalation_started", "step_paged")


def test_a_page_says_everything():
    page = notify(shop()).the(PageRequested)
    assert (page.number, page.severity, page.title, page.resource) == (
        1,
        "SEV3",
        "PaymentError: pool exhausted",
        "payments-service",
    )
    assert (page.since, page.failures, page.affected_count, page.also_paged) == (START - 2000, 1, 1, ())
    assert (page.step, page.steps, page.round, page.rounds) == (1, 2, 1, 2)
    assert (page.link, page.why, page.at) == ("/incidents/INC-1", "opened", START)


def test_the_id_of_a_page_is_derived_from_its_cause():
    desk = shop()
    notify(desk)
    (record,) = desk.log["notifications.commands"][-1:]
    cause = ids.parse(dict(record.headers)["ce_id"].decode())
    assert cause is not None
    page = desk.history[-1]
    assert page.notification_id == ids.child_id(cause, "notifications.Page", TENANT, 0)


def test_what_nobody_owns_takes_the_default_policy_and_says_so():
    desk = shop()
    told = notify(desk, resource="search-service")
    assert told.the(EscalationStarted).policy_reason == "nobody owns search-service: default policy rest"
    assert paged(told) == ["dave"]


def test_the_same_incident_told_twice_escalates_once():
    desk = shop()
    notify(desk)
    assert notify(desk).reasons == ("already_escalating",)


def test_without_an_acknowledgement_each_step_follows_after_its_wait_and_the_policy_repeats():
    desk = shop()
    told, seen = notify(desk), []
    for wait in (8, 20, 8):
        seen += [(p.person, p.step, p.round) for p in pages(told)]
        desk.echo()
        report(desk, pages(told)[0])
        assert paged(desk.sleep(wait * S - 1)) == []
        told = desk.sleep(1)
    seen += [(p.person, p.step, p.round) for p in pages(told)]
    assert seen == [("alice", 1, 1), ("bob", 2, 1), ("alice", 1, 2), ("bob", 2, 2)]
    assert pages(told)[0].also_paged == ("alice",)


def test_after_the_last_round_the_fallback_contact_is_paged():
    desk = shop()
    told = notify(desk)
    for wait in (8, 20, 8, 20):
        desk.echo()
        report(desk, pages(told)[0])
        told = desk.sleep(wait * S)
    exhausted = told.the(EscalationExhausted)
    assert (exhausted.policy, exhausted.rounds, exhausted.fallback) == ("pay", 2, "duty")
    page = told.the(PageRequested)
    assert (page.person, page.why, page.step, page.round) == ("duty", "escalation_exhausted", 2, 2)
    assert page.also_paged == ("alice", "bob")
    desk.echo()
    assert desk.sleep(10 * S).the(PageRequested).attempt == 2
    desk.echo()
    assert report(desk, page, attempt=2).kinds == ("PageDelivered",)
    assert desk.sleep(3600 * S).events == ()


def test_the_wait_of_a_step_begins_when_the_request_is_read_back():
    desk = shop()
    notify(desk)
    assert desk.sleep(3600 * S).events == ()
    desk.echo()
    assert paged(desk.sleep(8 * S - 1)) == []
    assert "bob" in paged(desk.sleep(1))


def test_an_acknowledgement_on_the_log_behind_the_end_of_a_wait_comes_before_the_next_person():
    # After an outage the first record read is later than the end of the wait, and it may be the acknowledgement itself.
    desk = shop()
    told = notify(desk)
    desk.echo()
    report(desk, pages(told)[0])
    desk.now += 60 * S
    stopped = desk.tell(StopEscalation(TENANT, told.the(PageRequested).incident_id, "alice", "acknowledged"))
    assert (paged(stopped), stopped.kinds) == ([], ("EscalationStopped",))
    assert desk.settle().reasons == ("next_step_not_needed",)


def test_a_page_that_arrives_after_the_end_of_a_wait_begins_it_anew():
    desk = shop()
    told = notify(desk)
    desk.echo()
    assert paged(desk.sleep(8 * S, taking=False)) == []
    report(desk, pages(told)[0])
    assert desk.settle().reasons == ("next_step_not_needed",)
    assert paged(desk.sleep(8 * S)) == ["bob"]


def test_a_backlog_does_not_run_through_the_policy():
    # KERNEL 11: measured without echoes, one catch-up after an hour asked 24 times before the first page had left.
    desk = shop(escalation=policy(*[(p, 8) for p in ("alice", "bob", "dave", "duty")] * 3, rounds=3))
    notify(desk)
    desk.echo()
    first = desk.sleep(3600 * S)
    assert paged(first) == ["alice#2", "bob"]
    second = desk.sleep(3600 * S)
    assert second.events == (), "nothing further before the echoes are read back"
    desk.echo()
    assert sorted(paged(desk.sleep(3600 * S))) == ["alice#3", "bob#2", "dave"]


def test_acknowledging_stops_everything():
    desk = shop()
    page = notify(desk).the(PageRequested)
    desk.echo()
    desk.sleep(S)
    told = stop(desk)
    stopped = told.the(EscalationStopped)
    assert (stopped.by, stopped.reason, stopped.number, stopped.at) == ("bob", "acknowledged", 1, START + S)
    assert desk.engine.earliest_due() is None
    assert desk.sleep(24 * 3600 * S).events == ()
    assert stop(desk).reasons == ("already_stopped",)
    # What still arrives is recorded.
    assert report(desk, page).the(PageDelivered).person == "alice"
    assert report(desk, page).reasons == ("outcome_repeated",)


def test_an_echo_read_after_the_stop_starts_no_timer():
    desk = shop()
    notify(desk)
    stop(desk)
    assert desk.echo().reasons == ("echo_late",)
    assert desk.engine.earliest_due() is None


def test_resolving_after_acknowledging_says_nothing_but_a_raise_pages_nobody_any_more():
    desk = shop()
    notify(desk)
    stop(desk)
    told = stop(desk, reason="resolved")
    assert (told.events, told.reasons) == ((), ("closed",))
    assert notify(desk, why="severity_raised", severity="SEV1").reasons == ("incident_over",)
    assert stop(desk, reason="resolved").reasons == ("already_stopped",)


def test_resolving_stops_an_escalation_that_nobody_acknowledged():
    desk = shop()
    notify(desk)
    desk.echo()
    assert stop(desk, by="carol", reason="resolved").the(EscalationStopped).reason == "resolved"
    assert desk.sleep(3600 * S).events == ()


def test_an_exhausted_escalation_can_still_be_acknowledged():
    desk = shop(escalation=policy(("alice", 5)))
    page = notify(desk).the(PageRequested)
    desk.echo()
    report(desk, page)
    assert desk.sleep(5 * S).kinds == ("EscalationExhausted", "PageRequested")
    assert stop(desk).kinds == ("EscalationStopped",)
    desk.echo()
    assert desk.sleep(3600 * S).events == ()


def test_stopping_what_never_escalated_is_nothing():
    desk = shop()
    assert stop(desk).reasons == ("no_escalation",)
    assert impact(desk, 2, 1).reasons == ("no_escalation",)


def test_later_pages_say_the_impact_of_then():
    desk = shop()
    notify(desk)
    desk.echo()
    impact(desk, 7, 3)
    assert impact(desk, 6, 3).reasons == ("impact_not_newer",)
    page = desk.sleep(8 * S).the(PageRequested)
    assert (page.failures, page.affected_count) == (7, 3)


def test_a_running_escalation_keeps_its_steps_and_its_timers_when_the_configuration_changes():
    desk = shop()
    notify(desk)
    desk.echo()
    desk.configure("escalation", policy(("dave", 1)))
    assert desk.sleep(8 * S - 1).events == ()
    assert "bob" in paged(desk.sleep(1))


def test_without_any_policy_the_escalation_is_exhausted_at_once_and_says_so():
    desk = Desk(DECIDER)
    told = notify(desk)
    exhausted = told.the(EscalationExhausted)
    assert (exhausted.policy, exhausted.rounds, exhausted.fallback) == ("", 0, "")
    assert told.kinds == ("EscalationExhausted",)
    assert told.reasons == ("no_policy", "exhausted", "no_fallback")


def test_without_a_policy_a_fallback_contact_is_still_paged():
    desk = Desk(DECIDER)
    desk.configure("people", PEOPLE)
    told = notify(desk)
    assert told.kinds == ("EscalationExhausted", "PageRequested")
    assert paged(told) == ["duty"]


def test_who_cannot_be_paged_is_passed_over_with_a_reason():
    desk = shop(escalation=policy(("mute", 5), ("gone", 5), ("bob", 5), rounds=1))
    told = notify(desk)
    assert paged(told) == ["bob"]
    assert "person_not_pageable" in told.reasons
    assert pages(told)[0].step == 3


def test_when_nobody_can_be_paged_it_is_exhausted_not_silent():
    desk = shop(escalation=policy(("mute", 5), ("gone", 5), rounds=10))
    told = notify(desk)
    assert told.kinds == ("EscalationStarted", "EscalationExhausted", "PageRequested")
    assert paged(told) == ["duty"]


def test_a_person_with_a_page_in_flight_is_not_paged_beside_it():
    desk = shop(escalation=policy(("alice", 3), ("alice", 3), ("bob", 3), outcome_wait_s=60))
    page = notify(desk).the(PageRequested)
    desk.echo()
    told = desk.sleep(3 * S)
    assert paged(told) == []
    assert told.reasons == ("step_timed_out", "next_step", "person_has_page_in_flight")
    assert desk.sleep(20 * S).events == (), "the step waits for the page that it depends on"
    report(desk, page)
    assert paged(desk.sleep(3 * S)) == ["bob"]


def test_a_person_whose_page_has_arrived_is_paged_again_in_a_later_step():
    desk = shop(escalation=policy(("alice", 3), ("alice", 3)))
    page = notify(desk).the(PageRequested)
    desk.echo()
    report(desk, page)
    again = desk.sleep(3 * S).the(PageRequested)
    assert (again.person, again.step, again.also_paged) == ("alice", 2, ())
    assert again.notification_id != page.notification_id


def test_everything_leaves_the_state_thirty_days_after_the_resolution():
    desk = shop()
    page = notify(desk).the(PageRequested)
    desk.echo()
    stop(desk)
    desk.sleep(S)
    stop(desk, reason="resolved")
    desk.sleep(KEEP_MS - 1)
    assert len(desk.engine.snapshot()) == 2
    assert desk.sleep(1).reasons == ("forgotten",)
    assert desk.engine.snapshot() == {}
    assert report(desk, page).reasons == ("outcome_of_unknown_page",)


def test_the_largest_escalation_fits_a_part():
    long = "p" * 1024
    people = {"people": [{"id": long, "channels": [{"kind": "console"}]}], "fallback_contact": long}
    desk = shop(people, policy(*[(long, 5)] * 50))
    told = notify(desk, title="t" * 200, resource="r" * 1024)
    assert told.the(PageRequested).steps == 50


def test_two_incidents_escalate_apart():
    desk = shop()
    notify(desk)
    other = notify(desk, incident_id=b"j" * 16, number=2, resource="search")
    assert paged(other) == ["dave"]
    stop(desk)
    desk.echo()
    assert {p.incident_id for p in pages(desk.sleep(60 * S))} == {b"j" * 16}
    assert INCIDENT != b"j" * 16
    assert ESCALATION["default_policy"] == "rest"
