"""What is remembered of how incidents began, so that a later error can be found to be similar.

Keys, all beginning with the tenant's Kafka key: `<t>/family/<hash>` (the incidents of one error type on a resource, or
on a service that the catalog declares), `<t>/incident/<id>/families` (where an incident is listed, to be forgotten).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from schemas.avro_types import Id16
from schemas.ids import derive

# 32 x (16 + 32 + 300 characters of up to 4 bytes + a few) < 41 KB of a 64 KB part.
BEGAN_MAX = 32
# Names kept ready, 200 bytes each.
KEPT_KEYS = 1_024


@dataclass(frozen=True, slots=True)
class Began:
    """How an incident began: its first failure's fingerprint and normalised message.

    `words` is empty where a team's grouping rule made the fingerprint: then only the same one is the same error.
    """

    incident_id: Id16
    fingerprint: str
    words: str


@dataclass(frozen=True, slots=True)
class Family:
    """The last incidents that began with an error of one type in one place, oldest first; the over ones too."""

    began: tuple[Began, ...]


@dataclass(frozen=True, slots=True)
class Families:
    """The parts in which an incident is listed."""

    parts: tuple[str, ...]


PARTS = (Family, Families)


@lru_cache(maxsize=KEPT_KEYS)
def family_part(key: str, kind: Literal["resource", "service"], name: str, error_type: str, historical: bool) -> str:
    """Where the incidents of an error type on a resource or a service are listed."""
    return f"{key}/family/{derive('family', kind, name, error_type, int(historical)).hex()}"


def families_part(incident: str) -> str:
    """Where it is said in which families the incident at this part is."""
    return f"{incident}/families"
