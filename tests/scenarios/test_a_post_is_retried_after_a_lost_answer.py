"""The agent did not hear the answer and sends the same action again: one movement, whenever it comes."""

from __future__ import annotations

import pytest

from schemas.messages.actions import ErrorInfo
from tests.support.charges import Charges
from tests.support.world import NO_SEQUENCE

DAY_S = 86_400


@pytest.mark.parametrize("seconds", [1, 299, 361, 3_600, DAY_S - 10, DAY_S + 3_600])
def test_the_same_action_again_is_one_movement_and_no_case(seconds: int) -> None:
    world = Charges()
    for at in (0, seconds):
        world.clock.advance(max(0, int((at - world.now) * 1000)))
        world.charge("checkout-helper-1", None, id="order-8812-charge", sequence=NO_SEQUENCE)
        world.run_to(at + 2)
    assert [e.number for e in world.entries()] == [1]
    assert not world.again()
    assert not world.cases()


def test_a_retry_whose_first_try_failed_is_no_second_charge() -> None:
    world = Charges()
    world.charge(
        "checkout-helper-1", None, error=ErrorInfo("Timeout", "no answer in 800 ms"), retryable=True, attempt_limit=3
    )
    world.run_to(1)
    world.charge("checkout-helper-1", "ch_1", attempt=2)
    world.run_to(8)
    assert [e.outcome for e in world.entries()] == ["failed", "applied"]
    assert not world.cases()
