"""Pure: incidents.events to rows. An episode is a fold of its events; of a dependency the newest word stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from projections.reading import Said
from projections.tables import Table
from schemas.avro_types import Id16
from schemas.messages.incidents import flooding as said

Key = tuple[str, bytes]
RUNNING, ENDED = "running", "ended"


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """An episode as it is now. `verdict` is "" while nobody has looked; `place` the offset at which it began."""

    tenant: str
    flood_id: Id16
    kind: str
    actor: str
    state: str
    count: int
    threshold: int
    evidence: str
    rate_limit: int
    limited_until: int
    security_owner: str
    verdict: str
    peak: int
    started_at: int
    last_at: int
    place: int
    version: int
    reports: int | None = None
    ended_at: int | None = None
    judged_by: str | None = None
    judged_at: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RateRow:
    """How often a dependency fails, as one partition counted it."""

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
    version: int


@dataclass(frozen=True, slots=True)
class StateRow:
    """What was last said of a dependency in a region."""

    tenant: str
    dependency: str
    region: str
    state: str
    since: int
    until: int | None
    source: str
    subject: str
    note: str | None
    at: int
    version: int


REVIEWS = Table.of("reviews", ReviewRow, ("tenant", "flood_id"))
RATES = Table.of("dependency_rates", RateRow, ("tenant", "dependency", "partition"))
STATES = Table.of("dependency_states", StateRow, ("tenant", "dependency", "region"))


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes: rows as they are after it."""

    reviews: tuple[ReviewRow, ...]
    rates: tuple[RateRow, ...]
    states: tuple[StateRow, ...]


def keys(batch: Iterable[Said]) -> list[Key]:
    """Which episodes' rows a batch needs, sorted."""
    return sorted({(e.message.tenant, e.message.flood_id) for e in batch if hasattr(e.message, "flood_id")})


def project(batch: Iterable[Said], present: Mapping[Key, ReviewRow]) -> Changes:
    """Fold a batch over the rows that are there (`present`: those of `keys(batch)` that exist)."""
    now: dict[Key, ReviewRow] = dict(present)
    reviews: dict[Key, None] = {}
    rates: dict[tuple[str, str, int], RateRow] = {}
    states: dict[tuple[str, str, str], StateRow] = {}
    for each in batch:
        event, offset = each.message, each.record.offset
        match event:
            case said.DependencyRated():
                rates[event.tenant, event.dependency, event.partition] = _row(RateRow, event, version=offset)
            case said.DependencyDegraded():
                states[event.tenant, event.dependency, event.region] = _row(
                    StateRow, event, state="degraded", version=offset
                )
            case said.DependencyRecovered():
                states[event.tenant, event.dependency, event.region] = _row(
                    StateRow, event, state="recovered", version=offset
                )
            case said.FloodSuspected() | said.FloodGrew() | said.FloodJudged() | said.FloodEnded():
                key = (event.tenant, event.flood_id)
                row = evolve(now.get(key), event, offset)
                if row is not None:
                    now[key] = row
                    reviews[key] = None
    return Changes(tuple(now[key] for key in reviews), tuple(rates.values()), tuple(states.values()))


def _row(kind: type[Any], event: Any, **more: Any) -> Any:
    given = {name: getattr(event, name) for name in kind.__slots__ if name not in more}
    return kind(**given, **more)


def evolve(row: ReviewRow | None, event: Any, offset: int) -> ReviewRow | None:
    """An episode's row after one event."""
    if isinstance(event, said.FloodSuspected):
        return _began(event, offset)
    if row is None:
        return None  # the log keeps these events for ever, so an episode begins with its suspicion
    match event:
        case said.FloodGrew():
            until = event.limited_until or row.limited_until
            peak = max(row.peak, event.count)
            grown = replace(row, count=event.count, evidence=event.evidence, peak=peak, limited_until=until)
            return replace(grown, last_at=event.at, version=offset)
        case said.FloodJudged():
            judged = replace(row, verdict=event.verdict, limited_until=event.limited_until, judged_by=event.subject)
            return replace(judged, judged_at=event.at, note=event.note, version=offset)
        case said.FloodEnded():
            ended = replace(row, state=ENDED, ended_at=event.at, peak=max(row.peak, event.peak), version=offset)
            return replace(ended, reports=event.reports)
    return row


def _began(event: said.FloodSuspected, offset: int) -> ReviewRow:
    return ReviewRow(
        tenant=event.tenant,
        flood_id=event.flood_id,
        kind=event.kind,
        actor=event.actor,
        state=RUNNING,
        count=event.count,
        threshold=event.limit,
        evidence=event.evidence,
        rate_limit=event.rate_limit,
        limited_until=event.limited_until,
        security_owner=event.security_owner,
        verdict="",
        peak=event.count,
        started_at=event.at,
        last_at=event.at,
        place=offset,
        version=offset,
    )
