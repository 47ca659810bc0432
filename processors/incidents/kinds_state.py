"""What is remembered of an incident's kind, of writes of data, and of pages that did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas.avro_types import Id16
from schemas.ids import Id, derive
from schemas.messages.incidents import IncidentKind

KEPT_KEYS = 4_096  # names kept ready: usually 100 bytes each, at most 8 KB, so at worst 40 MB
# 64 writes x (32 + 64 characters of up to 4 bytes + 60) < 30 KB of a 64 KB part.
WRITES_PER_RESOURCE = 64
# Resources of a tenant whose writes are kept: 100 to 7,000 bytes each, so 20 MB at worst of what is usual. The last
# thousand are for kinds that weigh something: no agent that writes many files takes the room of a bulk operation.
WRITTEN_MAX, WRITTEN_PLAIN_MAX = 3_000, 2_000
WRITTEN_OF_MAX = 64  # of a service: 64 names of at most 200 characters of up to 4 bytes are 51 KB of a 64 KB part
WRITTEN_CHARACTERS = 200
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
    """A write of data; `rows` is -1 where nobody said how many.

    `count` are the writes of this kind and actor within a minute, of which this was the first; `points` what the kind
    weighs, -1 where the settings do not name it.
    """

    kind: str
    actor: str
    rows: int
    action_id: Id16
    event_time: int
    count: int = 1
    points: int = -1


@dataclass(frozen=True, slots=True)
class Writes:
    """Writes of a resource in the order in which they were told: the last, and before them the broadest."""

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


@dataclass(frozen=True, slots=True)
class Written:
    """How many resources of a tenant have writes that are kept."""

    resources: int = 0


@dataclass(frozen=True, slots=True)
class WrittenOf:
    """Resources that belong to a service by the catalog and were written, by other names than its own."""

    resources: tuple[str, ...] = ()


PARTS = (Classified, Writes, Routing, Written, WrittenOf)


# --- events without a wire form ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindKept:
    """A plain failure: nobody need be told, what it looks like is kept."""

    part: str
    classified: Classified


@dataclass(frozen=True, slots=True)
class WritesKept:
    """The writes under this part are as they are now, or (None) no longer kept. `key` is the tenant's."""

    key: str
    part: str
    writes: Writes | None


@dataclass(frozen=True, slots=True)
class WrittenListed:
    """The written resources of a service, as they are now, or (None) no longer kept."""

    part: str
    written: WrittenOf | None


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


def written_part(key: str) -> str:
    """Where the resources with writes are counted."""
    return f"{key}/written"


@lru_cache(maxsize=KEPT_KEYS)
def written_of_part(key: str, service: str) -> str:
    """Where the written resources of a service are listed."""
    return f"{key}/written/{derive('written', service).hex()}"


def routing_part(key: str) -> str:
    """Where the tenant's trouble with telling people is."""
    return f"{key}/routing"
