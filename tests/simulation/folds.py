"""The read models' own folds over rows in memory: what a batch changes of them, as the stores' writers apply it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from projections.cases import project as cases
from projections.incidents import blast, corrected, suggested
from projections.incidents import project as incidents
from projections.reading import Said
from projections.review import project as review
from projections.timeline.project import project as fold_timeline
from schemas.messages.incidents import IncidentsRelated

# Rows by (table, key), and rows that are only added.
Latest = Mapping[Any, Any]
Changed = tuple[dict[Any, Any], list[Any]]


def timeline(said: Sequence[Said], latest: Latest) -> Changed:
    """Rows, and how many there are a day."""
    added = fold_timeline(said)
    counts: dict[Any, Any] = {}
    for tenant, day, count in added.counts:
        counts[tenant, day] = counts.get((tenant, day), latest.get((tenant, day), 0)) + count
    return counts, [*added.timeline, *added.gaps, *added.drifts]


def of_incidents(said: Sequence[Said], latest: Latest) -> Changed:
    """Incidents, suggestions, radii, relations, and which failure stands where on a timeline."""
    now = incidents.project(said, _there(latest, "incident", incidents.keys(said)))
    ideas = suggested.project(said, _there(latest, "suggestion", suggested.keys(said)))
    changed: dict[Any, Any] = {("incident", row.tenant, row.incident_id): row for row in now.incidents}
    changed |= {("suggestion", row.tenant, row.suggestion_id): row for row in ideas.suggestions}
    changed |= {("radius", row.tenant, row.about): row for row in blast.rows(said)}
    for each in said:
        for move in corrected.moves(each.message):
            changed |= {("moved", move.tenant, action_id): move.incident_id for action_id in move.action_ids}
    once: list[tuple[Any, Any]] = [(("answer", a.tenant, a.command_id), a) for a in now.answers]
    for each in said:
        if isinstance(each.message, IncidentsRelated):
            row = corrected.related(each.message, each.record.offset)
            once.append((("related", row.tenant, row.incident_id, row.other_id), row))
    for key, row in once:
        # The first one stays.
        changed.setdefault(key, latest.get(key, row))
    rows = [*now.events, *now.changes, *now.healed, *now.refusals, *now.reports, *now.alerts, *now.alert_ends]
    return changed, [*rows, *ideas.breaches, *ideas.breach_ends]


def of_review(said: Sequence[Said], latest: Latest) -> Changed:
    """Floods, and how dependencies stand."""
    now = review.project(said, _there(latest, "review", review.keys(said)))
    changed: dict[Any, Any] = {("review", row.tenant, row.flood_id): row for row in now.reviews}
    changed |= {("rate", row.tenant, row.dependency, row.partition): row for row in now.rates}
    return changed | {("state", row.tenant, row.dependency, row.region): row for row in now.states}, []


def of_cases(said: Sequence[Said], latest: Latest) -> Changed:
    """The ledger's entries and the cases."""
    entries = _there(latest, "entry", cases.entry_keys(said))
    now = cases.project(said, entries, _there(latest, "case", cases.case_keys(said)))
    changed: dict[Any, Any] = {("entry", row.tenant, row.entry_id): row for row in now.entries}
    return changed | {("case", row.tenant, row.case_id): row for row in now.cases}, [*now.named]


FOLDS = {"timeline": timeline, "incidents": of_incidents, "review": of_review, "cases": of_cases}


def _there(latest: Latest, table: str, wanted: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], Any]:
    return {key: latest[table, *key] for key in wanted if (table, *key) in latest}
