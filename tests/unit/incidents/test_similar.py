"""Similar errors and declared services: what joins an incident although it is not the same, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from processors.incidents import DECIDER
from processors.incidents.families_state import BEGAN_MAX, Family
from processors.incidents.rules import KEEP_MS
from schemas.messages.incidents import (
    CorrectionUndone,
    IncidentOpened,
    IncidentReopened,
    IncidentSplit,
    SignalAttached,
)
from tests.support.correct_words import kept, merge, now, split, undo
from tests.support.desk import START, Desk, Told
from tests.support.incident_words import MINUTE, report, resolve
from tests.support.similar_words import host, said

CATALOG = {
    "services": [
        {"id": "checkout", "resources": ["checkout-api", "checkout-worker-*"]},
        {"id": "search", "resources": ["search-api"]},
    ]
}


def begun(**config: Any) -> tuple[Desk, bytes]:
    """INC-1 began with a refused connection to alpha."""
    desk = Desk(DECIDER)
    if config:
        desk.configure("incidents", config)
    return desk, desk.tell(host(1, "alpha")).the(IncidentOpened).incident_id


def families(desk: Desk) -> list[Family]:
    return [p for key in desk.engine.snapshot() if "/family/" in key and (p := desk.engine.part(key)) is not None]


def attached(told: Told) -> tuple[int, str]:
    one = told.the(SignalAttached)
    return one.number, one.reasons[2]


def test_another_host_of_the_same_fault_joins_and_the_words_are_counted():
    desk, one = begun()
    told = desk.tell(host(2, "beta", START + 1000))
    joined = told.the(SignalAttached)
    assert joined.incident_id == one
    assert joined.reasons[0] == "same resource payments-service"
    assert joined.reasons[1] == "1 s from the incident's failures, within 900 s"
    assert joined.reasons[2] == (
        f"similar error PaymentError: 6 of 7 words alike, at least 800 of 1,000, beta for alpha ({joined.fingerprint})"
    )
    assert now(desk, one).failures == 2
    assert desk.tell(host(2, "beta", START + 1000)).reasons == ("already_attached",)


def test_another_word_for_what_is_wrong_is_another_incident_and_why_is_said():
    desk, _ = begun()
    other = desk.tell(said(2, "connection to host alpha reset after 2 ms", START + 1000)).the(IncidentOpened)
    assert other.number == 2
    assert other.reasons[2:] == (
        "INC-1 is open on payments-service with another error: PaymentError; 6 of 7 words alike, but 'reset' and not"
        " 'refused' says another fault",
    )


@pytest.mark.parametrize(
    "changes",
    [{"error_type": "OSError"}, {"resource": "search-service"}, {"historical": True}],
    ids=["another type", "another resource", "history"],
)
def test_likeness_of_words_is_not_enough(changes):
    desk, _ = begun()
    assert desk.tell(host(2, "beta", START + 1000, **changes)).the(IncidentOpened).number == 2


def test_outside_the_window_a_similar_error_is_another_incident():
    desk, _ = begun()
    later = desk.tell(host(2, "beta", START + 16 * MINUTE)).the(IncidentOpened)
    assert later.reasons[0] == "INC-1 has a similar error 960 s away, more than 900 s"


def test_where_all_words_are_asked_each_host_is_an_incident():
    desk, _ = begun(alike={"per_mille": 1000})
    assert desk.tell(host(2, "beta", START + 1000)).the(IncidentOpened).number == 2
    assert attached(desk.tell(host(3, "alpha", START + 1000)))[0] == 1


def test_more_words_may_be_asked_for():
    desk, _ = begun(alike={"least_words": 7})
    other = desk.tell(host(2, "beta", START + 1000)).the(IncidentOpened)
    assert "6 of 7 words alike, at least 7 and 800 of 1,000 are asked" in other.reasons[2]


def test_what_a_grouping_rule_told_apart_no_likeness_joins():
    desk, _ = begun()
    ruled = host(2, "beta", START + 1000, fingerprint="0" * 32)
    assert desk.tell(ruled).the(IncidentOpened).number == 2


def test_an_incident_is_compared_by_how_it_began_so_likeness_leads_no_further():
    desk = Desk(DECIDER)
    words = "the order of customer {} from region {} in shop {} could not be sent to carrier {} at all today"
    for n, carrier in enumerate(("hermes", "atlas"), start=1):
        told = desk.tell(said(n, words.format("acme", "dublin", "south", carrier), START + n))
    assert attached(told)[0] == 1
    # Two words away from the second failure, three from the first: what the second joined, the third does not.
    third = desk.tell(said(3, words.format("globex", "cork", "south", "atlas"), START + 3)).the(IncidentOpened)
    assert third.number == 2


def test_the_words_of_a_dependencys_rate_are_no_words_of_its_error():
    desk = Desk(DECIDER)
    for n, (name, rate) in enumerate((("alpha", "5 of 40 tries failed"), ("beta", "9 of 44 tries failed")), start=1):
        plain = host(n, name, START + n)
        told = desk.tell(replace(plain, message=f"{rate}: {plain.message}", words=plain.message))
    assert attached(told)[0] == 1


def test_a_similar_error_after_the_end_brings_the_incident_back():
    desk, one = begun()
    resolve(desk, one)
    desk.now += 10 * MINUTE
    told = desk.tell(host(2, "beta", desk.now, received_at=desk.now))
    again = told.the(IncidentReopened)
    assert again.incident_id == one
    assert again.note is not None
    assert "6 of 7 words alike" in again.note
    assert told.the(SignalAttached).incident_id == one


def test_a_failure_counts_once_although_its_own_error_has_another_incident_since():
    desk, one = begun()
    desk.tell(host(2, "beta", START + 1000))
    desk.now = START + 2000
    resolve(desk, one)
    desk.now += 25 * 60 * MINUTE
    assert desk.tell(host(3, "beta", START + 3000)).the(IncidentOpened).number == 2
    assert desk.tell(host(2, "beta", START + 1000)).reasons == ("already_attached",)


def test_the_first_failure_of_a_reported_incident_attracts_similar_ones():
    desk = Desk(DECIDER)
    report(desk)
    desk.tell(host(1, "alpha"))
    assert attached(desk.tell(host(2, "beta", START + 1000)))[0] == 1


def test_at_most_so_many_beginnings_are_remembered_and_a_forgotten_incident_leaves_none():
    desk = Desk(DECIDER)
    for n in range(BEGAN_MAX + 8):
        desk.tell(said(n, f"{'x' * (n + 1)} broke the connection to the pool", START + n))
    assert [len(f.began) for f in families(desk)] == [BEGAN_MAX]
    desk, one = begun()
    resolve(desk, one)
    desk.sleep(KEEP_MS + 1)
    assert families(desk) == []


# --- a declared service -------------------------------------------------------------------------------------------


def test_resources_of_one_declared_service_are_one_place():
    desk = Desk(DECIDER)
    desk.configure("catalog", CATALOG)
    one = desk.tell(host(1, "alpha", resource="checkout-api")).the(IncidentOpened)
    joined = desk.tell(host(2, "beta", START + 1000, resource="checkout-worker-7")).the(SignalAttached)
    assert joined.incident_id == one.incident_id
    assert joined.reasons[0] == "same service checkout by the catalog: checkout-worker-7 and checkout-api"
    assert "6 of 7 words alike" in joined.reasons[2]
    short = desk.tell(said(3, "out of memory", START, resource="checkout-api")).the(IncidentOpened)
    same = desk.tell(said(4, "out of memory", START, resource="checkout-worker-7")).the(SignalAttached)
    assert same.incident_id == short.incident_id
    assert same.reasons[2].startswith("same error PaymentError")


def test_a_grouping_rules_error_is_the_same_on_both_resources():
    desk = Desk(DECIDER)
    desk.configure("catalog", CATALOG)
    ruled: dict[str, Any] = {"fingerprint": "0" * 32}
    desk.tell(host(1, "alpha", resource="checkout-api", **ruled))
    assert attached(desk.tell(host(2, "beta", START, resource="checkout-worker-7", **ruled)))[0] == 1


def test_of_two_services_or_of_none_each_resource_is_a_place_of_its_own():
    desk = Desk(DECIDER)
    desk.configure("catalog", CATALOG)
    resources = ("checkout-api", "search-api", "other-a", "other-b")
    told = [desk.tell(host(n, "alpha", START, resource=r)).the(IncidentOpened) for n, r in enumerate(resources)]
    assert [one.number for one in told] == [1, 2, 3, 4]


def test_declared_services_count_for_nothing_where_that_is_configured():
    desk = Desk(DECIDER)
    desk.configure("catalog", CATALOG)
    desk.configure("incidents", {"alike": {"same_service": False}})
    desk.tell(host(1, "alpha", resource="checkout-api"))
    assert desk.tell(host(2, "alpha", START, resource="checkout-worker-7")).the(IncidentOpened).number == 2


# --- corrections --------------------------------------------------------------------------------------------------


def test_a_split_by_the_error_bars_the_similar_one_and_its_undo_leaves_no_trace():
    desk, one = begun()
    desk.now += 1000
    desk.tell(host(2, "beta", START + 1000))
    before = kept(desk)
    told = split(desk, one, 2)
    new = told.the(IncidentOpened).incident_id
    assert told.the(IncidentSplit).separated_by == "fingerprint"
    assert attached(desk.tell(host(3, "beta", START + 2000)))[0] == 2
    assert attached(desk.tell(host(4, "gamma", START + 2000)))[0] == 1
    desk, one = begun()
    desk.now += 1000
    desk.tell(host(2, "beta", START + 1000))
    assert split(desk, one, 2).the(IncidentOpened).incident_id == new
    assert kept(desk) != before
    assert undo(desk, one).the(CorrectionUndone).undone == "split"
    assert kept(desk, new) == before


def test_what_joined_by_likeness_since_a_merge_goes_where_it_is_like_when_that_is_undone():
    desk, one = begun()
    desk.now += 1000
    two = desk.tell(said(2, "worker alpha is out of memory after 3 tries", START)).the(IncidentOpened).incident_id
    merge(desk, two, one)
    desk.now += 1000
    assert attached(desk.tell(said(3, "worker beta is out of memory after 3 tries", START + 1000)))[0] == 1
    assert undo(desk, one).the(CorrectionUndone).since == 1
    assert (now(desk, one).failures, now(desk, two).failures) == (1, 2)
