"""Pure: rows of incidents as /v1 shows them. Rows come as mappings of column to value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from projections.plain import Json, time_text
from schemas import ids

Row = Mapping[str, Any]
_NAME = re.compile(r"\AINC-([1-9][0-9]{0,17})\Z", re.IGNORECASE)


def name_of(number: int) -> str:
    """`INC-1`."""
    return f"INC-{number}"


def reference(text: str) -> bytes | int | None:
    """An incident's id (16 bytes) from a UUID, its number from INC-n, else None."""
    named = _NAME.match(text)
    return int(named[1]) if named else ids.parse(text)


def incident(row: Row) -> Json:
    """An incident. `cause` and `confidence` are None until causes are weighed."""
    return {
        "id": str(row["incident_id"]),
        "number": row["number"],
        "name": name_of(row["number"]),
        "state": row["state"],
        "severity": row["severity"],
        "severity_reason": row["severity_reason"],
        "title": row["title"],
        "resource": row["resource"],
        "fingerprint": row["fingerprint"],
        "error_type": row["error_type"],
        "sample": row["sample"],
        "actor": row["actor"],
        "opened_at": time_text(row["opened_at"]),
        "first_failure_at": time_text(row["first_failure_at"]),
        "last_failure_at": time_text(row["last_failure_at"]),
        "failures": row["failures"],
        "affected_count": row["affected_count"],
        "assignee": row["assignee"],
        "acknowledged_at": time_text(row["acknowledged_at"]),
        "resolved_at": time_text(row["resolved_at"]),
        "resolved_by": row["resolved_by"],
        "note": row["note"],
        "historical": row["historical"],
        "cause": None,
        "confidence": None,
        "exhausted": bool(row["exhausted"]),
        "intervention": intervention(row),
    }


def intervention(row: Row) -> Json:
    """Could a human intervene in time: the times and what happened in between.

    `failures_before_x` counts all failures up to x, the detecting one included; `after_page` those since the first
    page. `seconds` are from the first failure (event time, so an agent's wrong clock can make them negative).
    `complete`: somebody was paged, acknowledged, and it is resolved. `contained_at` is None until there is containing.
    """
    page, acknowledged, resolved = row["first_page_at"], row["acknowledged_at"], row["resolved_at"]
    paged = page is not None
    return {
        "first_failure_at": time_text(row["first_failure_at"]),
        "detected_at": time_text(row["opened_at"]),
        "first_page_at": time_text(page),
        "acknowledged_at": time_text(acknowledged),
        "contained_at": None,
        "resolved_at": time_text(resolved),
        "complete": None not in (page, acknowledged, resolved),
        "failures_before_detection": row["failures_before_detection"],
        "failures_before_page": row["failures_before_page"],
        "failures_before_acknowledge": row["failures_before_acknowledge"],
        "failures_after_page": row["failures"] - row["failures_before_page"] if paged else None,
        "affected_before_page": row["affected_before_page"],
        "affected_after_page": row["affected_count"] - row["affected_before_page"] if paged else None,
        "seconds": {
            "detect": _seconds(row, row["opened_at"]),
            "page": _seconds(row, page),
            "acknowledge": _seconds(row, acknowledged),
            "resolve": _seconds(row, resolved),
        },
    }


def _seconds(row: Row, at: int | None) -> float | None:
    return None if at is None else (at - row["first_failure_at"]) / 1000


def timeline_item(row: Row) -> Json:
    """One entry of an incident's timeline. `event_id` is the agent's action it speaks of, `id` the event's own."""
    return {
        "id": None if row["record_id"] is None else str(row["record_id"]),
        "at": time_text(row["at"]),
        "kind": row["kind"],
        "text": row["text"],
        "actor": row["actor"],
        "event_id": None if row["action_id"] is None else str(row["action_id"]),
        "details": row["details"],
    }
