"""Two actors charge one customer for one order: deduplication cannot see it (its key is the actor), the ledger does."""

from __future__ import annotations

from tests.support.charges import Charges
from tests.support.rml_words import verify


def test_two_actors_that_charge_alike_are_one_case_naming_both_entries() -> None:
    world = Charges()
    first = world.charge("checkout-helper-1", "ch_1")
    world.run_to(1)
    second = world.charge("checkout-helper-2", "ch_2")
    world.run_to(2)
    (case,) = world.cases()
    entries = world.entries()
    assert [(e.action_id, e.actor) for e in entries] == [(first, "checkout-helper-1"), (second, "checkout-helper-2")]
    assert (case.number, case.world, case.reason) == (1, "RML3", "second_charge")
    assert [(n.number, n.hash) for n in case.entries] == [(e.number, e.hash) for e in entries]
    verify(entries)
