"""Dedup, ordering and signals one behind the other: `python -m bench.chain [--seconds 15] [--json]`.

A broker, three processes as deployed, plain actions (none failed, none sent twice) fed as fast as the last one is done.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.broker import started
from bench.figures import Json, rows, show
from bench.flow import Flow, processor
from bench.load import Load, Shape
from schemas import topology

ROOMS = ("dedup", "ordering", "signals")
# A second's worth at the goal of 50,000 a second.
WINDOW = 50_000
WARM_S = 5.0
RATE_MAX = 60_000  # actions a second that are made ready


def measure(seconds: float) -> Json:
    """The three in a chain."""
    members = [processor(name) for name in ROOMS]
    declared = topology.load()
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name, started(declared) as broker:
        shape = Shape(partitions=declared.partitions("actions.raw"), duplicates=False)
        with Flow(broker.address, {"kafka": broker.pid}, Path(name), {}) as flow:
            flow.start(members)
            most = int((WARM_S + seconds) * RATE_MAX)
            return flow.run(Load(shape), members[-1].metric, WINDOW, WARM_S, seconds, most)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.chain", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="how long after the warm-up (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.seconds)
    text = f"{found['actions_per_s']} actions/s, {found['cpu_us']} µs of CPU each\n\n{rows(found['processes'])}"
    show(found, text, given.json)


if __name__ == "__main__":
    main()
