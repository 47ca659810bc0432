"""What an incident or a change may have hit, as the catalog of that moment says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16

# direct: it is what failed or was changed; downstream: it calls that; possibly: further away, or beside it.
Relation = Literal["direct", "downstream", "possibly"]
Because = Literal["opened", "catalog", "moved"]


@dataclass(frozen=True, slots=True)
class Reached:
    """One service of a blast radius.

    `depth` counts steps from what is direct (0). `via` is the neighbour through which it was reached; `calls` says that
    it calls `via` (else `via` calls it). `owner` is empty where the catalog names none, `declared` False for a name
    that only others' dependencies mention.
    """

    service: str
    relation: Relation
    depth: int
    via: str
    calls: bool
    owner: str
    tier: str
    declared: bool


@dataclass(frozen=True, slots=True)
class BlastRadiusStated:
    """The blast radius of an incident from now on. `services` are the direct ones (none: the catalog knows nothing of
    the resource), `cut` counts what was reached and is not among `nodes`, `circle` names services that need each other
    in a circle with a direct one, `digest` is equal for equal radii."""

    tenant: str
    incident_id: Id16
    number: int
    resource: str
    services: tuple[str, ...]
    nodes: tuple[Reached, ...]
    cut: int
    owners: tuple[str, ...]
    circle: tuple[str, ...]
    because: Because
    digest: Id16
    reasons: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class ChangeRadiusStated:
    """The blast radius of a change on a service of the catalog, when it was recorded; fields as of an incident's."""

    tenant: str
    change_id: Id16
    resource: str
    services: tuple[str, ...]
    nodes: tuple[Reached, ...]
    cut: int
    owners: tuple[str, ...]
    circle: tuple[str, ...]
    reasons: tuple[str, ...]
    at: int


EVENTS = (BlastRadiusStated, ChangeRadiusStated)
