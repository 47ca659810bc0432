"""The checkers see mistakes. All of them are `make mutants`; here a few, and that each can still be made."""

from __future__ import annotations

import pytest

from tests.simulation.campaign import hunt
from tests.simulation.mutants import MUTANTS, STORE_MUTANTS
from tests.simulation.mutating import PlaceGone, edited


@pytest.mark.parametrize("name", sorted(MUTANTS | STORE_MUTANTS))
def test_its_place_is_in_the_source(name):
    for module, source in edited((MUTANTS | STORE_MUTANTS)[name].edits).items():
        compile(source, module, "exec")


def test_a_place_that_is_gone_is_an_error():
    edit = MUTANTS["drop_without_record"].edits[0]
    gone = type(edit)(edit.module, "no such line", "")
    with pytest.raises(PlaceGone):
        edited([gone])


def test_some_are_seen_within_a_few_seeds():
    found = {each["mutant"]: each["caught"] for each in hunt(["changelog_outside", "outcome_not_idempotent"], 10, 2)}
    assert found == {"changelog_outside": True, "outcome_not_idempotent": True}
