"""The window of deduplication is five minutes; a second charge after it is suspected all the same."""

from __future__ import annotations

import pytest

from tests.support.charges import Charges


@pytest.mark.parametrize("reference", ["ch_2", None], ids=["another reference", "no reference"])
def test_a_charge_alike_after_the_window_of_deduplication_is_a_case(reference: str | None) -> None:
    world = Charges()
    world.charge("checkout-helper-1", "ch_1")
    world.run_to(1)
    world.clock.advance(360_000)
    world.charge("checkout-helper-1", reference)
    world.run_to(363)
    (case,) = world.cases()
    assert [e.number for e in case.entries] == [1, 2]
    assert "361 s apart" in case.why
