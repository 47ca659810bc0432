"""The result has exactly the agreed fields, and says what did not come out as written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.demo.accounts import Accounts
from gateway.demo.outcome import CAUSE, Outcome, in_control, sentences

INCIDENT = {
    "id": "i-1",
    "number": 1,
    "name": "INC-1",
    "world": "RML3",
    "state": "resolved",
    "severity": "SEV2",
    "resource": "payments-service",
    "failures": 38,
    "affected_count": 37,
    "assignee": "bob",
    "resolved_by": "bob",
    "acknowledged_at": "2026-11-22T04:00:21.500Z",
    "contained_at": "2026-11-22T04:00:31.000Z",
    "alert_count": 1,
    "cause": {
        "candidate": {
            "kind": "deploy",
            "resource": "payments-service",
            "reference": {"before": "v2.3.0", "after": "v2.3.1"},
        },
        "said": "deploy v2.3.0 → v2.3.1 of payments-service by deployer, 1 s before the first failure",
    },
    "confidence": "high",
    "intervention": {
        "first_failure_at": "2026-11-22T04:00:09.000Z",
        "acknowledged_at": "2026-11-22T04:00:21.500Z",
        "affected_after_page": 35,
    },
}


def page(person):
    return {
        "person": person,
        "channel": {"kind": "webhook", "address": "http://127.0.0.1:1/x"},
        "requested_at": "t",
        "outcome": "delivered",
        "acknowledged_at": None,
    }


CASE = {
    "id": "c-1",
    "number": 1,
    "name": "CASE-1",
    "world": "RML3",
    "size": "small",
    "incident": "INC-1",
    "reason": "second_charge",
    "kind": "payment.captured",
    "counterparty": "customer-8812",
    "amount": "4900",
    "currency": "EUR",
    "actor": "checkout-helper-2",
    "entries": [{"number": 30}, {"number": 31}],
}
LEDGER: list[Mapping[str, object]] = [
    {"number": 31, "observations": 1},
    {"number": 32, "observations": 2, "external_reference": "re_77"},
]
DECOY = {"kind": "deploy", "resource": "notification-service", "reference": {"before": "v1.8.4", "after": "v1.9.0"}}

GOOD = Outcome(
    "demo-1",
    Accounts(1_701, 1_650, {"redelivered": 50}, 1, ()),
    [INCIDENT],
    [page("alice"), page("bob")],
    {"healed_failures": 1, "gaps": {"declared": 1}, "drift_alerts": 1},
    [CASE],
    LEDGER,
    50,
    44.96,
)


def test_the_document_has_the_agreed_fields():
    document = GOOD.document()
    assert document["incidents"] == [
        {key: INCIDENT[key] for key in ("id", "name", "state", "cause", "confidence", "intervention")}
    ]
    assert document["pages"][0] == {
        "to": "alice",
        "channel": "webhook",
        "requested_at": "t",
        "outcome": "delivered",
        "acknowledged_at": None,
    }
    assert {k: document[k] for k in ("accepted", "timeline_rows", "dropped", "dead_letters", "unaccounted")} == {
        "accepted": 1_701,
        "timeline_rows": 1_650,
        "dropped": {"redelivered": 50},
        "dead_letters": 1,
        "unaccounted": 0,
    }
    shown = ("id", "name", "world", "size", "incident", "reason", "kind", "counterparty", "amount", "currency")
    assert document["cases"] == [{key: CASE[key] for key in shown} | {"entries": [30, 31]}]
    assert document["told_again"] == 1
    assert (document["healed_failures"], document["gaps_declared"]) == (1, 1)
    assert document["seconds"] == 45.0


def test_a_story_as_written_misses_nothing():
    assert GOOD.missing() == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"incidents": [INCIDENT, INCIDENT]}, "incidents: 2, expected 1"),
        ({"incidents": [{**INCIDENT, "state": "detected"}]}, "resolved incidents: 0, expected 1"),
        ({"incidents": [{**INCIDENT, "acknowledged_at": None}]}, "acknowledgements: 0, expected 1"),
        ({"pages": [page("alice"), page("bob"), page("dave")]}, "people paged: alice, bob, dave, expected alice, bob"),
        ({"pages": [page("alice")]}, "people paged: alice, expected alice, bob"),
        ({"summary": {**GOOD.summary, "gaps": {"declared": 2}}}, "gaps declared: 2, expected 1"),
        ({"summary": {**GOOD.summary, "healed_failures": 0}}, "healed failures: 0, expected 1"),
        ({"summary": {**GOOD.summary, "drift_alerts": 10}}, "drift alerts: 10, expected 1"),
        ({"incidents": [{**INCIDENT, "cause": None}]}, f"likely cause: None, expected {CAUSE}"),
        ({"incidents": [{**INCIDENT, "cause": {"candidate": None}}]}, f"likely cause: None, expected {CAUSE}"),
        (
            {"incidents": [{**INCIDENT, "cause": {"candidate": DECOY}}]},
            f"likely cause: deploy of notification-service v1.9.0, expected {CAUSE}",
        ),
        ({"incidents": [{**INCIDENT, "alert_count": 0}]}, "alerts on the incident: [0], expected [1]"),
        ({"incidents": [{**INCIDENT, "contained_at": None}]}, "contained incidents: 0, expected 1"),
        ({"cases": []}, "RML-3 cases: [], expected ['RML-3']"),
        (
            {"cases": [{**CASE, "size": None, "incident": None}]},
            "size of the case, and its incident: [(None, None)], expected [('small', 'INC-1')]",
        ),
        ({"incidents": [{**INCIDENT, "world": "RML2"}]}, "worlds of the incidents: ['RML2'], expected ['RML3']"),
        ({"cases": [CASE, CASE]}, "RML-3 cases: ['RML-3', 'RML-3'], expected ['RML-3']"),
        ({"cases": [{**CASE, "entries": [{"number": 31}]}]}, "entries of the case: [1], expected [2]"),
        ({"ledger": LEDGER[:1]}, "movements told again: 0, expected 1"),
        ({"accounts": replace(GOOD.accounts, dropped={"redelivered": 49})}, "redelivered: 49, expected 50"),
        ({"accounts": replace(GOOD.accounts, dead_letters=0)}, "dead letters: 0, expected 1"),
        ({"accounts": replace(GOOD.accounts, unaccounted=("x",))}, "unaccounted: 1, expected 0"),
    ],
)
def test_each_thing_that_must_come_out_is_looked_at(change, sentence):
    assert sentence in replace(GOOD, **change).missing()


def test_the_measure_of_the_product_in_one_sentence():
    assert in_control(INCIDENT) == (
        "Bob was in control 12.5 s after the first failure; 37 customers were hit meanwhile, 35 after the first page."
    )


def test_the_story_is_told_in_five_sentences():
    told = sentences(GOOD)
    assert len(told) == 5
    assert told[1] == (
        "38 of them failed alike on payments-service, and became 1 incident, INC-1 (SEV2); likely cause (high): deploy "
        "v2.3.0 → v2.3.1 of payments-service by deployer, 1 s before the first failure."
    )
    assert told[2] == (
        "Alice was paged, then Bob; Bob acknowledged, nobody else was woken, and after the rollback it is resolved."
    )
    assert told[3] == (
        "checkout-helper-2 charged customer-8812 49.00 EUR again: CASE-1 (RML-3, small) names entries 30 and 31 of the "
        "ledger; 1 refund that was told twice is one movement and no case."
    )
