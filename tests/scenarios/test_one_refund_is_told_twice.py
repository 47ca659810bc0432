"""The agent and the provider's webhook report the same refund: one movement, no case, and both tellings count."""

from __future__ import annotations

from tests.support.charges import Charges


def test_the_same_reference_twice_is_one_entry_observed_twice_and_no_case() -> None:
    world = Charges()
    world.charge("checkout-helper-1", "ch_1")
    world.refund("refund-bot", "re_77")
    world.run_to(2)
    world.refund("provider-webhook", "re_77")
    world.run_to(4)
    assert [(e.number, e.kind) for e in world.entries()] == [(1, "charge"), (2, "refund")]
    (again,) = world.again()
    assert (again.number, again.observations, again.actor) == (2, 2, "provider-webhook")
    assert not world.cases()
