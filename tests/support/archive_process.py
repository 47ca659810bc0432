"""The archive as a real process that meets a signal at one of its steps: python -m tests.support.archive_process
SIGNAL STEP NTH. Settings as `python -m projections archive` has them; it flushes after a tenth of a second."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import Counter

from processors.host.places import Place
from projections import settings
from projections.archive import run, store
from projections.metrics import Metrics
from schemas import topology


def main(name: str, step: str, nth: int) -> None:
    """Run until SIGTERM, or until the step."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    store.FLUSH_SECONDS = 0.1
    reached: Counter[str] = Counter()

    def at(what: str) -> None:
        reached[what] += 1
        if what == step and reached[what] == nth:
            # To this thread: another one may be the first to take a signal of the process, and this one goes on.
            signal.pthread_kill(threading.get_ident(), signal.Signals[name])

    declared = topology.load()
    places = [Place(t, p) for t in declared.projections["archive"].reads for p in range(declared.partitions(t))]
    runner = run.make_runner(places, settings.read(os.environ), declared, Metrics(), at)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    runner.start()
    stopping.wait()
    runner.stop()
    runner.join(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
