"""An entry of an incident's timeline: one event with its one sentence. incidents and pages keep them, each its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.plain import details
from schemas import envelope
from schemas.avro_types import Id16
from schemas.record import Record

# What an entry says in fields of its own.
_LEFT_OUT = frozenset({"tenant", "incident_id", "number", "at"})


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is the event's type name, `text` one plain sentence, `details` the event's own fields as JSON values.

    `record_id` is the event's own id (`ce_id`), `action_id` the agent's action that it speaks of.
    """

    tenant: str
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    at: int
    kind: str
    text: str
    actor: str | None
    record_id: Id16 | None
    action_id: Id16 | None
    details: Mapping[str, Any]


def entry(record: Record, event: Any, text: str, actor: str | None) -> Entry:
    """An event of an incident (it has tenant, incident_id and at) as an entry."""
    return Entry(
        tenant=event.tenant,
        incident_id=event.incident_id,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
        at=event.at,
        kind=type(event).__name__,
        text=text,
        actor=actor,
        record_id=envelope.record_id(record),
        action_id=getattr(event, "action_id", None),
        details=details(event, _LEFT_OUT),
    )
