"""Alerts over their episodes: back soon is the same incident, a flap stays open, and a source's word is a note."""

from __future__ import annotations

from typing import Any

import pytest

from processors.incidents import DECIDER as INCIDENTS
from processors.incidents.alarms import FLAP_S, FLAPS
from schemas import ids
from schemas.messages.incidents import AlertAcknowledgementObserved, AlertNoted, AlertResolved, IncidentOpened
from tests.support.desk import TENANT, Desk, Told
from tests.support.incident_words import MINUTE, alert, opened, report, resolve


def pd(desk: Desk, status: str = "firing", n: int = 1, **changes: Any) -> Told:
    """The same PagerDuty key, over all its episodes."""
    return alert(desk, n, status, source="pagerduty", recurs=True, starts_at=desk.now, **changes)


def test_an_alert_that_fires_again_soon_reopens_its_incident() -> None:
    desk = Desk(INCIDENTS)
    first = pd(desk).the(IncidentOpened)
    desk.now += MINUTE
    assert "IncidentResolved" in pd(desk, "resolved").kinds
    desk.now += MINUTE
    told = pd(desk)
    assert "IncidentOpened" not in told.kinds
    assert "IncidentReopened" in told.kinds
    assert told.reasons == ("alert_back",)
    assert {e.incident_id for e in told.events} == {first.incident_id}


def test_an_alert_that_fires_again_much_later_is_a_new_incident() -> None:
    desk = Desk(INCIDENTS)
    first = pd(desk).the(IncidentOpened)
    pd(desk, "resolved")
    desk.now += 25 * 60 * MINUTE
    assert pd(desk).the(IncidentOpened).number == first.number + 1


def test_an_incident_that_a_person_resolved_is_not_reopened_by_an_alert() -> None:
    desk = Desk(INCIDENTS)
    first = pd(desk).the(IncidentOpened)
    resolve(desk, first.incident_id)
    pd(desk, "resolved")
    desk.now += MINUTE
    assert "IncidentReopened" not in pd(desk).kinds


def test_an_alert_that_flaps_stays_open_until_a_person_ends_it() -> None:
    desk = Desk(INCIDENTS)
    pd(desk)
    for _ in range(FLAPS):
        desk.now += MINUTE
        assert "IncidentResolved" in pd(desk, "resolved").kinds
        desk.now += MINUTE
        assert "IncidentReopened" in pd(desk).kinds
    desk.now += MINUTE
    told = pd(desk, "resolved")
    assert told.kinds == ("AlertResolved",)
    assert told.the(AlertResolved).reasons[0].startswith("noted only: it flaps: 3 times back within 3600 s")
    for _ in range(20):
        desk.now += MINUTE
        pd(desk)
        pd(desk, "resolved")
    assert sum(type(e).__name__ == "IncidentReopened" for e in desk.history) == FLAPS
    assert sum(isinstance(e, IncidentOpened) for e in desk.history) == 1


def test_a_flap_that_calmed_down_is_believed_again() -> None:
    desk = Desk(INCIDENTS)
    for _ in range(FLAPS + 1):
        pd(desk)
        desk.now += MINUTE
        pd(desk, "resolved")
        desk.now += MINUTE
    desk.now += FLAP_S * 1000 + 24 * 60 * MINUTE
    pd(desk)
    assert "IncidentResolved" in pd(desk, "resolved").kinds


def test_an_acknowledgement_by_the_source_is_a_note() -> None:
    desk = Desk(INCIDENTS)
    first = pd(desk).the(IncidentOpened)
    fact = AlertAcknowledgementObserved(TENANT, ids.derive("alert", 1), "pagerduty", "integration", desk.now)
    told = desk.tell(fact)
    assert told.kinds == ("AlertNoted",)
    assert told.the(AlertNoted).incident_id == first.incident_id


@pytest.mark.parametrize("status", ["resolved"])
def test_the_end_of_what_never_fired_changes_nothing(status: str) -> None:
    desk = Desk(INCIDENTS)
    assert pd(desk, status).reasons == ("alert_unknown",)
    fact = AlertAcknowledgementObserved(TENANT, ids.derive("alert", 9), "pagerduty", "integration", desk.now)
    assert desk.tell(fact).reasons == ("alert_unknown",)


def test_a_trigger_that_is_switched_off_opens_nothing_and_still_joins() -> None:
    desk = Desk(INCIDENTS)
    rules = [{"match": "*", "error": False}, {"match": "payments-*", "alert": False, "error": True, "report": False}]
    desk.configure("incidents", {"triggers": rules})
    assert pd(desk).reasons == ("trigger_off",)
    assert report(desk).answers[0].code == "trigger_off"
    opened(desk)
    assert "AlertAttached" in pd(desk, n=2).kinds
    assert report(desk, 2).answers[0].code == "accepted"
