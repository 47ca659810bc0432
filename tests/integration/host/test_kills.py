"""SIGKILL of real processes under load on a real broker: nothing lost, nothing doubled, order kept; and
SIGTERM drains."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import tally
from tests.support.host_worlds import KafkaWorld, counted
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
PARTITIONS = 4
TENANTS = [f"t{i}" for i in range(16)]
KILLS = 8


class Child:
    """One slot's process; its successor is started as soon as it ended."""

    def __init__(self, world: KafkaWorld, slot: int, log: Path) -> None:
        self._world = world
        self._slot = slot
        self._log = log
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        prefix = self._world.room.input.removesuffix("tally.commands")
        arguments = [self._world.bootstrap, prefix, str(PARTITIONS), str(self._slot)]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.support.tally_process", *arguments], cwd=ROOT, stderr=log, stdout=log
            )

    def kill(self) -> None:
        """SIGKILL, and a new one."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = self._start()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(15)


@pytest.fixture
def world(kafka):
    found = KafkaWorld(kafka.bootstrap, partitions=PARTITIONS)
    yield found
    found.close()


@pytest.mark.slow
def test_kills_under_load_lose_and_double_nothing(world, tmp_path, record_property):
    seed = 20261122
    chance = random.Random(seed)
    children = [Child(world, slot, tmp_path / f"slot{slot}.log") for slot in (0, 1)]
    rounds = [0]
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            for tenant in TENANTS:
                output = world.output(tally.Add(tenant, tenant, 1))
                world.producer.produce(output.topic, output.value, output.key, headers=list(output.headers))
            rounds[0] += 1
            world.producer.poll(0)
            done.wait(0.04)
        world.producer.flush(10)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        until(lambda: counted(world), 30, "the first decision")
        target = rounds[0] + 25
        for _ in range(KILLS):
            until(lambda: rounds[0] >= target, 60, "load between two kills")  # noqa: B023 - read at once
            chance.choice(children).kill()
            target = rounds[0] + chance.randint(25, 70)
        until(lambda: rounds[0] >= target, 60, "load after the last kill")
    except BaseException:
        for child in children:
            child.stop()
        raise
    finally:
        done.set()
        loader.join()
    expected = {tenant: list(range(1, rounds[0] + 1)) for tenant in TENANTS}
    try:
        until(lambda: counted(world) == expected, 60, "every record decided once and in order")
    finally:
        codes = [child.stop() for child in children]
    assert codes == [0, 0], "SIGTERM drains"
    times = sorted(r.append_time for r in world.records(world.room.room.spec.writes["Counted"]))
    stalls = {}
    for partition in range(PARTITIONS):
        own = [r.append_time for r in world.records(world.room.room.spec.writes["Counted"]) if r.partition == partition]
        stalls[partition] = max(b - a for a, b in itertools.pairwise(own))
    record_property("longest stall by partition, ms", stalls)
    print(f"records {len(times)}, kills {KILLS}, longest stall by partition {stalls} ms")
