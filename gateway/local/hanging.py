"""Ends transactions that the broker forgot to end: `python -m gateway.local.hanging ADDRESS`, run by the supervisor.

A broker that restarts after a crash aborts the transactions that timed out meanwhile, and may skip the marker of a
partition that has no leader at that moment. The coordinator then believes that the transaction is over, and whoever
reads committed records of that partition, or positions of a group on it, waits for ever. Kafka's own remedy is
`kafka-transactions.sh find-hanging` and `abort` (KIP-664); this runs both, slowly and at a low priority.

It ends nothing that is not hanging: Kafka calls a transaction so when its coordinator does not know it, and it must
be seen twice, further apart than any living transaction takes. Exit codes: 0 nothing hangs any more, 1 it failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.local.children import bound
from gateway.local.errors import LocalStackError
from gateway.local.kafka import transactions_command
from gateway.local.paths import find_home

# An abort that landed inside a living transaction of the same producer would tear it. It cannot: a processor that
# runs has swept its places (processors/host/kafka_sweep.py) or touched them in these 20 s, which ends what hung
# there; what still hangs belongs to one that is gone, or that restores and writes nothing that counts.
# A transaction's time-out (5 s), one scan of the broker (1 s), and the processors' own sweep when they restart.
# After that time a living transaction of the first look is over by the second.
LOOK_AFTER_S = 10.0
# One run takes 2 s of a loaded machine; the command itself gives up after 60 s without an answer.
COMMAND_DEADLINE_S = 75.0
# A killed stack left 4 places per processor; one abort takes about 2 s, so the longest run takes some 4 minutes.
ABORTS_MAX = 96
LOW_PRIORITY = 10

Command = Callable[[Sequence[str]], str]


class Hanging(NamedTuple):
    """Where a transaction hangs: its first record's offset on a partition, and whose it is."""

    topic: str
    partition: int
    producer: int
    epoch: int
    start: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.start} of producer {self.producer}"


def hanging_in(table: str) -> list[Hanging]:
    """The rows of find-hanging's answer, positions of groups first: nobody restores without them."""
    found = []
    for line in table.splitlines():
        cells = line.split()
        # Topic Partition ProducerId ProducerEpoch CoordinatorEpoch StartOffset LastTimestamp Duration(min)
        if len(cells) == 8 and all(cell.lstrip("-").isdigit() for cell in cells[1:]):
            found.append(Hanging(cells[0], int(cells[1]), int(cells[2]), int(cells[3]), int(cells[5])))
    return sorted(found, key=lambda at: (not at.topic.startswith("__"), at))


def clear(command: Command, wait: Callable[[float], None], say: Callable[[str], None]) -> bool:
    """Look, look again, end what hangs in both, look a last time. True: nothing hangs. Raises LocalStackError."""
    wait(LOOK_AFTER_S)
    first = _find(command)
    if not first:
        say("no transaction hangs")
        return True
    wait(LOOK_AFTER_S)
    both = [at for at in _find(command) if at in first]
    for at in both[:ABORTS_MAX]:
        try:
            _abort(command, at)
            say(f"a hanging transaction is ended: {at}")
        except LocalStackError as error:
            # Ended meanwhile by its own producer, most likely; the last look tells.
            say(f"not ended: {at}: {error.why}")
    left = [at for at in _find(command) if at in both]
    say(f"{len(both) - len(left)} hanging transactions ended, {len(left)} left" if both else "no transaction hangs")
    return not left


def _find(command: Command) -> list[Hanging]:
    # The least age is in minutes; 0 shows all that the coordinator does not know. Node 1 is the stack's only one.
    return hanging_in(command(("find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")))


def _abort(command: Command, at: Hanging) -> None:
    where = ("--topic", at.topic, "--partition", str(at.partition), "--start-offset", str(at.start))
    command(("abort", *where))


def main() -> int:
    """Entry point; its output is the supervisor's log."""
    home, address = find_home(), sys.argv[1]
    os.nice(LOW_PRIORITY)

    def command(arguments: Sequence[str]) -> str:
        run = subprocess.run(
            bound(transactions_command(home, address, *arguments)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_DEADLINE_S,
            check=False,
        )
        if run.returncode != 0:
            why = " ".join((run.stdout + run.stderr).split())[-500:]
            raise LocalStackError("transactions_command_failed", " ".join(arguments), why, "See docs/operating.md.")
        return run.stdout

    def say(text: str) -> None:
        print(f"hanging transactions: {text}", flush=True)

    try:
        return 0 if clear(command, time.sleep, say) else 1
    except (LocalStackError, subprocess.TimeoutExpired) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
