"""What is remembered of an incident's kind, of writes of data, and of pages that did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas.avro_types import Id16
from schemas.ids import Id, derive
from schemas.messages.incidents import IncidentKind

KEPT_KEYS = 4_096  # names kept ready: usually 100 bytes each, at most 8 KB, so at worst 40 MB
# 64 writes x (32 + 64 characters of up to 4 bytes + 50) < 30 KB of a 64 KB part.
WRITES_PER_RESOURCE = 64
TROUBLES = 32  # pages that failed, or false alarms, of which the times are kept: more than any threshold
BLAMED = 16  # changes that were blamed: more than the documents of which one can be
SYMPTOM_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Classified:
    """What kind of incident it is said to be, by which change, how sure, and what it looks like."""

    kind: IncidentKind
    cause_id: Id16 | None
    percent: int
    symptom: str


@dataclass(frozen=True, slots=True)
class Write:
    """A write of data; `rows` is -1 where nobody said how many."""

    kind: str
    actor: str
    rows: int
    action_id: Id16
    event_time: int


@dataclass(frozen=True, slots=True)
class Writes:
    """The last writes of a resource, oldest first."""

    resource: str
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """When pages did not arrive and when incidents were called false alarms (ms of log time), oldest first.

    `blamed` are the changes of configuration of which an incident was told already.
    """

    failed: tuple[int, ...] = ()
    false_alarms: tuple[int, ...] = ()
    blamed: tuple[Id16, ...] = ()


PARTS = (Classified, Writes, Routing)


# --- events without a wire form ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindKept:
    """A plain failure: nobody need be told, what it looks like is kept."""

    part: str
    classified: Classified


@dataclass(frozen=True, slots=True)
class WritesKept:
    """The writes under this part are as they are now."""

    part: str
    writes: Writes


@dataclass(frozen=True, slots=True)
class RoutingSeen:
    """What went wrong with telling people, as it is now."""

    part: str
    routing: Routing


# --- keys ----------------------------------------------------------------------------------------------------------


def kind_part(key: str, incident_id: Id) -> str:
    """Where an incident's kind is; it goes with the incident."""
    return f"{key}/incident/{incident_id.hex()}/kind"


@lru_cache(maxsize=KEPT_KEYS)
def writes_part(key: str, resource: str) -> str:
    """Where the writes of a resource are."""
    return f"{key}/writes/{derive('writes', resource).hex()}"


def routing_part(key: str) -> str:
    """Where the tenant's trouble with telling people is."""
    return f"{key}/routing"
