"""Which projections there are: the tables from a name in topology.yaml to its code, by store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from projections.cases.store import CasesWriter
from projections.dedup import project as dedup
from projections.dedup.store import DedupWriter
from projections.incidents.store import IncidentsWriter
from projections.overview import project as overview
from projections.overview.store import OverviewWriter
from projections.pages.store import PagesWriter
from projections.reading import Said
from projections.redis_store import RedisProjection
from projections.review.store import ReviewWriter
from projections.timeline.store import TimelineWriter
from projections.writing import Connection


class Writer(Protocol):
    """A projection's half of a batch's transaction; made anew for every connection."""

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Before the transaction: what the batch needs to exist. Idempotent; may commit by itself."""

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""


@dataclass(frozen=True, slots=True)
class Projection:
    """One projection: its writer and its tables, each with the columns that a rebuild must give again."""

    name: str
    writer: Callable[[], Writer]
    tables: tuple[str, ...]


PROJECTIONS = {
    p.name: p
    for p in (
        Projection("timeline", TimelineWriter, ("timeline", "timeline_counts", "gap_events", "drift_alerts")),
        Projection(
            "incidents",
            IncidentsWriter,
            (
                *("incidents", "incident_events", "changes", "healed_failures", "answers", "refusals"),
                *(
                    "reports",
                    "alerts",
                    "alert_ends",
                    "blast_radii",
                    "related_incidents",
                    "breaches",
                    "breach_ends",
                    "suggestions",
                ),
            ),
        ),
        Projection("pages", PagesWriter, ("pages", "escalations", "page_events")),
        Projection("cases", CasesWriter, ("ledger_entries", "cases", "case_entries")),
        Projection("review", ReviewWriter, ("reviews", "dependency_rates", "dependency_states")),
    )
}

REDIS = {
    p.name: p
    for p in (
        RedisProjection(dedup.NAME, dedup.VERSION, DedupWriter),
        RedisProjection(overview.NAME, overview.VERSION, OverviewWriter),
    )
}

# Neither rows nor keys but files; it is imported where it is run, since its library takes 0.4 s and 60 MB.
ARCHIVE = "archive"

NAMES = (*PROJECTIONS, *REDIS, ARCHIVE)
