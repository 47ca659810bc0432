"""Which incidents may belong together, why, and that it is said once."""

from __future__ import annotations

from processors.incidents import DECIDER
from schemas.messages.incidents import IncidentOpened, IncidentsRelated
from tests.support.correct_words import merge
from tests.support.desk import START, Desk
from tests.support.incident_words import MINUTE, acknowledge, signal

SHARED = {
    "relations": [
        {"resource": "payments-service", "depends_on": ["payments-db"]},
        {"resource": "user-service", "depends_on": ["payments-db"]},
    ]
}


def test_two_that_depend_on_the_same_and_fail_at_once_are_related():
    desk = Desk(DECIDER)
    desk.configure("incidents", SHARED)
    desk.tell(signal(1))
    told = desk.tell(signal(2, START + 1000, resource="user-service", fingerprint="f2")).the(IncidentsRelated)
    assert (told.number, told.other_number, told.score) == (2, 1, 599)
    assert told.reasons == (
        "both depend on payments-db: 250 points",
        "their failures are 1 s apart: 249 points",
        "checkout-helper-1 failed first in both: 100 points",
    )


def test_it_is_said_once():
    desk = Desk(DECIDER)
    desk.configure("incidents", SHARED)
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    two = desk.tell(signal(2, resource="user-service", fingerprint="f2")).the(IncidentOpened).incident_id
    acknowledge(desk, one)
    assert [e for e in acknowledge(desk, two).events if isinstance(e, IncidentsRelated)] == []


def test_nearness_alone_relates_nothing():
    desk = Desk(DECIDER)
    desk.tell(signal(1))
    assert "IncidentsRelated" not in desk.tell(signal(2, resource="search", fingerprint="f2")).kinds


def test_what_is_far_apart_is_not_related_until_one_person_has_both():
    desk = Desk(DECIDER)
    desk.configure("incidents", SHARED | {"related_from": 450})
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    far = {"resource": "user-service", "fingerprint": "f2", "actor": "importer"}
    told = desk.tell(signal(2, START + 5 * MINUTE, **far))
    assert "IncidentsRelated" not in told.kinds
    acknowledge(desk, one)
    after = acknowledge(desk, told.the(IncidentOpened).incident_id).the(IncidentsRelated)
    assert (after.score, after.reasons[-1]) == (475, "bob has both: 100 points")


def test_what_was_merged_is_not_related_to_what_it_is():
    desk = Desk(DECIDER)
    desk.configure("incidents", SHARED)
    one = desk.tell(signal(1)).the(IncidentOpened).incident_id
    two = desk.tell(signal(2, resource="user-service", fingerprint="f2")).the(IncidentOpened).incident_id
    merge(desk, two, one)
    assert "IncidentsRelated" not in acknowledge(desk, two).kinds
