"""A subscription: the same customer, resource and amount a month later is no second charge."""

from __future__ import annotations

from schemas.messages.actions import BACKFILL
from tests.support.charges import Charges

MONTH_MS = 30 * 86_400_000


def test_the_same_charge_thirty_days_later_is_an_entry_and_no_case() -> None:
    world = Charges()
    world.charge("billing", "ch_1")
    world.run_to(1)
    world.clock.advance(MONTH_MS)
    world.charge("billing", "ch_2")
    world.run_to(MONTH_MS / 1000 + 3)
    first, second = world.entries()
    assert second.event_time - first.event_time > MONTH_MS - 1
    assert (second.number, second.previous_hash) == (2, first.hash)
    assert not world.cases()


def test_an_import_that_tells_both_at_once_is_compared_by_event_time() -> None:
    world = Charges()
    now = world.clock.wall_ms()
    world.charge("importer", "ch_1", timestamp=now - MONTH_MS, traits=BACKFILL)
    world.charge("importer", "ch_2", timestamp=now - MONTH_MS // 2, traits=BACKFILL)
    world.run_to(2)
    assert len(world.entries()) == 2
    assert not world.cases()
