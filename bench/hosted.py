"""Dedup as deployed, over a log that is there already: what an event costs as things grow.

`python -m bench.hosted --keys 1000 --partitions 4 --processes 1 [--json]`
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from bench.broker import Broker, committed, started
from bench.figures import Json, show
from bench.load import Load, Shape, fill
from bench.meter import Child, cpu_s, rss_mb
from processors.host.group_positions import GroupPositions
from processors.host.places import Place
from processors.host.transport import group_of
from schemas import topology
from schemas.topology import Topology
from tests.support.waiting import until

INPUT = "actions.raw"
LIMIT_S = 180.0


def with_partitions(count: int, folder: Path) -> tuple[Topology, Path]:
    """The map with this many partitions of every topic that has four, and where it is written."""
    text = re.sub(r"partitions: 4\b", f"partitions: {count}", topology.default_path().read_text())
    path = folder / f"topology-{count}.yaml"
    path.write_text(text)
    return topology.load(path), path


def run(broker: Broker, path: Path, folder: Path, partitions: int, processes: int, warm: int, end: int) -> Json:
    """Dedup on `processes` slots from the first record to the last; the figures from record number `warm` on."""
    places = [Place(INPUT, p) for p in range(partitions)]
    positions = GroupPositions(broker.address, [group_of("dedup")])
    env = {"MANDATE_KAFKA": broker.address, "MANDATE_TOPOLOGY": str(path)}

    def done() -> int:
        return committed(positions, group_of("dedup"), places)

    def used(children: Sequence[Child]) -> tuple[float, float, float]:
        return monotonic(), sum(cpu_s(c.pid) for c in children), cpu_s(broker.pid)

    with ExitStack() as stack:
        argv = [sys.executable, "-m", "processors", "dedup", "--slot"]
        children = [
            stack.enter_context(Child(f"dedup-{slot}", [*argv, str(slot)], folder, env)) for slot in range(processes)
        ]
        first = until(lambda: at if (at := done()) >= warm else 0, LIMIT_S, f"{warm} records")
        before = used(children)
        until(lambda: done() >= end, LIMIT_S, f"{end} records")
        after = used(children)
        rss = max(rss_mb(c.pid) for c in children)
    count = end - first
    return {
        "cpu_us": round((after[1] - before[1]) / count * 1e6, 1),
        "broker_us": round((after[2] - before[2]) / count * 1e6, 1),
        "events_per_s": round(count / (after[0] - before[0])),
        "rss_mb": rss,
    }


def measure(keys: int, partitions: int, processes: int, warm: int, events: int) -> Json:
    """One row: `warm` records first, so that each key is there, then `events` that count."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name:
        folder = Path(name)
        declared, path = with_partitions(partitions, folder)
        with started(declared) as broker:
            load = Load(Shape(actors=keys, partitions=partitions, duplicates=False))
            fill(broker.address, INPUT, load.take(warm + events))
            found = run(broker, path, folder / "logs", partitions, processes, warm, warm + events)
    return {"keys": keys, "partitions": partitions, "processes": processes, "events": events, **found}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.hosted", description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000, help="actors (default 1000)")
    parser.add_argument("--partitions", type=int, default=4, help="of the input (default 4)")
    parser.add_argument("--processes", type=int, default=1, help="slots (default 1)")
    parser.add_argument("--warm", type=int, default=100_000, help="records before the clock counts (default 100000)")
    parser.add_argument("--events", type=int, default=60_000, help="records that count (default 60000)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.keys, given.partitions, given.processes, given.warm, given.events)
    show(found, "\n".join(f"{name} {value}" for name, value in found.items()), given.json)


if __name__ == "__main__":
    main()
