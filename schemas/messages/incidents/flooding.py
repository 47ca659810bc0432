"""What is said about floods, unusual actors and external dependencies, on `incidents.commands` and `incidents.events`.

Facts come from `ordering` (rates; its key is the actor) and `signals` (dependencies; its key is the resource): each
partition says what it counted, the incidents processor sums. A flood is flagged, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from schemas.avro_types import Fallback, Id16

FloodKind = Annotated[
    Literal["suspicious_volume", "possible_attack", "possible_credential_stuffing", "unusual_behaviour"],
    Fallback("suspicious_volume"),
]
Verdict = Annotated[Literal["released", "confirmed"], Fallback("released")]
DependencyState = Annotated[Literal["degraded", "recovered"], Fallback("degraded")]


# --- commands: facts of ordering and signals ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActorRateExceeded:
    """`actor` did at least `count` actions in one `second` (s since 1970, log time), more than `limit`.

    Said when the limit is passed, and at every doubling of it within the same second.
    """

    tenant: str
    actor: str
    second: int
    count: int
    limit: int
    at: int


@dataclass(frozen=True, slots=True)
class ActorUnusual:
    """`actor` did `count` actions of one class of types (`kind`, `file` of `file.write`) in a window, unlike before.

    `normal` is the most in any of the actor's last `windows` active windows; said once a window and kind, when `count`
    reaches `limit`. `since` is the window's beginning (ms of log time), `action_id` the action that reached it.
    """

    tenant: str
    actor: str
    kind: str
    count: int
    normal: int
    windows: int
    window_s: int
    limit: int
    resource: str
    action_id: Id16
    since: int
    at: int


@dataclass(frozen=True, slots=True)
class TrafficCounted:
    """At least `actions` of the tenant's in one `second` on one `partition` of ordering (a rung of its ladder)."""

    tenant: str
    partition: int
    second: int
    actions: int
    at: int


@dataclass(frozen=True, slots=True)
class NewActorsCounted:
    """At least `actors` first seen in the 10 s from `second` on, on one `partition` of ordering; `actor`: the last."""

    tenant: str
    partition: int
    second: int
    actors: int
    actor: str
    at: int


@dataclass(frozen=True, slots=True)
class DependencyCounted:
    """How a declared dependency stands, as one `partition` of signals counted it: `failures` of `tries` in `window_s`.

    `words` say it with the numbers; said when it becomes elevated or normal again, and at most once a twelfth of the
    window while it fails. `fewest` is the smallest number of failures that would be elevated at so many tries.
    """

    tenant: str
    dependency: str
    partition: int
    tries: int
    failures: int
    window_s: int
    expected_per_mille: int
    alert_per_mille: int
    fewest: int
    elevated: bool
    words: str
    at: int


# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JudgeFlood:
    """`subject` has looked at what was flagged: harmless (`released`), or what it seems (`confirmed`)."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    flood_id: Id16
    verdict: Verdict
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class SetDependencyStatus:
    """`subject` says how an external dependency stands: since when (ms), until when if known, and who says so."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    dependency: str
    status: DependencyState
    region: str
    since: int
    until: int | None
    source: str
    note: str | None
    at: int


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FloodSuspected:
    """An episode begins. `actor` is empty where the whole tenant is meant; `evidence` are the numbers in words.

    The gateway lets `rate_limit` actions a second pass until `limited_until` (ms); 0: it limits nothing.
    `security_owner` is a person or team, "" for nobody.
    """

    tenant: str
    flood_id: Id16
    kind: FloodKind
    actor: str
    count: int
    limit: int
    evidence: str
    rate_limit: int
    limited_until: int
    security_owner: str
    at: int


@dataclass(frozen=True, slots=True)
class FloodGrew:
    """The episode has reached twice what was last said, or goes on after its limit at the gateway was over."""

    tenant: str
    flood_id: Id16
    kind: FloodKind
    actor: str
    count: int
    evidence: str
    at: int
    limited_until: int = 0


@dataclass(frozen=True, slots=True)
class FloodJudged:
    """A person's verdict. Released: nothing is limited any more; confirmed: nothing passes until `limited_until`."""

    tenant: str
    flood_id: Id16
    kind: FloodKind
    actor: str
    verdict: Verdict
    subject: str
    note: str | None
    limited_until: int
    at: int


@dataclass(frozen=True, slots=True)
class FloodEnded:
    """Nothing further was seen for a while; `peak` is the most that was counted, `reports` how often it was told."""

    tenant: str
    flood_id: Id16
    kind: FloodKind
    actor: str
    peak: int
    reports: int
    at: int


@dataclass(frozen=True, slots=True)
class DependencyRated:
    """How often an external dependency fails, as one partition counted it (see DependencyCounted)."""

    tenant: str
    dependency: str
    partition: int
    tries: int
    failures: int
    window_s: int
    expected_per_mille: int
    alert_per_mille: int
    fewest: int
    elevated: bool
    words: str
    at: int


@dataclass(frozen=True, slots=True)
class DependencyDegraded:
    """`subject` says that a dependency is degraded; the newest word of a (dependency, region) replaces those before."""

    tenant: str
    dependency: str
    region: str
    since: int
    until: int | None
    source: str
    subject: str
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class DependencyRecovered:
    """`subject` says that it is over."""

    tenant: str
    dependency: str
    region: str
    since: int
    until: int
    source: str
    subject: str
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class DependencySuspected:
    """An incident may be related to a degraded dependency: `text` says so for people. Never more than POSSIBLE.

    `reasons` are what matches: that the service depends on it, and the two times.
    """

    tenant: str
    incident_id: Id16
    number: int
    dependency: str
    region: str
    confidence: Annotated[Literal["possible"], Fallback("possible")]
    text: str
    reasons: tuple[str, ...]
    since: int
    until: int | None
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class DependencyCleared:
    """The dependency has recovered: it is no longer among what an incident may be related to."""

    tenant: str
    incident_id: Id16
    number: int
    dependency: str
    region: str
    text: str
    at: int


COMMANDS = (
    ActorRateExceeded,
    ActorUnusual,
    TrafficCounted,
    NewActorsCounted,
    DependencyCounted,
    JudgeFlood,
    SetDependencyStatus,
)
EVENTS = (
    FloodSuspected,
    FloodGrew,
    FloodJudged,
    FloodEnded,
    DependencyRated,
    DependencyDegraded,
    DependencyRecovered,
    DependencySuspected,
    DependencyCleared,
)
