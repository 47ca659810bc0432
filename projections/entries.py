"""An entry of an incident's timeline: one event with its one sentence. incidents and pages keep them, each its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is the event's type name, `text` one plain sentence, `details` the event's own fields as JSON values."""

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
    event_id: Id16 | None
    details: Mapping[str, Any]
