"""Words for tests about incidents: a signal with sensible defaults, and what people say."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AlertObserved,
    ErrorSignalled,
    IncidentOpened,
    ReportProblem,
    ResolveIncident,
)
from tests.support.desk import START, TENANT, Desk, Told

MINUTE = 60_000


def signal(n: int, at: int = START, **changes: Any) -> ErrorSignalled:
    """Failure number `n` of a payment at event time `at`."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "resource": "payments-service",
        "fingerprint": "f1",
        "error_type": "PaymentError",
        "message": "connection pool exhausted (order #)",
        "sample": f"connection pool exhausted (order {n})",
        "actor": "checkout-helper-1",
        "session": "s1",
        "action_type": "payments.charge",
        "action_id": ids.derive("action", n),
        "affected": None,
        "event_time": at,
        "first_event_time": at,
        "failed_tries": 1,
        "reason": "not_retryable",
    }
    return ErrorSignalled(**(fields | changes))


def opened(desk: Desk, **changes: Any) -> IncidentOpened:
    """The incident that failure 1 opens."""
    return desk.tell(signal(1, **changes)).the(IncidentOpened)


def resolve(desk: Desk, incident_id: bytes, by: str = "bob", note: str | None = None) -> Told:
    """`by` resolves, now."""
    command_id = ids.derive("resolve", desk.now, by, incident_id)
    return desk.tell(ResolveIncident(TENANT, command_id, bytes(16), by, incident_id, desk.now, note))


def acknowledge(desk: Desk, incident_id: bytes, by: str = "bob") -> Told:
    """`by` acknowledges, now."""
    command_id = ids.derive("acknowledge", desk.now, by, incident_id)
    return desk.tell(AcknowledgeIncident(TENANT, command_id, bytes(16), by, incident_id, desk.now))


def move(desk: Desk, kind: Any, incident_id: bytes, by: str = "bob", **given: Any) -> Told:
    """`by` gives a command of this kind, now."""
    command_id = ids.derive(kind.__name__, desk.now, by, incident_id)
    return desk.tell(kind(TENANT, command_id, bytes(16), by, incident_id, desk.now, **given))


def report(desk: Desk, n: int = 1, resource: str = "payments-service", **changes: Any) -> Told:
    """erin reports, now."""
    fields: dict[str, Any] = {"severity": None, "since": None, "what": "customers cannot pay", "subject": "erin"}
    fields |= {"subject_kind": "person", "command_id": ids.derive("report", n), "resource": resource}
    return desk.tell(ReportProblem(tenant=TENANT, body_hash=bytes(16), at=desk.now, **(fields | changes)))


def alert(desk: Desk, n: int = 1, status: str = "firing", **changes: Any) -> Told:
    """Alertmanager tells of its alert number `n`, now."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "alert_id": ids.derive("alert", n),
        "source": "alertmanager",
        "fingerprint": f"{n:016x}",
        "starts_at": START,
        "status": status,
        "ends_at": desk.now if status == "resolved" else None,
        "name": "PaymentsErrorRateHigh",
        "resource": "payments-service",
        "resource_from": "service",
        "summary": "23 % of charges fail",
        "severity": None,
        "link": None,
        "subject": "alertmanager",
        "at": desk.now,
    }
    return desk.tell(AlertObserved(**(fields | changes)))
