"""The tally processor as a real process, for tests that kill it: python -m tests.support.tally_process
BOOTSTRAP PREFIX SLOT."""

from __future__ import annotations

import logging
import signal
import sys

from processors.host.clock import SystemClock
from processors.host.health import Health
from processors.host.kafka import KafkaTransport
from processors.host.loop import LoopSettings
from processors.host.metrics import Metrics
from processors.host.run import Runner
from processors.kernel.runnable import Runnable
from tests.support.host_worlds import runnable


class Named:
    """The tally under a name of its own, so that runs on one broker do not share a group."""

    def __init__(self, tally: Runnable, name: str) -> None:
        self.name = name
        self.input = tally.input
        self.changelog = tally.changelog
        self.outputs = tally.outputs
        self.plain = tally.plain
        self.engine = tally.engine


def main(bootstrap: str, prefix: str, partitions: int, slot: int) -> int:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    tally = runnable(prefix, partitions, 1_048_576)
    room = Named(tally, prefix + "tally")
    clock = SystemClock()
    limits = {name: topic.max_bytes for name, topic in tally.room.topology.topics.items()}
    runner = Runner(KafkaTransport(bootstrap), clock, Metrics(), Health(clock), limits, LoopSettings())
    signal.signal(signal.SIGTERM, lambda _number, _frame: runner.stop())
    runner.start(room, slot)
    return runner.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
