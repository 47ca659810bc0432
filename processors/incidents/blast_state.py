"""What is remembered of an incident's blast radius: `<t>/incident/<id>/blast`, which goes with the incident."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.ids import Id


@dataclass(frozen=True, slots=True)
class Blast:
    """Which radius was stated last."""

    digest: Id16


PARTS = (Blast,)


def blast_part(key: str, incident_id: Id) -> str:
    """Where it is. `key` is the tenant's Kafka key."""
    return f"{key}/incident/{incident_id.hex()}/blast"
