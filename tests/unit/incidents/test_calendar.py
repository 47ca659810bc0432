"""Maintenance windows and freezes: marked and silent inside, told after, and nothing is lost."""

from __future__ import annotations

from typing import Any

from processors.incidents import DECIDER as INCIDENTS
from processors.notifications import DECIDER as NOTIFICATIONS
from schemas import ids
from schemas.messages.incidents import (
    AlertAttached,
    ChangeObserved,
    ChangeRecorded,
    IncidentOpened,
    MaintenanceOver,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import PageRequested
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import MINUTE, acknowledge, alert, report, signal
from tests.support.page_words import OWNERSHIP, PEOPLE
from tests.support.trigger_words import windows

HOUR = 60 * MINUTE
POLICIES = {
    "policies": [{"id": "pay", "rounds": 1, "steps": [{"person": "alice", "wait_s": 300}]}],
    "teams": {"payments": "pay"},
    "default_policy": "pay",
}


def desk(**incidents: Any) -> Desk:
    """payments-* is in maintenance in the first hour."""
    here = Desk(INCIDENTS, NOTIFICATIONS)
    for name, body in (("people", PEOPLE), ("ownership", OWNERSHIP), ("escalation", POLICIES)):
        here.configure(name, body)
    here.configure("incidents", incidents)
    here.configure("occurrences", windows((0, HOUR)))
    return here


def pages(here: Desk) -> list[PageRequested]:
    """The pages asked for, each reason of an incident once."""
    here.settle()
    asked = [e for e in here.history if isinstance(e, PageRequested)]
    return list({(page.incident_id, page.why): page for page in asked}.values())


def test_a_failure_in_a_window_is_recorded_marked_and_pages_nobody() -> None:
    here = desk()
    assert here.tell(signal(1)).the(IncidentOpened).in_maintenance == "Weekly"
    here.now += MINUTE
    assert here.tell(signal(2, here.now)).the(SignalAttached).in_maintenance == "Weekly"
    assert pages(here) == []


def test_a_failure_after_the_window_pages_once_for_the_same_incident() -> None:
    here = desk()
    incident = here.tell(signal(1, START + 59 * MINUTE)).the(IncidentOpened)
    here.now += HOUR
    told = here.tell(signal(2, here.now))
    over = told.the(MaintenanceOver)
    assert (over.incident_id, over.window, over.failures) == (incident.incident_id, "Weekly", 2)
    here.now += MINUTE
    assert "MaintenanceOver" not in here.tell(signal(3, here.now)).kinds
    assert [p.incident_id for p in pages(here)] == [incident.incident_id]


def test_what_happened_in_the_window_and_arrives_late_pages_nobody() -> None:
    here = desk()
    here.now += 2 * HOUR
    assert here.tell(signal(1, START + MINUTE)).the(IncidentOpened).in_maintenance == "Weekly"
    assert pages(here) == []


def test_another_resource_is_not_in_maintenance() -> None:
    here = desk()
    assert here.tell(signal(1, resource="search")).the(IncidentOpened).in_maintenance is None
    assert len(pages(here)) == 1


def test_an_alert_in_a_window_is_silent_and_a_report_is_believed() -> None:
    here = desk()
    assert alert(here).the(AlertAttached).in_maintenance == "Weekly"
    assert pages(here) == []
    told = report(here)
    assert told.the(MaintenanceOver).window == "Weekly"
    assert len(pages(here)) == 1


def test_a_raise_in_a_window_is_told_after_it_to_who_acknowledged_before() -> None:
    here = desk(raises=[{"severity": "SEV1", "failures": 3}])
    here.configure("occurrences", windows((10 * MINUTE, 20 * MINUTE)))
    incident = here.tell(signal(1)).the(IncidentOpened)
    assert len(pages(here)) == 1
    acknowledge(here, incident.incident_id, "alice")
    for n in (2, 3):
        here.now = START + (10 + n) * MINUTE
        told = here.tell(signal(n, here.now))
    assert told.the(SeverityRaised).in_maintenance == "Weekly"
    assert len(pages(here)) == 1
    here.now = START + 20 * MINUTE
    here.tell(signal(4, here.now))
    here.now += MINUTE
    here.tell(signal(5, here.now))
    over = [e for e in here.history if isinstance(e, MaintenanceOver)]
    assert [(o.raised, o.severity) for o in over] == [(True, "SEV1")]
    assert len(pages(here)) == 2


def test_who_took_it_in_the_window_is_not_paged_after_it() -> None:
    here = desk()
    incident = here.tell(signal(1, START + 59 * MINUTE)).the(IncidentOpened)
    acknowledge(here, incident.incident_id, "alice")
    here.now += HOUR
    assert "MaintenanceOver" not in here.tell(signal(2, here.now)).kinds
    assert pages(here) == []


def test_a_change_in_a_freeze_is_kept_and_flagged() -> None:
    here = desk()
    here.configure("occurrences", windows((0, HOUR), kind="freeze", kinds=["deploy"], message="No deploys."))

    def change(n: int, kind: str, at: int) -> ChangeRecorded:
        fact = ChangeObserved(
            TENANT, "payments-service", kind, None, "v2", None, "deployer", ids.derive("change", n), at
        )
        return here.tell(fact).the(ChangeRecorded)

    flagged = change(1, "deploy", START)
    assert (flagged.freeze, flagged.freeze_message) == ("Holidays", "No deploys.")
    assert change(2, "flag", START).freeze is None
    here.now += HOUR
    assert change(3, "deploy", here.now).freeze is None


def test_a_tenant_without_a_calendar_is_as_before() -> None:
    here = Desk(INCIDENTS)
    assert here.tell(signal(1)).the(IncidentOpened).in_maintenance is None
