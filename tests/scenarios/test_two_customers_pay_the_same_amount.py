"""The same price twice is no second charge when two people pay it."""

from __future__ import annotations

from tests.support.charges import Charges


def test_the_same_amount_of_two_customers_is_two_entries_and_no_case() -> None:
    world = Charges()
    world.charge("checkout-helper-1", "ch_1", customer="customer-17")
    world.charge("checkout-helper-1", "ch_2", customer="customer-18")
    world.run_to(2)
    assert [(e.number, e.counterparty) for e in world.entries()] == [(1, "customer-17"), (2, "customer-18")]
    assert not world.cases()
