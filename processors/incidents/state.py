"""What the incidents processor remembers, as parts.

Keys, all beginning with the tenant's Kafka key:
`<t>/tenant`, `<t>/incident/<id>`, `<t>/incident/<id>/{failures,actions,affected}/<bucket>/<n>`,
`<t>/incident/<id>/{kinds,names,related,blast}`, `<t>/problem/<hash>`, `<t>/correction/<id>`, `<t>/recent`,
`<t>/changes/<hash>`, `<t>/changes` (the last ones of all), `<t>/place/<hash>`, `<t>/alert/<hash>`.
Times are ms; `*_failure_at` are event times, all others log time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from processors.incidents import (
    aggregate_state,
    blast_state,
    families_state,
    flood_state,
    kinds_state,
    measures,
    responders,
)
from schemas.avro_types import Id16
from schemas.ids import Id, derive
from schemas.messages.incidents import Confidence, Severity, State, Trigger


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant's counters: the last incident number given, and failures healed by their retry."""

    incidents: int = 0
    healed: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident until 30 days after it was resolved. `acknowledged_*` are those of the latest acknowledgement,
    `first_acknowledged_at` of the first: that one ends the wait for a human.

    `last_sign_at` is the last report or alert (log time; 0 without). `held_*` are the totals when a person set the
    severity: what was reached then raises it no more. `reopens` counts how often it was opened again;
    `postmortem_held`: a gate kept it from its postmortem. `window` is the maintenance window that nobody was told in,
    `window_raised`: only of a raised severity. `breaches` are thresholds crossed. `actor` and `error_type` are those of
    the first failure.

    `attached` counts the failures that were ever attached here (the next one's ordinal), `remembered` those that are
    remembered whole (failures.py). `merged_into` makes it an alias; `members` are the incidents that were merged into
    it, directly or not. `stated`: a person, a report or an alert said its severity. `last_correction` is the last
    split or merge that touched it and was not undone. `*_failures` and `paged_affected` are the totals at those times.
    """

    incident_id: Id16
    number: int
    problem: Id16
    resource: str
    title: str
    state: State
    severity: Severity
    historical: bool
    first_failure_at: int
    last_failure_at: int
    detected_at: int
    failures: int
    affected_count: int
    first_page_at: int | None = None
    first_acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    acknowledged_severity: Severity | None = None
    resolved_at: int | None = None
    resolved_by: str | None = None
    trigger: Trigger = "error"
    actor: str = ""
    error_type: str = ""
    last_sign_at: int = 0
    assignee: str | None = None
    contained_at: int | None = None
    reports: int = 0
    alerts: int = 0
    alerts_firing: int = 0
    held_failures: int = 0
    held_affected: int = 0
    cause_id: Id16 | None = None
    cause_confidence: Confidence | None = None
    commander: str | None = None
    reopens: int = 0
    postmortem_held: bool = False
    window: str = ""
    window_raised: bool = False
    breaches: int = 0
    attached: int = 0
    remembered: int = 0
    merged_into: Id16 | None = None
    members: tuple[Id16, ...] = ()
    split_from: Id16 | None = None
    last_correction: Id16 | None = None
    stated: bool = False
    paged_failures: int = 0
    paged_affected: int = 0
    acknowledged_failures: int = 0
    contained_failures: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """A piece of a growing set of 16-byte ids, one after the other (see sets.py)."""

    ids: bytes


@dataclass(frozen=True, slots=True)
class Failures:
    """A piece of an incident's failures as packed entries (see failures.py)."""

    entries: bytes


@dataclass(frozen=True, slots=True)
class Kind:
    """A problem whose failures an incident has, in the words of its first failure; `words` is its normalised message,
    empty where a grouping rule made the fingerprint."""

    problem: Id16
    resource: str
    fingerprint: str
    error_type: str
    title: str
    action_type: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The problems of an incident's failures, in the order of their first failure."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The actors of an incident's failures, in the order of their first failure."""

    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a person's split sends later failures of a problem: to `to` and never to `away`.

    `actor` is the first 8 bytes of the actor's id (failures.actor_id), empty for every actor. `strict`: `away` is out
    of the question also when `to` is over.
    """

    correction: Id16
    actor: bytes
    to: Id16
    away: Id16
    strict: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """The incidents of one (resource, fingerprint, historical), oldest first; the open ones attract signals.

    `routes` are what people's splits say about it, the newest first.
    """

    incidents: tuple[Id16, ...]
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of incidents (a Problem or a Place) before and after a correction."""

    part: str
    before: tuple[Id16, ...]
    after: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """A split or a merge as it can be undone. `incident` is the one that keeps its name, `other` the new or merged one.

    `before` and `after` are those of `incident`; `other_state` is the merged one's before it. `mark` is `attached` of
    the incident that attracts after it (of `incident` in a merge, of `other` in a split): what has a higher ordinal
    there came since. `moved` are the failures that a split moved, packed (failures.pack_moved), from `homes`.
    `previous` and `other_previous` are the corrections before it.
    """

    correction_id: Id16
    kind: Literal["split", "merge"]
    incident_id: Id16
    other_id: Id16
    subject: str
    reason: str
    at: int
    before: Incident
    after: Incident
    other_after: Incident
    other_state: State
    mark: int
    listings: tuple[Listing, ...]
    homes: tuple[Id16, ...]
    moved: bytes
    previous: Id16 | None
    other_previous: Id16 | None


@dataclass(frozen=True, slots=True)
class Related:
    """The incidents that were said to be related to one."""

    incidents: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class Recent:
    """The incidents of a tenant that were opened last, oldest first."""

    incidents: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it is kept; long texts are clipped here, the event has them whole."""

    change_id: Id16
    kind: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    action_id: Id16
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The last changes of one resource, oldest first."""

    resource: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class RecentChange:
    """A change of any resource, in short: enough to say why it is not the cause of something."""

    change_id: Id16
    kind: str
    resource: str
    actor: str
    event_time: int


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """The last changes of a tenant, oldest first."""

    changes: tuple[RecentChange, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """The open incidents on a resource, or begun by an actor, of this name; oldest first."""

    incidents: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An external alert: the incident it belongs to, and whether its source says that it is over."""

    alert_id: Id16
    incident_id: Id16
    firing: bool
    name: str = ""


# Names kept ready (a hit saves 3 µs of hashing): usually 100 bytes each, at most 8 KB, so at worst 40 MB.
KEPT_KEYS = 4_096

PARTS = (
    Tenant,
    Incident,
    Packed,
    Failures,
    Kinds,
    Names,
    Problem,
    Correction,
    Related,
    Recent,
    Changes,
    RecentChanges,
    Place,
    Alert,
    *responders.PARTS,
    *aggregate_state.PARTS,
    *blast_state.PARTS,
    *measures.PARTS,
    *flood_state.PARTS,
    *kinds_state.PARTS,
    *families_state.PARTS,
)


# --- keys --------------------------------------------------------------------------------------------------------


def tenant_part(key: str) -> str:
    """Where the tenant's counters are. `key` is the tenant's Kafka key."""
    return f"{key}/tenant"


def incident_part(key: str, incident_id: Id) -> str:
    """Where an incident is."""
    return f"{key}/incident/{incident_id.hex()}"


@lru_cache(maxsize=KEPT_KEYS)
def problem_id(resource: str, fingerprint: str, historical: bool) -> Id:
    """What is the same problem: resource, error, and whether it is imported history (that must not hide a live one)."""
    return derive("problem", resource, fingerprint, int(historical))


def problem_part(key: str, problem: Id) -> str:
    """Where the incidents of a problem are listed."""
    return f"{key}/problem/{problem.hex()}"


def correction_part(key: str, correction_id: Id) -> str:
    """Where a split or a merge is, until it can no longer be undone."""
    return f"{key}/correction/{correction_id.hex()}"


def latest_part(key: str) -> str:
    """Where the incidents that were opened last are listed."""
    return f"{key}/recent"


@lru_cache(maxsize=KEPT_KEYS)
def changes_part(key: str, resource: str) -> str:
    """Where the changes of a resource are."""
    return f"{key}/changes/{derive('changes', resource).hex()}"


def recent_part(key: str) -> str:
    """Where the last changes of all resources are."""
    return f"{key}/changes"


@lru_cache(maxsize=KEPT_KEYS)
def place_part(key: str, name: str) -> str:
    """Where the open incidents on a resource, or begun by an actor, are listed."""
    return f"{key}/place/{derive('place', name).hex()}"


def alert_part(key: str, alert_id: Id) -> str:
    """Where an external alert is."""
    return f"{key}/alert/{alert_id.hex()}"
