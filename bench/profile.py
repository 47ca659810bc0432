"""Where a processor's time goes, line by line: `python -m bench.profile dedup [--as before] [--json]`.

The real engine over the real bytes of one run of the pipeline, in transactions of 2,000 as under load, as often as it
takes for three seconds of CPU. Each millisecond of CPU the kernel interrupts it, and the line that runs is counted: the
ten lines most often met, with their share. A call into C counts for the line that makes it. With `--as` the table goes
into RESULTS.json under that name (`before`, `after`), which RESULTS.md shows side by side.
"""

from __future__ import annotations

import argparse
import gc
import linecache
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench import results
from bench.figures import Json, rows, show
from bench.load import Load, Shape
from bench.per_event import START_MS
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.record import Output, Record

ROOT = Path(__file__).parents[1]
# Each processor with the topic it reads of what those before wrote. rml and notifications read few records an action.
PATH = ("dedup", "ordering", "signals", "incidents", "notifications")
ACTIONS = 40_000
FAILING = 10  # so that those behind have something to do
CPU_S = 3.0
INTERVAL_S = 0.001
BATCH = 2_000
TOP = 10


class Sampler:
    """Counts the lines that a SIGPROF finds running in the main thread."""

    def __init__(self) -> None:
        self.lines: Counter[tuple[str, int]] = Counter()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if frame is not None:
            line = frame.f_lineno or frame.f_code.co_firstlineno
            self.lines[frame.f_code.co_filename, line] += 1

    def top(self) -> list[Json]:
        """The lines met most often."""
        total = max(1, self.lines.total())
        out = []
        for (file, line), count in self.lines.most_common(TOP):
            path = Path(file)
            where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
            share = f"{100 * count / total:.1f} %"
            out.append({"share": share, "line": f"{where}:{line}", "code": linecache.getline(file, line).strip()[:80]})
        return out


def inputs(rooms: dict[str, Runnable], name: str) -> dict[int, list[Record]]:
    """What the processor reads, by partition: the actions, or what the processors before it write."""
    shape = Shape(failing=FAILING, partitions=rooms["dedup"].room.partitions)
    logs: dict[str, dict[int, list[Record]]] = {}
    for n, sent in enumerate(Load(shape).take(ACTIONS)):
        log = logs.setdefault(rooms["dedup"].input, {}).setdefault(sent.partition, [])
        log.append(Record(rooms["dedup"].input, sent.partition, len(log), START_MS + n, sent.key, sent.value))
    for before in PATH[: PATH.index(name)]:
        for partition, records in logs.get(rooms[before].input, {}).items():
            for output, at in passed(rooms[before], partition, records):
                assert output.partition is not None
                log = logs.setdefault(output.topic, {}).setdefault(output.partition, [])
                log.append(
                    Record(output.topic, output.partition, len(log), at, output.key, output.value, output.headers)
                )
    return logs.get(rooms[name].input, {})


def passed(room: Runnable, partition: int, records: Sequence[Record]) -> list[tuple[Output, int]]:
    """A fresh engine over all records of a partition; what it wrote, each with its transaction's time."""
    engine = room.engine(partition)
    engine.ready()
    out: list[tuple[Output, int]] = []
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        out += [(output, batch[-1].append_time) for output in engine.advance_all(batch, 1 << 30).outputs]
        engine.flush(batch[-1].offset + 1)
    return out


def measure(name: str) -> Json:
    """The ten top lines of a processor, and its CPU time per record while they were counted."""
    rooms = runnables(topology.load(), DECIDERS)
    given = inputs(rooms, name)
    gc.collect()
    gc.freeze()
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler)
    begun, count = time.process_time(), 0
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    while time.process_time() - begun < CPU_S:
        for partition, records in given.items():
            passed(rooms[name], partition, records)
            count += len(records)
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    spent = time.process_time() - begun
    return {"processor": name, "cpu_us": round(spent / count * 1e6, 2), "records": count, "lines": sampler.top()}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__.split("\n")[0])
    parser.add_argument("processor", choices=PATH)
    parser.add_argument("--as", dest="label", choices=("before", "after"), help="keep it in RESULTS.json as this")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.processor)
    if given.label:
        results.keep_profile(given.label, found)
    show(found, f"{found['cpu_us']} µs a record\n\n{rows(found['lines'])}", given.json)


if __name__ == "__main__":
    main()
