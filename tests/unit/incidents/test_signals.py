"""Which failures are one incident."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.rules import KEEP_MS
from schemas import ids
from schemas.messages.incidents import IncidentOpened, SignalAttached
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import MINUTE, opened, resolve, signal


def test_the_first_failure_opens_an_incident_with_everything_a_reader_needs():
    desk = Desk(DECIDER)
    told = desk.tell(signal(1, affected="customer-7", first_event_time=START - 4000, failed_tries=3), cause=b"c" * 16)
    event = told.the(IncidentOpened)
    assert told.reasons == ("opened",)
    assert event.incident_id == ids.child_id(b"c" * 16, "incidents.Incident", TENANT, 0)
    assert (event.number, event.severity, event.resource) == (1, "SEV3", "payments-service")
    assert event.title == "PaymentError: connection pool exhausted (order #)"
    assert (event.first_failure_at, event.event_time, event.at) == (START - 4000, START, START)
    assert event.affected == "customer-7"
    assert event.reasons == (
        "none of 0 incidents of this error on payments-service is open",
        "3 failed tries, not_retryable",
    )


def test_the_type_is_said_once_in_the_title():
    desk = Desk(DECIDER)
    assert opened(desk, message="PaymentError: no pool").title == "PaymentError: no pool"


def test_the_same_failure_again_on_the_same_resource_attaches_and_totals_are_those_after_it():
    desk = Desk(DECIDER)
    first = opened(desk, affected="a")
    second = desk.tell(signal(2, START + 2000, affected="b")).the(SignalAttached)
    third = desk.tell(signal(3, START + 3000, affected="a")).the(SignalAttached)
    assert second.incident_id == third.incident_id == first.incident_id
    assert (second.failures, second.affected_count) == (2, 2)
    assert (third.failures, third.affected_count) == (3, 2)
    assert third.reasons == (
        "same resource payments-service",
        "1 s from the incident's failures, within 900 s",
        "same error PaymentError (f1)",
    )


def test_another_resource_another_error_another_tenant_is_another_incident():
    desk = Desk(DECIDER)
    opened(desk)
    assert desk.tell(signal(2, resource="billing")).the(IncidentOpened).number == 2
    assert desk.tell(signal(3, fingerprint="f2")).the(IncidentOpened).number == 3
    assert desk.tell(signal(4, tenant="globex")).the(IncidentOpened).number == 1


def test_the_window_is_event_time_from_the_last_failure():
    desk = Desk(DECIDER)
    opened(desk)
    assert desk.tell(signal(2, START + 15 * MINUTE)).kinds == ("SignalAttached",)
    assert desk.tell(signal(3, START + 30 * MINUTE)).kinds == ("SignalAttached",)
    told = desk.tell(signal(4, START + 45 * MINUTE + 1))
    assert told.the(IncidentOpened).reasons[0] == "INC-1 has the same error 901 s away, more than 900 s"


def test_the_window_is_configuration():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"attach_window_s": 10})
    opened(desk)
    assert desk.tell(signal(2, START + 10_000)).kinds == ("SignalAttached",)
    assert desk.tell(signal(3, START + 21_000)).kinds == ("IncidentOpened", "CauseSuggested", "IncidentsRelated")


def test_a_failure_told_late_attaches_and_moves_nothing_forward():
    desk = Desk(DECIDER)
    opened(desk)
    assert desk.tell(signal(2, START - 14 * MINUTE)).kinds == ("SignalAttached",)
    assert desk.tell(signal(3, START + 15 * MINUTE)).kinds == ("SignalAttached",)
    assert desk.tell(signal(4, START - 30 * MINUTE)).kinds == ("IncidentOpened", "CauseSuggested")


def test_interleaved_clocks_do_not_open_an_incident_each_time():
    desk = Desk(DECIDER)
    opened(desk)
    two_hours_behind = desk.tell(signal(2, START - 120 * MINUTE)).the(IncidentOpened)
    for n in range(3, 9):
        live, behind = (
            desk.tell(signal(n * 2, START + n * 1000)),
            desk.tell(signal(n * 2 + 1, START - 120 * MINUTE + n * 1000)),
        )
        assert live.the(SignalAttached).number == 1
        assert behind.the(SignalAttached).incident_id == two_hours_behind.incident_id


def test_an_action_counts_once():
    desk = Desk(DECIDER)
    opened(desk)
    told = desk.tell(signal(1, START + 1000))
    assert (told.events, told.reasons) == ((), ("already_attached",))
    assert desk.tell(signal(2, START + 1000)).the(SignalAttached).failures == 2
    assert desk.tell(signal(2, START + 9000)).reasons == ("already_attached",)


def test_an_action_told_again_after_resolving_opens_nothing():
    desk = Desk(DECIDER)
    resolve(desk, opened(desk).incident_id)
    assert desk.tell(signal(1)).reasons == ("already_attached",)


def test_an_incident_that_ended_a_day_ago_attracts_nothing():
    desk = Desk(DECIDER)
    first = opened(desk)
    resolve(desk, first.incident_id)
    desk.sleep(24 * 60 * MINUTE)
    again = desk.tell(signal(2, desk.now)).the(IncidentOpened)
    assert again.number == 2
    assert again.reasons[0] == (
        "none of 1 incidents of this error on payments-service is open;"
        " INC-1 of the same error ended 86400 s ago and is postmortem"
    )


def test_imported_history_neither_joins_nor_hides_a_live_incident():
    desk = Desk(DECIDER)
    told = desk.tell(signal(1, historical=True))
    assert told.the(IncidentOpened).historical
    assert told.sent == ()
    assert told.reasons == ("opened_historical",)
    live = desk.tell(signal(2)).the(IncidentOpened)
    assert not live.historical
    assert desk.tell(signal(3, historical=True)).the(SignalAttached).number == 1
    assert desk.tell(signal(4)).the(SignalAttached).number == 2


def test_a_resolved_incident_leaves_the_state_after_thirty_days_with_all_its_parts():
    desk = Desk(DECIDER)
    first = opened(desk, affected="a")
    for n in range(2, 40):
        desk.tell(signal(n, affected=f"c{n}"))
    resolve(desk, first.incident_id)
    desk.sleep(KEEP_MS - 1)
    assert len(desk.engine.snapshot()) > 3
    assert desk.sleep(1).reasons == ("forgotten",)
    assert list(desk.engine.snapshot()) == [f"{TENANT}/tenant"]
    assert resolve(desk, first.incident_id).answers[0].code == "unknown_or_closed"
    assert desk.tell(signal(1)).the(IncidentOpened).number == 2


def test_the_list_of_a_problem_is_bounded_and_the_latest_attract():
    desk = Desk(DECIDER)
    for n in range(12):
        desk.tell(signal(n, START + n * 60 * MINUTE))
    assert desk.tell(signal(20, START + 11 * 60 * MINUTE)).the(SignalAttached).number == 12
    assert desk.tell(signal(21, START + 4 * 60 * MINUTE)).the(SignalAttached).number == 5
    assert desk.tell(signal(22, START)).the(IncidentOpened).number == 13


def test_a_failure_that_was_on_its_way_when_its_incident_was_ended_opens_no_other():
    desk = Desk(DECIDER)
    first = opened(desk)
    desk.now += MINUTE
    taken = desk.now
    desk.now += MINUTE
    resolve(desk, first.incident_id)
    desk.now += 2 * MINUTE
    told = desk.tell(signal(2, taken, received_at=taken))
    attached = told.the(SignalAttached)
    assert (told.kinds, attached.incident_id, attached.failures) == (("SignalAttached",), first.incident_id, 2)
    assert attached.reasons[-1] == "taken before INC-1 was ended, so it is no sign that the problem is back"


def test_what_is_taken_after_the_end_is_no_part_of_it_whatever_the_agents_clock_says():
    desk = Desk(DECIDER)
    first = opened(desk)
    desk.now += MINUTE
    resolve(desk, first.incident_id)
    desk.now += MINUTE
    for n, taken in ((2, desk.now), (3, 0)):
        told = desk.tell(signal(n, START + 1000, received_at=taken, resource=f"payments-{n}"))
        assert told.kinds[0] == "IncidentOpened", "another resource"
    back = desk.tell(signal(4, START + 1000, received_at=desk.now))
    assert back.kinds == ("IncidentReopened", "IncidentStateChanged", "SignalAttached")


def test_a_failure_that_was_on_its_way_raises_nothing_of_an_ended_incident():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"raises": [{"failures": 2, "severity": "SEV1"}]})
    first = opened(desk)
    taken = desk.now
    desk.now += MINUTE
    resolve(desk, first.incident_id)
    assert desk.tell(signal(2, taken, received_at=taken)).kinds == ("SignalAttached",)
