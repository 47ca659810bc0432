"""Pure: rows of incidents as /v1 shows them. Rows come as mappings of column to value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from projections.incidents.responding import together
from projections.plain import Json, details, time_text
from projections.worlds import world
from schemas import ids
from schemas.messages.incidents import CauseSuggested

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
    """An incident.

    `cause` is None until causes are weighed (moments after the opening), then as in `cause_of`; `confidence` is
    `high`, `medium` or `low`, and None without a candidate. `trigger` says what opened it: `error`, `report`, `alert`,
    `threshold`, `suggestion`, and `trigger_confidence` how far that is to be believed. `in_maintenance` names the
    maintenance window in which nobody is told of it, None once somebody is.
    `severities` is the history of the severity, oldest first: {at, from, to, reason, by}, `by` None where no person
    set it. `assigned_by` is None where the assignee acknowledged,
    `assigned_at` says since when the assignee has it. `world`, `world_why` and `cases` are those of
    `projections.worlds`, who works on it and what waits those of `responding.together`.
    """
    return _of_itself(row) | _moved(row) | together(row) | world(row)


def _of_itself(row: Row) -> Json:
    """What it is, and what was seen failing."""
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
        "trigger": row["trigger"],
        "trigger_confidence": row["trigger_confidence"],
        "in_maintenance": row["in_maintenance"],
    }


def _moved(row: Row) -> Json:
    """What people and the processor did with it."""
    return {
        "assigned_by": row["assigned_by"],
        "assigned_at": time_text(row["assigned_at"]),
        "contained_at": time_text(row["contained_at"]),
        "contained_by": row["contained_by"],
        "reopened_at": time_text(row["reopened_at"]),
        "closed_at": time_text(row["closed_at"]),
        "closed_by": row["closed_by"],
        "merged_into": None if row["merged_into"] is None else str(row["merged_into"]),
        "split_from": None if row["split_from"] is None else str(row["split_from"]),
        "opened_why": row["opened_why"],
        "severities": row["severities"],
        "report_count": row["reports"],
        "alert_count": row["alerts"],
        "alerts_firing": row["alerts_firing"],
        "cause": row["cause"],
        "kind": row["kind"],
        "classified": row["classified"],
        "confidence": row["confidence"],
        "exhausted": bool(row["exhausted"]),
        "intervention": intervention(row),
    }


def intervention(row: Row) -> Json:
    """Could a human intervene in time: the times and what happened in between.

    `failures_before_x` counts all failures up to x, the detecting one included; `after_page` those since the first
    page. `seconds` are from the first failure (event time, so an agent's wrong clock can make them negative).
    `complete`: somebody was paged, acknowledged, and it is resolved. `contained_at` is None when nobody said so.
    """
    page, acknowledged, resolved = row["first_page_at"], row["acknowledged_at"], row["resolved_at"]
    contained = row["contained_at"]
    paged = page is not None
    return {
        "first_failure_at": time_text(row["first_failure_at"]),
        "detected_at": time_text(row["opened_at"]),
        "first_page_at": time_text(page),
        "acknowledged_at": time_text(acknowledged),
        "contained_at": time_text(contained),
        "resolved_at": time_text(resolved),
        "complete": None not in (page, acknowledged, resolved),
        "failures_before_detection": row["failures_before_detection"],
        "failures_before_page": row["failures_before_page"],
        "failures_before_acknowledge": row["failures_before_acknowledge"],
        "failures_before_contain": row["failures_before_contain"],
        "failures_after_page": row["failures"] - row["failures_before_page"] if paged else None,
        "affected_before_page": row["affected_before_page"],
        "affected_after_page": row["affected_count"] - row["affected_before_page"] if paged else None,
        "seconds": {
            "detect": _seconds(row, row["opened_at"]),
            "page": _seconds(row, page),
            "acknowledge": _seconds(row, acknowledged),
            "contain": _seconds(row, contained),
            "resolve": _seconds(row, resolved),
        },
    }


def cause_of(event: CauseSuggested) -> Json:
    """A suggested cause as /v1 shows it:

        {"candidate": {"change_id", "kind", "resource", "reference": {"before", "after"}, "summary", "actor",
                       "changed_at", "seconds_before"} or null,
         "said": "deploy v2.3.0 → v2.3.1 of payments-service by deployer, 1 s before the first failure",
         "confidence": "high" | "medium" | "low" | "none", "score": 0 to 1000, "percent": 0 to 99, "tied": number,
         "reasons": [text], "ranked": [{"change_id", "kind", "percent", "parts": [{"name", "points", "why"}], …}],
         "considered": [{"change_id", "kind", "resource", "actor", "changed_at", "score", "why"}],
         "weighed": how many changes, "at": time}

    Without a candidate: `candidate` null, `said` "no candidate", `confidence` "none"; `reasons` say why.
    """
    shown = details(event)
    candidate = None
    if event.change_id is not None:
        names = ("change_id", "kind", "resource", "summary", "actor", "changed_at", "seconds_before")
        candidate = {name: shown[name] for name in names} | {
            "reference": {"before": event.before, "after": event.after}
        }
    kept = ("confidence", "score", "percent", "tied", "reasons", "ranked", "considered", "weighed", "at")
    return {"candidate": candidate, "said": cause_text(event)} | {name: shown[name] for name in kept}


def cause_text(event: CauseSuggested) -> str:
    """The cause in one line, or "no candidate"."""
    if event.change_id is None:
        return "no candidate"
    arrow = " → ".join(part for part in (event.before, event.after) if part)
    what = f"{event.kind} {arrow}" if arrow else str(event.kind)
    return f"{what} of {event.resource} by {event.actor}, {event.seconds_before} s before the first failure"


def report(row: Row) -> Json:
    """What somebody reported."""
    return {
        "id": str(row["report_id"]),
        "at": time_text(row["at"]),
        "by": row["subject"],
        "kind": row["subject_kind"],
        "what": row["what"],
        "severity": row["severity"],
        "since": time_text(row["since"]),
        "opened": row["opened"],
    }


def alert(row: Row) -> Json:
    """An external alert; `resolved_at` (log time) is None while it fires."""
    return {
        "id": str(row["alert_id"]),
        "at": time_text(row["at"]),
        "source": row["source"],
        "fingerprint": row["fingerprint"],
        "name": row["name"],
        "summary": row["summary"],
        "severity": row["severity"],
        "link": row["link"],
        "resource_from": row["resource_from"],
        "starts_at": time_text(row["starts_at"]),
        "ends_at": time_text(row["ends_at"]),
        "resolved_at": time_text(row["resolved_at"]),
        "firing": row["resolved_at"] is None,
        "opened": row["opened"],
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
