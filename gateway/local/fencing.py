"""Starts a Kafka node that crashed without tearing its transactions.

`python -m gateway.local.fencing DATA -- CONTROLLER… -- NODE…`, started as the process `kafka` of the stack.

A coordinator that finds a decided transaction in its log sends the markers (commit or abort) of every partition.
Kafka 4.x takes a partition without a leader for a deleted one and skips its marker for ever: the transaction is then
committed on some partitions and open on others. A node that is broker and controller in one can meet this at every
crash in the middle of a commit: it comes up with the leaders of before, begins to send, and only then its controller
finds that the broker's old session is over and takes all leaders away.

So after a crash the node is first started as a controller alone, until that has fenced the broker. The node, which
then replaces this process, comes up without leaders, and gets all of them in one step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.local.children import bound, stop

# What the controller says when it has fenced the broker (org.apache.kafka.controller.ReplicationControlManager, 4.3).
FENCED = b"Fencing broker"
# The same logger tells of every partition that it reads.
NEWS = (FENCED, b" WARN ", b" ERROR ")
# A controller starts in 1.5 s and fences after half a second; at a load of 14 that took 16 s. After it the node is
# started all the same: a broker that was fenced when it crashed is not fenced again, and nothing is said.
FENCE_DEADLINE_S = 40.0
STOP_DEADLINE_S = 5.0
# A controller that ends by itself (a full disk) is started again, and the node is not: the disk may be freed between
# the two, and a node that nobody fenced tears what was being committed (seen once, when a full disk was freed).
AGAIN_S = 0.5
# It says so when it has decided it; the record waits up to 25 ms for company before it is appended, and is lost if the
# controller ends meanwhile (a transaction was torn by that). Its log grows every 100 ms (kafka.FENCING), and keeps the
# order: with the second growth the record is in it.
GROWTHS = 2
WRITTEN_DEADLINE_S = 10.0
LOOK_S = 0.01


def crashed(data: Path) -> bool:
    """True when the node with these files was started before and did not stop in an orderly way."""
    # Kafka's own sign of an orderly end, which it takes away when it starts; a log never started has none either.
    return any(_metadata(data)) and not (data / "logs" / ".kafka_cleanshutdown").exists()


class ControllerEnded(RuntimeError):
    """The controller ended by itself; whether the broker is fenced is not known."""


def fenced(command: Sequence[str], data: Path, deadline_s: float = FENCE_DEADLINE_S) -> bool:
    """`fence`, again while the controller ends by itself, which may go on for `deadline_s`; the last one has as long.

    Raises ControllerEnded when it still does.
    """
    end = time.monotonic() + deadline_s
    while True:
        try:
            return fence(command, data, deadline_s)
        except ControllerEnded:
            if time.monotonic() >= end:
                raise
        time.sleep(AGAIN_S)


def fence(command: Sequence[str], data: Path, deadline_s: float = FENCE_DEADLINE_S) -> bool:
    """Run the controller until its log says that the broker is fenced; False when it did not in time. From the main
    thread. Raises ControllerEnded."""
    end = time.monotonic() + deadline_s
    process = subprocess.Popen(
        bound(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    late = threading.Timer(deadline_s, process.kill)
    late.start()
    try:
        for line in process.stdout:
            if any(word in line for word in NEWS):
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
            if FENCED in line:
                return _written(data)
        if time.monotonic() < end:
            raise ControllerEnded(f"the controller ended with {process.wait()}")
        return False
    finally:
        late.cancel()
        stop(process, 15, STOP_DEADLINE_S)
        process.stdout.close()


def _metadata(data: Path) -> list[Path]:
    return sorted((data / "logs").glob("__cluster_metadata-*/*.log"))


def _written(data: Path) -> bool:
    """Wait until what was decided before this call is in the log; False when the log did not grow in time."""
    deadline = time.monotonic() + WRITTEN_DEADLINE_S
    size, growths = _size(data), 0
    while growths < GROWTHS and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        before, size = size, _size(data)
        growths += size > before
    return growths == GROWTHS


def _size(data: Path) -> int:
    return sum(path.stat().st_size for path in _metadata(data))


def main(arguments: Sequence[str]) -> None:
    """Entry point; does not return."""
    data, _, *rest = arguments
    first, then = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    try:
        if crashed(Path(data)) and not fenced(first, Path(data)):
            print(f"the controller did not fence the crashed broker within {FENCE_DEADLINE_S:.0f} s", flush=True)
    except ControllerEnded as why:
        sys.exit(f"the node is not started: {why} again and again for {FENCE_DEADLINE_S:.0f} s; its log is above")
    os.execvp(then[0], then)


if __name__ == "__main__":
    main(sys.argv[1:])
