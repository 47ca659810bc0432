"""Words for tests about pages: a shop's people and policies, an incident to notify about, outcomes."""

from __future__ import annotations

from typing import Any

from processors.notifications import DECIDER
from schemas.messages.notifications import (
    ImpactObserved,
    NotifyIncident,
    Outcome,
    PageRequested,
    ReportOutcome,
    StopEscalation,
)
from tests.support.desk import START, TENANT, Desk, Told

INCIDENT = b"i" * 16
PEOPLE: dict[str, Any] = {
    "people": [
        {"id": "alice", "channels": [{"kind": "webhook", "address": "https://a"}]},
        {
            "id": "bob",
            "channels": [{"kind": "webhook", "address": "https://b"}, {"kind": "console", "address": "bob"}],
        },
        {"id": "dave", "channels": [{"kind": "console", "address": "dave"}]},
        {"id": "duty", "channels": [{"kind": "webhook", "address": "https://d"}]},
        {"id": "mute", "channels": []},
    ],
    "fallback_contact": "duty",
}
OWNERSHIP = {"resources": [{"match": "payments-*", "team": "payments"}]}
ESCALATION: dict[str, Any] = {
    "policies": [
        {
            "id": "pay",
            "rounds": 2,
            "steps": [{"person": "alice", "wait_s": 8}, {"person": "bob", "wait_s": 20}],
        },
        {"id": "rest", "rounds": 1, "steps": [{"person": "dave", "wait_s": 30}]},
    ],
    "teams": {"payments": "pay"},
    "default_policy": "rest",
}


def shop(people: dict[str, Any] = PEOPLE, escalation: dict[str, Any] = ESCALATION) -> Desk:
    """A desk with notifications alone, configured."""
    desk = Desk(DECIDER)
    desk.configure("people", people)
    desk.configure("ownership", OWNERSHIP)
    desk.configure("escalation", escalation)
    return desk


def policy(*steps: tuple[str, int], rounds: int = 1, **more: Any) -> dict[str, Any]:
    """An escalation document with this one policy, as the default."""
    listed = [{"person": person, "wait_s": wait_s} for person, wait_s in steps]
    return {"policies": [{"id": "only", "rounds": rounds, "steps": listed}], "default_policy": "only", **more}


def notify(desk: Desk, **changes: Any) -> Told:
    """INC-1 on payments-service opens, or its severity is raised."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "why": "opened",
        "severity": "SEV3",
        "title": "PaymentError: pool exhausted",
        "resource": "payments-service",
        "first_failure_at": START - 2000,
        "failures": 1,
        "affected_count": 1,
    }
    return desk.tell(NotifyIncident(**(fields | changes)))


def raised(desk: Desk, severity: str = "SEV1", failures: int = 50) -> Told:
    return notify(desk, why="severity_raised", severity=severity, failures=failures, affected_count=9)


def report(desk: Desk, page: PageRequested, outcome: Outcome = "delivered", **changes: Any) -> Told:
    """The effects service tells what became of this attempt."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": page.incident_id,
        "notification_id": page.notification_id,
        "attempt": page.attempt,
        "outcome": outcome,
        "detail": "200" if outcome == "delivered" else "503",
    }
    return desk.tell(ReportOutcome(**(fields | changes)))


def stop(desk: Desk, by: str = "bob", reason: Any = "acknowledged") -> Told:
    return desk.tell(StopEscalation(TENANT, INCIDENT, by, reason))


def impact(desk: Desk, failures: int, affected: int) -> Told:
    return desk.tell(ImpactObserved(TENANT, INCIDENT, failures, affected))


def pages(told: Told) -> list[PageRequested]:
    return [e for e in told.events if isinstance(e, PageRequested)]


def paged(told: Told) -> list[str]:
    """Who was asked for, in order, with the attempt when it is not the first."""
    return [p.person if p.attempt == 1 else f"{p.person}#{p.attempt}" for p in pages(told)]
