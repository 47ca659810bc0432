"""Real processes on a real broker under load, with SIGKILLs of either: nothing lost, nothing doubled, order
kept."""

from __future__ import annotations

import itertools
import random

import pytest

from processors.host.errors import EXIT_FATAL, Transient
from tests.support.host_worlds import KafkaWorld, counted
from tests.support.tally_children import Child, load
from tests.support.waiting import until

PARTITIONS = 4
TENANTS = [f"t{i}" for i in range(16)]
KILLS = 8
SEED = 20261122


@pytest.fixture
def world(kafka):
    found = KafkaWorld(kafka.bootstrap, partitions=PARTITIONS)
    yield found
    found.close()


def stalls(world: KafkaWorld) -> list[int]:
    """The longest time between two decisions of each partition, ms of append time."""
    found = world.records(world.room.room.spec.writes["Counted"])
    times = [[r.append_time for r in found if r.partition == p] for p in range(PARTITIONS)]
    return [max((b - a for a, b in itertools.pairwise(own)), default=0) for own in times]


def check(world: KafkaWorld, rounds: int, children: list[Child]) -> list[int]:
    """Every record decided once and in order, and SIGTERM drains. Exit codes of those that ended by
    themselves."""
    expected = {tenant: list(range(1, rounds + 1)) for tenant in TENANTS}
    ended: list[int] = []

    def all_decided() -> bool:
        ended.extend(code for child in children if (code := child.revive()) is not None)
        return counted(world) == expected

    try:
        until(all_decided, 60, "every record decided once and in order")
    finally:
        codes = [child.stop() for child in children]
    assert codes == [0] * len(children), "SIGTERM drains"
    return ended


@pytest.mark.slow
def test_killed_processes_lose_and_double_nothing(world, tmp_path, record_property):
    chance = random.Random(SEED)
    children = [Child(world, slot, tmp_path / f"slot{slot}.log") for slot in (0, 1)]
    with load(world, TENANTS, children) as sent:
        until(lambda: counted(world), 30, "the first decision")
        for _ in range(KILLS):
            target = sent.rounds + chance.randint(25, 70)
            until(lambda: sent.rounds >= target, 60, "load between two kills")  # noqa: B023 - waited for at once
            chance.choice(children).kill()
        target = sent.rounds + 50
        until(lambda: sent.rounds >= target, 60, "load after the last kill")
    assert check(world, sent.rounds, children) == []
    record_property("longest stall by partition, ms", stalls(world))
    print(f"records {sent.rounds * len(TENANTS)}, kills {KILLS}, longest stall by partition {stalls(world)} ms")


@pytest.mark.slow
def test_a_killed_broker_loses_and_doubles_nothing(kafka, world, tmp_path, record_property):
    """A broker that is away longer than a session may cost the members their seats: they end and are started
    again."""
    children = [Child(world, slot, tmp_path / f"slot{slot}.log") for slot in (0, 1)]
    codes: list[int | None] = []

    def decided(more_than: int) -> bool:
        codes.extend(child.revive() for child in children)
        try:
            return sum(len(totals) for totals in counted(world).values()) > more_than
        except Transient:
            return False  # a broker that is back has no leaders for a moment

    with load(world, TENANTS, children) as sent:
        until(lambda: decided(0), 30, "the first decision")
        for _ in range(2):
            target = sent.rounds + 50
            until(lambda: sent.rounds >= target, 60, "load before the kill")  # noqa: B023 - waited for at once
            kafka.kill()
            kafka.restart()
            before = sent.rounds * len(TENANTS)
            until(lambda: decided(before), 60, "all that was sent while it was away")  # noqa: B023 - waited for at once
    codes += check(world, sent.rounds, children)
    assert set(codes) <= {None, EXIT_FATAL}
    record_property("longest stall by partition, ms", stalls(world))
    restarts = sum(code is not None for code in codes)
    print(f"records {sent.rounds * len(TENANTS)}, broker killed twice, {restarts} restarts, stalls {stalls(world)} ms")
