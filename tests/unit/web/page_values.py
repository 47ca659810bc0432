"""An incident of /v1 as the pages' tests show it: new, resolved, or with what a test says otherwise."""

from __future__ import annotations

from typing import Any

NOW = "2026-01-15T14:45:00.000Z"


def at(clock: str) -> str:
    return f"2026-01-15T{clock}.000Z"


def incident(**changes: Any) -> dict[str, Any]:
    iv: dict[str, Any] = {
        "first_failure_at": at("14:30:00"),
        "detected_at": at("14:30:15"),
        "first_page_at": None,
        "acknowledged_at": None,
        "contained_at": None,
        "resolved_at": None,
        "complete": False,
        "failures_before_detection": 1,
        "failures_before_page": None,
        "failures_before_acknowledge": None,
        "failures_after_page": None,
        "affected_before_page": None,
        "affected_after_page": None,
        "seconds": {},
    }
    iv |= changes.pop("intervention", {})
    plain: dict[str, Any] = {
        "id": "0" * 8,
        "number": 1,
        "name": "INC-1",
        "state": "detected",
        "severity": "SEV2",
        "severity_reason": "payments-* opens at SEV2",
        "title": "<script>alert(1)</script>",
        "resource": "payments-service",
        "fingerprint": "f",
        "error_type": "PaymentError",
        "trigger": "error",
        "trigger_confidence": "high",
        "in_maintenance": "Weekly <b>",
        "sample": "pool <b>exhausted</b>",
        "actor": "checkout-helper-1",
        "opened_at": at("14:30:15"),
        "first_failure_at": at("14:30:00"),
        "last_failure_at": at("14:40:00"),
        "failures": 24,
        "affected_count": 14,
        "assignee": None,
        "acknowledged_at": None,
        "resolved_at": None,
        "resolved_by": None,
        "note": None,
        "historical": False,
        "cause": None,
        "confidence": None,
        "exhausted": False,
        "world": "RML2",
        "world_why": "no case",
        "cases": [],
        "as_of": [{"topic": "incidents.events", "partition": 0, "next_offset": 9, "append_time": at("14:44:59")}],
    }
    return {**plain, **changes, "intervention": iv}


def resolved() -> dict[str, Any]:
    return incident(
        state="resolved",
        assignee="alice",
        acknowledged_at=at("14:30:45"),
        resolved_at=at("14:42:00"),
        resolved_by="alice",
        intervention={
            "first_page_at": at("14:30:20"),
            "acknowledged_at": at("14:30:45"),
            "resolved_at": at("14:42:00"),
            "failures_before_page": 2,
            "failures_before_acknowledge": 7,
            "failures_after_page": 22,
        },
    )
