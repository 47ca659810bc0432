"""Pure: what records of the timeline's inputs become. Rows are tuples in the order of their table's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from projections.reading import Said
from projections.tables import Table, Type
from schemas import codec
from schemas.envelope import flags
from schemas.errors import SchemaError
from schemas.head import Head
from schemas.messages import actions, ordering
from schemas.record import Record

DAY_MS = 86_400_000

TIMELINE = Table(
    "timeline",
    (
        ("tenant", "text"),
        ("topic", "text"),
        ("partition", "int8"),
        ("offset", "int8"),
        ("append_time", "int8"),
        ("event_id", "uuid"),
        ("actor", "text"),
        ("session", "text"),
        ("sequence", "int8"),
        ("event_time", "int8"),
        ("received_at", "int8"),
        ("traits", "int8"),
        ("resource", "text"),
        ("type", "text"),
        ("flags", "text"),
        ("error_type", "text"),
        ("error_message", "text"),
        ("original", "bytea"),
    ),
)
COUNTS = Table("timeline_counts", (("tenant", "text"), ("day", "int8"), ("rows", "int8")), ("tenant", "day"))
_PLACE: tuple[tuple[str, Type], ...] = (
    ("tenant", "text"),
    ("topic", "text"),
    ("partition", "int8"),
    ("offset", "int8"),
    ("append_time", "int8"),
)
GAPS = Table(
    "gap_events",
    (
        *_PLACE,
        ("kind", "text"),
        ("actor", "text"),
        ("session", "text"),
        ("first", "int8"),
        ("last", "int8"),
        ("missing", "jsonb"),
        ("missing_count", "int8"),
        ("late_ms", "int8"),
        ("opened_at", "int8"),
        ("at", "int8"),
    ),
)
DRIFTS = Table(
    "drift_alerts",
    (*_PLACE, ("actor", "text"), ("kind", "text"), ("drift_ms", "int8"), ("event_id", "uuid"), ("at", "int8")),
)

Row = tuple[Any, ...]
WORDS = codec.Words((actions.Action,))


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch adds: rows by table, and rows per (tenant, day of append time)."""

    timeline: tuple[Row, ...]
    counts: tuple[Row, ...]
    gaps: tuple[Row, ...]
    drifts: tuple[Row, ...]


def day_of(append_time: int) -> int:
    """Days since 1970 (UTC) of an append time in ms."""
    return append_time // DAY_MS


def project(said: Iterable[Said]) -> Changes:
    """Records to rows, in their order."""
    rows: list[Row] = []
    gaps: list[Row] = []
    drifts: list[Row] = []
    counts: Counter[tuple[str, int]] = Counter()
    # Neighbours are mostly of one tenant and day: added up before they are looked up.
    tenant, day, run = "", 0, 0
    for each in said:
        record, message = each.record, each.message
        if isinstance(message, Head):
            rows.append(action_row(record, message))
            if message.tenant != tenant or record.append_time // DAY_MS != day:
                counts[tenant, day] += run
                tenant, day, run = message.tenant, day_of(record.append_time), 0
            run += 1
        elif isinstance(message, ordering.ClockDriftDetected):
            drifts.append(
                (
                    *_place(message.tenant, record),
                    message.actor,
                    message.kind,
                    message.drift_ms,
                    message.event_id,
                    message.at,
                )
            )
        else:
            gaps.append(gap_row(record, message))
    counts[tenant, day] += run
    counted = tuple((*key, n) for key, n in sorted(counts.items()) if n)
    return Changes(tuple(rows), counted, tuple(gaps), tuple(drifts))


def _place(tenant: str, record: Record) -> Row:
    return (tenant, record.topic, record.partition, record.offset, record.append_time)


def action_row(record: Record, head: Head) -> Row:
    """One action. Only those that report an error are decoded (8 µs each): lists filter and show it."""
    error_type = error_message = None
    if head.traits & actions.ERROR:
        error = _error(record)
        if error is not None:
            error_type, error_message = error.type, error.message
    return (
        head.tenant,
        record.topic,
        record.partition,
        record.offset,
        record.append_time,
        head.event_id,
        head.actor,
        head.session,
        head.sequence,
        head.timestamp,
        head.received_at,
        head.traits,
        head.resource,
        head.type,
        ",".join(flags(record.headers)) if record.headers else "",
        error_type,
        error_message,
        record.value,
    )


def _error(record: Record) -> actions.ErrorInfo | None:
    try:
        action: actions.Action = WORDS.decode(record.value)
    except SchemaError:
        # Deduplication and ordering decide on the head alone, so a broken rest comes this far (signals puts it into
        # dead.letters); the row still says that and when something came.
        return None
    return action.error


def gap_row(record: Record, event: Any) -> Row:
    """One event about a hole in a session's numbers."""
    place = (*_place(event.tenant, record),)
    whose = (event.actor, event.session, event.first, event.last)
    size = event.last - event.first + 1
    match event:
        case ordering.SequenceGapOpened():
            return (*place, "opened", *whose, (), size, None, event.at, event.at)
        case ordering.SequenceGapFilled():
            return (*place, "filled", *whose, (), 0, event.late_ms, event.at - event.late_ms, event.at)
        case ordering.SequenceGapDeclared():
            count = event.missing_count
            return (*place, "declared", *whose, event.missing, count, None, event.opened_at, event.at)
    raise AssertionError(f"no such event on ordering.events: {type(event).__name__}")
