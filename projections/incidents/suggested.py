"""Suggestions and crossed thresholds: their rows, pure folds of incidents.events, and how /v1 shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from projections.plain import Json, id_text, time_text
from projections.reading import Said
from projections.tables import Table
from schemas import ids, scaled
from schemas.avro_types import Id16
from schemas.messages import incidents as said

Key = tuple[str, bytes]
# As many evidence ids as the processor keeps.
EVIDENCE_MAX = 16
_NAME = re.compile(r"\ASUG-([1-9][0-9]{0,17})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BreachRow:
    """A crossed threshold of an incident. Values are millionths, `event_time` is the observation's."""

    tenant: str
    breach_id: Id16
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    threshold: str
    name: str
    resource: str
    actor: str | None
    value: int
    unit: str | None
    limit: int
    side: str
    held_s: int
    baseline: int | None
    ratio_permille: int | None
    samples: int
    event_time: int
    opened: bool
    at: int


@dataclass(frozen=True, slots=True)
class BreachEndRow:
    """A value that is back inside its limit."""

    tenant: str
    breach_id: Id16
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    value: int
    lasted_s: int
    at: int


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """A suggestion as it is now. `said` is the note or the reason of who decided; `version` = last offset."""

    tenant: str
    suggestion_id: Id16
    number: int
    kind: str
    confidence: str
    resource: str
    title: str
    pattern: str
    actor: str | None
    past_number: int | None
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]
    event_time: int
    at: int
    expires_at: int
    version: int
    state: str = "open"
    times: int = 1
    decided_at: int | None = None
    decided_by: str | None = None
    said: str | None = None
    incident_id: Id16 | None = None
    incident_number: int | None = None


BREACHES = Table.of("breaches", BreachRow, ())
BREACH_ENDS = Table.of("breach_ends", BreachEndRow, ())
SUGGESTIONS = Table.of("suggestions", SuggestionRow, ("tenant", "suggestion_id"))


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes."""

    suggestions: tuple[SuggestionRow, ...]
    breaches: tuple[BreachRow, ...]
    breach_ends: tuple[BreachEndRow, ...]


def keys(batch: Iterable[Said]) -> list[Key]:
    """Which suggestions' rows a batch needs, sorted."""
    return sorted({(e.message.tenant, e.message.suggestion_id) for e in batch if hasattr(e.message, "suggestion_id")})


def project(batch: Iterable[Said], present: Mapping[Key, SuggestionRow]) -> Changes:
    """Fold a batch over the rows that are there."""
    now: dict[Key, SuggestionRow] = dict(present)
    touched: dict[Key, None] = {}
    breaches: list[BreachRow] = []
    ends: list[BreachEndRow] = []
    for each in batch:
        record, message = each.record, each.message
        if isinstance(message, said.ThresholdBreached):
            breaches.append(_appended(BreachRow, record, message))
        elif isinstance(message, said.ThresholdRecovered):
            ends.append(_appended(BreachEndRow, record, message))
        elif hasattr(message, "suggestion_id"):
            key = (message.tenant, message.suggestion_id)
            row = evolve(now.get(key), message, record.offset)
            if row is not None and row != now.get(key):
                now[key] = row
                touched[key] = None
    return Changes(tuple(now[key] for key in touched), tuple(breaches), tuple(ends))


def _appended(kind: type[Any], record: Any, event: Any) -> Any:
    place = ("topic", "partition", "offset", "append_time")
    return kind(**{f.name: getattr(record if f.name in place else event, f.name) for f in fields(kind)})


def evolve(row: SuggestionRow | None, event: Any, offset: int) -> SuggestionRow | None:
    """A suggestion's row after one event. Total."""
    if isinstance(event, said.IncidentSuggested):
        evidence = tuple(id_text(each) or "" for each in event.evidence)
        names = {f.name for f in fields(SuggestionRow)} & {f.name for f in fields(event)} - {"evidence"}
        return SuggestionRow(**{n: getattr(event, n) for n in names}, evidence=evidence, version=offset)
    if row is None:
        return None  # the log keeps these events for ever, so a suggestion begins with its being made
    match event:
        case said.SuggestionSupported():
            evidence = (*row.evidence, id_text(event.evidence) or "")[-EVIDENCE_MAX:]
            return replace(row, times=event.times, evidence=evidence, version=offset)
        case said.SuggestionAccepted():
            decided = replace(row, state="accepted", decided_at=event.at, decided_by=event.subject, said=event.note)
            return replace(decided, incident_id=event.incident_id, incident_number=event.number, version=offset)
        case said.SuggestionDismissed():
            decided = replace(row, state="dismissed", decided_at=event.at, decided_by=event.subject)
            return replace(decided, said=event.reason, version=offset)
        case said.SuggestionExpired():
            return replace(row, state="expired", decided_at=event.at, version=offset)
    return row


# --- as /v1 shows them --------------------------------------------------------------------------------------------


def reference(text: str) -> bytes | int | None:
    """A suggestion's id (16 bytes) from a UUID, its number from SUG-n, else None."""
    named = _NAME.match(text)
    return int(named[1]) if named else ids.parse(text)


def suggestion(row: Mapping[str, Any]) -> Json:
    """A suggestion; `state` is open, accepted, dismissed or expired, `incident` INC-n once it was accepted.

    `counts`: how often people accepted, dismissed or left this pattern, over all resources.
    """
    return {
        "id": str(row["suggestion_id"]),
        "number": row["number"],
        "name": f"SUG-{row['number']}",
        "kind": row["kind"],
        "confidence": row["confidence"],
        "state": row["state"],
        "resource": row["resource"],
        "title": row["title"],
        "pattern": row["pattern"],
        "actor": row["actor"],
        "past": None if row["past_number"] is None else f"INC-{row['past_number']}",
        "reasons": row["reasons"],
        "evidence": row["evidence"],
        "times": row["times"],
        "event_time": time_text(row["event_time"]),
        "at": time_text(row["at"]),
        "expires_at": time_text(row["expires_at"]),
        "decided_at": time_text(row["decided_at"]),
        "decided_by": row["decided_by"],
        "said": row["said"],
        "incident": None if row["incident_number"] is None else f"INC-{row['incident_number']}",
        "counts": {
            "accepted": row["accepted_count"],
            "dismissed": row["dismissed_count"],
            "expired": row["expired_count"],
        },
    }


def breach(row: Mapping[str, Any]) -> Json:
    """A crossed threshold; values are decimals as texts, `recovered_at` (log time) is None while it is over."""
    return {
        "id": str(row["breach_id"]),
        "at": time_text(row["at"]),
        "threshold": row["threshold"],
        "name": row["name"],
        "resource": row["resource"],
        "actor": row["actor"],
        "value": scaled.text(row["value"]),
        "unit": row["unit"],
        "limit": scaled.text(row["limit"]),
        "side": row["side"],
        "held_s": row["held_s"],
        "baseline": None if row["baseline"] is None else scaled.text(row["baseline"]),
        "ratio_permille": row["ratio_permille"],
        "event_time": time_text(row["event_time"]),
        "recovered_at": time_text(row["recovered_at"]),
        "lasted_s": row["lasted_s"],
        "opened": row["opened"],
    }
