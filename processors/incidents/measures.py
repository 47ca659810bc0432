"""What is remembered of observations and suggestions, as parts, with the arithmetic of their rings of buckets.

Keys: `<t>/watch/<hash>` (one threshold on one resource), `<t>/watches`, `<t>/suggestion/<id>`, `<t>/suggested/<hash>`,
`<t>/suggestions`, `<t>/healing/<hash>`, `<t>/changes/<hash>/caused`, `<t>/alarm/<hash>`. Values are millionths
(schemas.scaled), seconds are of event time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas import scaled
from schemas.avro_types import Id16
from schemas.ids import Id, derive
from schemas.messages.incidents import Confidence, SuggestionKind

# 48 buckets of a baseline and 60 of a window, ~12 B each, 32 ids of 16 B, the texts (5 x 4 KB): under 22 KB of a part.
BASELINE_BUCKETS = 48
WINDOW_BUCKETS = 60
SEEN_IDS = 32
# Thresholds on resources that are watched at once, per tenant: 2,000 x ~3 KB = 6 MB. More are counted, not watched.
WATCHES_MAX = 2_000
# Thresholds that one observation is compared with: 8 parts of ~60 us.
WATCHES_PER_OBSERVATION = 8
SUGGESTIONS_OPEN_MAX = 200
EVIDENCE_MAX = 16
SUPPORTS_MAX = 64
CAUSED_MAX = 8


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was seen in the seconds from `start` on."""

    start: int
    total: int
    count: int


@dataclass(frozen=True, slots=True)
class Watch:
    """One threshold on one resource. `since` (log time) is when it went over, `breach_id` set once it is a breach.

    `value` is what is compared; `limit`, `baseline`, `ratio_permille` and `samples` are those of the last comparison.
    """

    threshold: str
    name: str
    resource: str
    last_at: int
    value: int
    limit: int
    actor: str | None
    unit: str | None
    observation_id: Id16
    baseline: int | None
    ratio_permille: int | None
    samples: int
    window: tuple[Bucket, ...]
    base: tuple[Bucket, ...]
    seen: bytes
    since: int | None = None
    breach_id: Id16 | None = None
    incident_id: Id16 | None = None


@dataclass(frozen=True, slots=True)
class Watches:
    """How many watches a tenant has."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion, and 30 days after it was decided."""

    suggestion_id: Id16
    number: int
    kind: SuggestionKind
    state: Literal["open", "accepted", "dismissed", "expired"]
    confidence: Confidence
    resource: str
    title: str
    pattern: str
    reasons: tuple[str, ...]
    evidence: tuple[Id16, ...]
    event_time: int
    times: int = 1
    incident_id: Id16 | None = None
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class Suggested:
    """The last suggestion of a pattern on a resource."""

    suggestion_id: Id16


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The last number given, and how many are open."""

    number: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Healing:
    """Failures of one error on one resource that healed, in one window from `since` (log time) on."""

    since: int
    count: int
    evidence: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class CausedOne:
    """A kind of change that was the likely cause of an incident."""

    kind: str
    change_id: Id16
    incident_id: Id16


@dataclass(frozen=True, slots=True)
class Caused:
    """Which changes of a resource were likely causes, oldest first; kept as long as the changes themselves."""

    causes: tuple[CausedOne, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert by what its source calls it, over all its episodes: how often it came back since `since` (log time)."""

    incident_id: Id16
    since: int
    returns: int


# What its timer `forget` deletes, and nothing more.
FORGOTTEN = (Suggestion, Healing, Alarm)
PARTS = (Watch, Watches, Suggestion, Suggested, Suggestions, Healing, Caused, Alarm)


def watch_part(key: str, threshold: str, resource: str) -> str:
    """Where a threshold on a resource is watched. `key` is the tenant's Kafka key."""
    return f"{key}/watch/{derive('watch', threshold, resource).hex()}"


def watches_part(key: str) -> str:
    """Where watches are counted."""
    return f"{key}/watches"


def suggestion_part(key: str, suggestion_id: Id) -> str:
    """Where a suggestion is."""
    return f"{key}/suggestion/{suggestion_id.hex()}"


def suggested_part(key: str, kind: str, pattern: str, resource: str) -> str:
    """Where the last suggestion of a pattern on a resource is named."""
    return f"{key}/suggested/{derive('suggested', kind, pattern, resource).hex()}"


def suggestions_part(key: str) -> str:
    """Where suggestions are numbered."""
    return f"{key}/suggestions"


def healing_part(key: str, resource: str, fingerprint: str) -> str:
    """Where healed failures of an error are counted."""
    return f"{key}/healing/{derive('healing', resource, fingerprint).hex()}"


def caused_part(changes: str) -> str:
    """Where it is kept which changes of a resource were causes; `changes` is the part of its changes."""
    return f"{changes}/caused"


def alarm_part(key: str, source: str, fingerprint: str) -> str:
    """Where an alert's episodes are counted."""
    return f"{key}/alarm/{derive('alarm', source, fingerprint).hex()}"


# --- rings of buckets ---------------------------------------------------------------------------------------------


def width(span_s: int, buckets: int) -> int:
    """Seconds of one bucket, so that `buckets` of them cover the span."""
    return max(1, -(-span_s // buckets))


def added(ring: tuple[Bucket, ...], at_s: int, value: int, span_s: int, buckets: int) -> tuple[Bucket, ...]:
    """The ring with one more value; what lies `span_s` before the newest bucket leaves it."""
    each = width(span_s, buckets)
    start = at_s - at_s % each
    newest = max([start, *(bucket.start for bucket in ring)])
    out: list[Bucket] = []
    found = False
    for bucket in ring:
        if bucket.start == start:
            bucket = Bucket(start, scaled.bounded(bucket.total + value), bucket.count + 1)
            found = True
        if bucket.start > newest - span_s:
            out.append(bucket)
    if not found and start > newest - span_s:
        out.append(Bucket(start, scaled.bounded(value), 1))
    return tuple(sorted(out, key=lambda bucket: bucket.start)[-buckets - 1 :])


def total(ring: Iterable[Bucket], since_s: int) -> tuple[int, int]:
    """(sum, count) of the values from `since_s` on, by whole buckets."""
    kept = [bucket for bucket in ring if bucket.start > since_s]
    return scaled.bounded(sum(bucket.total for bucket in kept)), sum(bucket.count for bucket in kept)
