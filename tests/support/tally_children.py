"""Tally processes as children of a test, and a steady load on their input."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import tally
from tests.support.host_worlds import KafkaWorld

ROOT = Path(__file__).parents[2]


class Child:
    """One slot's process; its successor is started as soon as it ended."""

    def __init__(self, world: KafkaWorld, slot: int, log: Path) -> None:
        self._world = world
        self._slot = slot
        self._log = log
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        prefix = self._world.room.input.removesuffix("tally.commands")
        arguments = [self._world.bootstrap, prefix, str(self._world.partitions), str(self._slot)]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.support.tally_process", *arguments], cwd=ROOT, stderr=log, stdout=log
            )

    def kill(self) -> None:
        """SIGKILL, and a new one."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)
        self._process = self._start()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def revive(self) -> int | None:
        """If it ended by itself: its exit code, after a new one was started."""
        code = self._process.poll()
        if code is not None:
            self._process = self._start()
        return code


class Load:
    """One Add per tenant and round; `rounds` so far."""

    def __init__(self) -> None:
        self.rounds = 0


@contextmanager
def load(world: KafkaWorld, tenants: list[str], children: list[Child]) -> Iterator[Load]:
    """Sends until the block ends. When the block fails, the children are stopped."""
    done = threading.Event()
    sent = Load()

    def send() -> None:
        while not done.is_set():
            for tenant in tenants:
                output = world.output(tally.Add(tenant, tenant, 1))
                world.producer.produce(output.topic, output.value, output.key, headers=list(output.headers))
            sent.rounds += 1
            world.producer.poll(0)
            done.wait(0.04)
        world.producer.flush(60)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    except BaseException:
        for child in children:
            child.stop()
        raise
    finally:
        done.set()
        thread.join()
