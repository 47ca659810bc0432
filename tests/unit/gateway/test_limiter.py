"""Who was flagged comes again later; refused calls are not counted, and without a read model everything passes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.http.errors import Busy
from gateway.http.limiter import Limiter
from projections.errors import NotReady
from projections.review.queries import Limit

NOW = 1_700_000_000_000


class Door:
    """A limiter over verdicts that a test gives, and clocks that stand still."""

    def __init__(self, *limits: Limit) -> None:
        self.found: Sequence[Limit] | Exception = limits
        self.now, self.seconds = NOW, 100.0
        self.limiter = Limiter(self._read, lambda: self.now, lambda: self.seconds)

    async def _read(self, tenant: str, now: int) -> Sequence[Limit]:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def passed(self, count: int, actor: str = "loop") -> int:
        """How many of so many actions are let in."""
        done = 0
        for _ in range(count):
            try:
                self.limiter.admit("t", actor)
            except Busy:
                continue
            done += 1
        return done


def limit(rate: int, actor: str = "loop", seconds: int = 300) -> Limit:
    return Limit(actor, rate, NOW + 1_000 * seconds, "suspicious_volume")


async def test_a_suspected_actor_is_held_to_its_rate_and_refused_calls_do_not_count() -> None:
    door = Door(limit(10))
    await door.limiter.look("t")
    assert door.passed(50) == 10
    assert door.passed(50) == 0
    door.seconds += 0.5
    assert door.passed(50) == 5
    assert door.passed(50, "another") == 50


async def test_a_confirmed_one_is_refused_until_its_time_is_over() -> None:
    door = Door(limit(0, seconds=20))
    await door.limiter.look("t")
    with pytest.raises(Busy) as refused:
        door.limiter.admit("t", "loop")
    assert (refused.value.code, refused.value.retry_after) == ("flood_limited", 20)
    door.now += 20_000
    assert door.passed(5) == 5


async def test_a_flagged_tenant_is_limited_as_a_whole() -> None:
    door = Door(limit(7, actor=""))
    await door.limiter.look("t")
    assert door.passed(5, "a") + door.passed(5, "b") == 7


async def test_without_the_read_model_everything_passes() -> None:
    door = Door(limit(0))
    door.found = NotReady("not_ready", "x", "y", "z")
    await door.limiter.look("t")
    assert door.passed(5) == 5


async def test_what_was_found_long_ago_limits_nothing() -> None:
    door = Door(limit(0))
    await door.limiter.look("t")
    assert door.limiter.limits("t")
    door.seconds += 31
    assert not door.limiter.limits("t")
    await door.limiter.close()
