"""Lag in seconds from ends and positions: no record is read, no clock of the machine is asked."""

from __future__ import annotations

import pytest

from gateway.http.errors import Busy
from gateway.http.lag import LIMIT_S, LOOK_VALID_S, SAMPLES, Lag
from gateway.http.metrics import Metrics
from processors.host.places import Place

A, B = Place("actions.raw", 0), Place("actions.raw", 1)


class World:
    """Looks once a second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lag = Lag(None, Metrics(), lambda: self.now)

    def look(self, ends: dict[Place, int], at: dict[Place, int | None]) -> float:
        self.lag.record(ends, {"dedup": at})
        return self.lag.seconds["dedup"]


def test_who_keeps_up_is_not_behind() -> None:
    world = World()
    for n in range(100):
        assert world.look({A: n, B: 5}, {A: n, B: 5}) == 0.0
        world.now += 1


def test_who_stands_falls_behind_by_the_clock_not_by_the_queue() -> None:
    world = World()
    world.look({A: 10}, {A: 10})
    for n in range(1, 60):
        world.now += 1
        assert world.look({A: 10 + n * 10_000}, {A: 10}) == n
    world.now += 1
    # It catches up to what was there 30 s ago: it is that far behind, to a look.
    assert world.look({A: 600_010}, {A: 10 + 30 * 10_000}) == 30


def test_the_slowest_partition_counts_and_one_never_committed_does_not() -> None:
    world = World()
    world.look({A: 1, B: 1}, {A: 1, B: 0})
    world.now += 7
    assert world.look({A: 1, B: 1}, {A: 1, B: 0}) == 7
    assert world.look({A: 1, B: 1}, {A: 1, B: None}) == 0


def test_history_is_bounded_and_a_long_standstill_stays_long() -> None:
    world = World()
    for _ in range(10 * SAMPLES):
        world.look({A: 5}, {A: 1})
        world.now += 1
    assert len(world.lag._samples) == SAMPLES
    assert world.lag.seconds["dedup"] == SAMPLES - 1 > LIMIT_S


def test_the_door_closes_above_the_limit_and_opens_again() -> None:
    world = World()
    world.look({A: 5}, {A: 1})
    world.lag.check()
    world.now += LIMIT_S
    world.look({A: 5}, {A: 1})
    world.lag.check()
    world.now += 1
    world.look({A: 5}, {A: 1})
    with pytest.raises(Busy) as caught:
        world.lag.check()
    assert caught.value.code == "pipeline_behind"
    world.look({A: 5}, {A: 5})
    world.lag.check()


def test_a_look_that_is_old_says_nothing() -> None:
    world = World()
    world.look({A: 5}, {A: 1})
    world.now += 100
    world.look({A: 5}, {A: 1})
    world.now += LOOK_VALID_S + 1
    world.lag.check()


def test_senders_wait_for_the_way_of_an_action_and_people_see_all() -> None:
    clock = iter(range(0, 1_000, int(LIMIT_S) + 1))
    world = World()
    world.lag = Lag(None, Metrics(), lambda: world.now, guards=("dedup",))
    assert [world.lag.current] == [False]
    for _ in range(2):
        world.now = next(clock)
        world.lag.record({A: 5, B: 5}, {"dedup": {A: 5}, "rml": {B: 1}})
    world.lag.check()
    assert [world.lag.current] == [True]
    assert world.lag.seconds["rml"] == LIMIT_S + 1
    assert world.lag.behind(B, 1) == (4, LIMIT_S + 1)
    assert world.lag.behind(A, 5) == (0, 0.0)
    world.now += LOOK_VALID_S + 1
    assert [world.lag.current] == [False]
