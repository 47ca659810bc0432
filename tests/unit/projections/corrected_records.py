"""Events of corrections, and the sentence of each."""

from __future__ import annotations

from typing import Any

from schemas.messages import incidents
from tests.unit.projections.records import INCIDENT, T0, TENANT

OTHER = b"o" * 16
CORRECTION = b"k" * 16
ACTION = b"a" * 16


def standing(incident_id: bytes = INCIDENT, number: int = 1, **changes: Any) -> incidents.Standing:
    fields: dict[str, Any] = {
        "incident_id": incident_id,
        "number": number,
        "state": "investigating",
        "severity": "SEV2",
        "severity_reason": "5 failures reach 5: SEV2",
        "title": "PaymentError: no pool",
        "resource": "payments",
        "fingerprint": "f1",
        "error_type": "PaymentError",
        "actor": "checkout-helper-1",
        "historical": False,
        "first_failure_at": T0,
        "last_failure_at": T0 + 4000,
        "detected_at": T0,
        "failures": 3,
        "affected_count": 2,
        "failures_before_detection": 1,
        "first_page_at": T0 + 1000,
        "failures_before_page": 2,
        "affected_before_page": 1,
        "first_acknowledged_at": None,
        "acknowledged_by": None,
        "failures_before_acknowledge": 0,
        "assignee": None,
        "contained_at": None,
        "failures_before_contain": 0,
        "reports": 0,
        "alerts": 0,
        "alerts_firing": 0,
        "counted": True,
        "merged_into": None,
        "split_from": None,
    }
    return incidents.Standing(**(fields | changes))


def split() -> incidents.IncidentSplit:
    both = (standing(), standing(OTHER, 2, split_from=INCIDENT))
    why = "they have another error: later failures of it belong to the new incident"
    head = (TENANT, INCIDENT, 1, OTHER, 2, CORRECTION, "alice", "another issue.")
    return incidents.IncidentSplit(*head, (ACTION, b"b" * 16), "fingerprint", why, both, T0)


def merged() -> incidents.IncidentsMerged:
    both = (standing(failures=5), standing(OTHER, 2, state="merged", merged_into=INCIDENT))
    return incidents.IncidentsMerged(
        TENANT, INCIDENT, 1, OTHER, 2, CORRECTION, "alice", "same root cause", "SEV2", both, T0
    )


def undone() -> incidents.CorrectionUndone:
    moved = (incidents.Moved(OTHER, 2, (ACTION,)),)
    both = (standing(), standing(OTHER, 2))
    return incidents.CorrectionUndone(
        TENANT, INCIDENT, 1, OTHER, 2, "merge", CORRECTION, "bob", "it was wrong", 1, moved, both, T0
    )


def related() -> incidents.IncidentsRelated:
    reasons = ("both depend on payments-db: 300 points", "12 s apart: 250 points")
    return incidents.IncidentsRelated(TENANT, OTHER, 2, INCIDENT, 1, 550, reasons, T0)


SENTENCES = {
    split(): (
        "alice split 2 failures off as INC-2: another issue; they have another error: later failures of it belong to"
        " the new incident."
    ),
    merged(): "alice merged INC-2 into INC-1: same root cause; 5 failures together.",
    undone(): "bob undid the merge of INC-2 into INC-1: it was wrong; 1 failure that came since decided anew.",
    related(): (
        "INC-2 may be related to INC-1 (550 of 1,000 points): both depend on payments-db: 300 points; 12 s apart:"
        " 250 points."
    ),
}
