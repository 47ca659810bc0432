"""What the incidents processor remembers of floods and of external dependencies.

Keys, beginning with the tenant's Kafka key: `<t>/floods` (what partitions counted), `<t>/flood/<id>` (an episode, until
a day after its end), `<t>/flooding/<hash>` (the episode of a kind and actor that runs), `<t>/dependency/<hash>` (what
was said of one in a region, until it has recovered). Timers: `flood_end` and `flood_forget` on an
episode, `dependency_until` on a dependency.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.ids import Id, derive
from schemas.messages.incidents.flooding import FloodKind


@dataclass(frozen=True, slots=True)
class PartitionCount:
    """What one partition of ordering counted: in the second, or the ten seconds, that begin with `second`."""

    partition: int
    second: int
    count: int


@dataclass(frozen=True, slots=True)
class FloodCounts:
    """The last counts of a tenant's partitions, oldest first, and how many episodes are kept."""

    actions: tuple[PartitionCount, ...] = ()
    newcomers: tuple[PartitionCount, ...] = ()
    floods: int = 0


@dataclass(frozen=True, slots=True)
class Flood:
    """One episode. `said` is the count that was last said, `peak` the most; `ended_at` 0 while it runs."""

    flood_id: Id16
    kind: FloodKind
    actor: str
    count: int
    said: int
    peak: int
    reports: int
    started_at: int
    last_at: int
    limited_until: int
    verdict: str = ""
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class FloodRunning:
    """Which episode of a kind and actor runs."""

    flood_id: Id16


@dataclass(frozen=True, slots=True)
class DegradedDependency:
    """An external dependency that is degraded, and the incidents that were told that it may be why."""

    dependency: str
    region: str
    since: int
    until: int | None
    source: str
    subject: str
    incidents: tuple[Id16, ...] = ()


PARTS = (FloodCounts, Flood, FloodRunning, DegradedDependency)


def counts_part(key: str) -> str:
    """Where the counts are; `key` is the tenant's Kafka key."""
    return f"{key}/floods"


def flood_part(key: str, flood_id: Id) -> str:
    """Where an episode is."""
    return f"{key}/flood/{flood_id.hex()}"


def running_part(key: str, kind: str, actor: str) -> str:
    """Where it stands which episode runs."""
    return f"{key}/flooding/{derive('flood', kind, actor).hex()}"


def dependency_part(key: str, dependency: str, region: str) -> str:
    """Where a degraded dependency is."""
    return f"{dependencies_prefix(key)}{derive('dependency', dependency, region).hex()}"


def dependencies_prefix(key: str) -> str:
    """With what the keys of degraded dependencies begin."""
    return f"{key}/dependency/"
