"""A degraded dependency is a possible reason for what depends on it, until it has recovered (seed 12.3)."""

from __future__ import annotations

from typing import Any

from processors.incidents import DECIDER
from schemas import ids
from schemas.messages.incidents import CommandRefused, IncidentOpened
from schemas.messages.incidents.flooding import (
    DependencyCleared,
    DependencyDegraded,
    DependencyRecovered,
    DependencySuspected,
    SetDependencyStatus,
)
from tests.support.desk import START, TENANT, Desk, Told
from tests.support.incident_words import MINUTE, signal

CATALOG = {
    "services": [
        {"id": "stripe", "kind": "external"},
        {"id": "payments", "resources": ["payments-service"], "depends_on": ["stripe"]},
        {"id": "search", "resources": ["search-service"]},
    ]
}


def desk() -> Desk:
    found = Desk(DECIDER)
    found.configure("catalog", CATALOG)
    return found


def say(where: Desk, status: str, n: int = 1, **given: Any) -> Told:
    fields: dict[str, Any] = {"region": "us-east-1", "since": where.now, "until": None, "source": "its status page"}
    fields |= {"tenant": TENANT, "command_id": ids.derive("say", n), "body_hash": bytes(16), "subject": "bob"}
    fields |= {"dependency": "stripe", "status": status, "note": None, "at": where.now}
    return where.tell(SetDependencyStatus(**(fields | given)))


def evidence(told: Told) -> list[DependencySuspected]:
    return [e for e in told.events if isinstance(e, DependencySuspected)]


def test_given_a_degraded_dependency_then_an_incident_of_what_depends_on_it_may_be_related() -> None:
    d = desk()
    say(d, "degraded").the(DependencyDegraded)
    found = evidence(d.tell(signal(1, d.now + MINUTE)))
    assert [(f.confidence, f.dependency, f.region) for f in found] == [("possible", "stripe", "us-east-1")]
    assert "check its status first" in found[0].text
    assert found[0].reasons == (
        "payments depends on stripe",
        "the first failure came 60 s after the degradation began",
    )


def test_given_an_open_incident_then_it_is_told_when_the_dependency_is_said_to_be_degraded() -> None:
    d = desk()
    opened = d.tell(signal(1)).the(IncidentOpened)
    assert [f.incident_id for f in evidence(say(d, "degraded", since=START - MINUTE))] == [opened.incident_id]
    assert evidence(say(d, "degraded", 2, since=START - MINUTE)) == []  # told again


def test_given_what_does_not_depend_on_it_or_another_time_then_nothing_is_said() -> None:
    d = desk()
    say(d, "degraded", until=START + 10 * MINUTE)
    assert evidence(d.tell(signal(1, resource="search-service"))) == []
    assert evidence(d.tell(signal(2, START - MINUTE))) == []


def test_given_its_recovery_then_the_evidence_is_withdrawn() -> None:
    d = desk()
    say(d, "degraded")
    opened = d.tell(signal(1, d.now)).the(IncidentOpened)
    told = say(d, "recovered", 2)
    assert told.the(DependencyRecovered).dependency == "stripe"
    assert told.the(DependencyCleared).incident_id == opened.incident_id
    assert evidence(d.tell(signal(2, d.now + MINUTE, fingerprint="f2"))) == []


def test_given_an_announced_end_then_it_recovers_by_itself() -> None:
    d = desk()
    say(d, "degraded", until=START + 10 * MINUTE)
    assert d.sleep(11 * MINUTE).the(DependencyRecovered).until == START + 10 * MINUTE


def test_given_a_recovery_of_what_is_not_degraded_then_it_is_refused() -> None:
    assert say(desk(), "recovered").the(CommandRefused).code == "not_degraded"


def test_given_an_interval_that_ends_before_it_begins_then_it_is_refused() -> None:
    assert say(desk(), "degraded", until=START - 1).the(CommandRefused).code == "interval_empty"
