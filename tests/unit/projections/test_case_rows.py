"""Entries and cases are folds of their events, wherever a batch is cut; what the door shows verifies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest

from processors.rml import DECIDER
from projections.cases.project import CaseRow, Changes, EntryRow, Key, case_keys, entry_keys, project
from projections.cases.queries import entry
from projections.reading import Said
from schemas.ledger import FIELDS, GENESIS, entry_hash
from tests.support.desk import TENANT, Desk
from tests.support.rml_words import charge, label
from tests.unit.projections.records import Log


def story() -> tuple[Said, ...]:
    """Three charges alike (one case), one of them told twice, another thing, and a label."""
    desk, log = Desk(DECIDER), Log("rml.events")
    for message in (
        charge(1),
        charge(2),
        charge(3, external_reference="ch_1"),
        charge(4, resource="orders/1", counterparty="a\x00b"),
        charge(5, external_reference=None),
        label(6),
    ):
        for event in desk.tell(message).events:
            log.add(event)
    return log.said()


def folded(said: tuple[Said, ...], cut: int) -> tuple[dict[Key, EntryRow], dict[Key, CaseRow], list[Any]]:
    entries: dict[Key, EntryRow] = {}
    cases: dict[Key, CaseRow] = {}
    named: list[Any] = []
    for batch in (said[:cut], said[cut:]):
        wanted = {k: entries[k] for k in entry_keys(batch) if k in entries}
        changes: Changes = project(batch, wanted, {k: cases[k] for k in case_keys(batch) if k in cases})
        entries |= {(r.tenant, r.entry_id): r for r in changes.entries}
        cases |= {(r.tenant, r.case_id): r for r in changes.cases}
        named += changes.named
    return entries, cases, named


def test_entries_with_how_often_they_were_told_and_cases_with_what_they_name() -> None:
    entries, cases, named = folded(story(), 0)
    assert [(r.number, r.observations) for r in entries.values()] == [(1, 2), (2, 1), (3, 1), (4, 1)]
    first, second = cases.values()
    assert (first.number, first.reason, first.state, first.entries_count) == (1, "second_charge", "open", 3)
    assert (second.number, second.reason, second.entries_count, second.amount) == (2, "label", 0, None)
    assert [(n.case_id, n.number) for n in named] == [(first.case_id, 1), (first.case_id, 2), (first.case_id, 4)]


@pytest.mark.parametrize("cut", range(1, 10))
def test_a_batch_may_be_cut_anywhere(cut: int) -> None:
    assert folded(story(), cut) == folded(story(), 0)


def test_what_the_door_shows_of_a_row_is_what_was_hashed() -> None:
    previous = GENESIS
    for row in folded(story(), 0)[0].values():
        plain = asdict(row)
        shown = entry(plain | {name: UUID(bytes=plain[name]) for name in ("entry_id", "action_id")})
        assert set(FIELDS) < set(shown)
        assert shown["previous_hash"] == previous.hex()
        previous = entry_hash(previous, TENANT, shown)
        assert shown["hash"] == previous.hex()


def test_what_belongs_to_rows_that_are_not_there_is_left_out() -> None:
    said = story()
    late = tuple(s for s in said if type(s.message).__name__ in ("EffectObservedAgain", "CaseEntriesAdded"))
    assert len(late) == 2
    assert project(late, {}, {}) == Changes((), (), ())
