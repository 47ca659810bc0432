"""Suggestions and crossed thresholds as rows: what people see is what was decided, whatever the batches."""

from __future__ import annotations

from typing import Any

from projections.incidents import suggested as rows
from projections.reading import Said
from schemas import ids
from tests.unit.projections import trigger_records as r
from tests.unit.projections.records import T0, Log


def said(*events: Any) -> list[Said]:
    log = Log("incidents.events")
    for event in events:
        log.add(event)
    return list(log.said())


def test_a_suggestion_is_open_until_somebody_decides() -> None:
    batch = said(r.suggested(), r.supported(T0 + 1))
    (row,) = rows.project(batch, {}).suggestions
    assert (row.state, row.times, row.number, row.past_number) == ("open", 2, 1, 1)
    assert len(row.evidence) == 2


def test_an_accepted_suggestion_names_its_incident_and_who_said_so() -> None:
    (row,) = rows.project(said(r.suggested(), r.accepted(T0 + 5)), {}).suggestions
    assert (row.state, row.decided_by, row.said, row.incident_number) == ("accepted", "bob", "as last week", 1)


def test_a_dismissed_one_keeps_the_reason_and_an_expired_one_has_none() -> None:
    (row,) = rows.project(said(r.suggested(), r.dismissed(T0 + 5)), {}).suggestions
    assert (row.state, row.said) == ("dismissed", "a load test.")
    (row,) = rows.project(said(r.suggested(), r.expired(T0 + 5)), {}).suggestions
    assert (row.state, row.decided_by, row.decided_at) == ("expired", None, T0 + 5)


def test_batches_split_anywhere_give_the_same_rows() -> None:
    batch = said(r.suggested(), r.supported(T0 + 1), r.accepted(T0 + 2))
    whole = rows.project(batch, {}).suggestions
    present: dict[rows.Key, rows.SuggestionRow] = {}
    for each in batch:
        for row in rows.project([each], present).suggestions:
            present[row.tenant, row.suggestion_id] = row
    assert tuple(present.values()) == whole


def test_a_breach_and_its_end_are_rows_of_their_own() -> None:
    found = rows.project(said(r.breached(), r.recovered(T0 + 9)), {})
    assert (found.breaches[0].value, found.breaches[0].limit) == (5_000_000_000, 1_000_000_000)
    assert (found.breach_ends[0].breach_id, found.breach_ends[0].lasted_s) == (r.BREACH, 60)


def test_a_name_or_an_id_is_a_reference() -> None:
    assert rows.reference("sug-12") == 12
    assert rows.reference(ids.text(r.SUGGESTION)) == r.SUGGESTION
    assert rows.reference("INC-1") is None
