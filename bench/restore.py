"""How long a killed dedup processor takes to have its state again: `python -m bench.restore [CASE …] [--json]`.

The real engine decides a quarter of each case's actions, as its partition would; what it writes as changelog is put
into all four partitions (the others' would be as large), so four times the state is restored. Then the processor is
started as deployed and says itself how long it took from its assignment to its first decision.

    keys_100k, keys_1m   an actor each, seen once; compacted: the last record of every part
    hour                 an hour at 500 actions/s: what is older than ten minutes (min.compaction.lag) compacted, the
                         rest as its transactions wrote it
    window               five minutes at 5,000/s, 1.5 million ids; compacted
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from bench.broker import Broker, started
from bench.figures import Json, rows, show
from bench.flow import Member, Started
from bench.load import Load, Shape
from bench.meter import rss_mb
from processors.host import client
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.record import Record
from tests.support.waiting import until

ROOM = "dedup"
PARTITIONS = 4
BATCH = 500  # records of one partition in a transaction of 2,000
LIMIT_S = 120.0
SECONDS_KEPT = 600  # of log time that is not compacted: min.compaction.lag.ms
FLUSH_S = 120.0
# A case takes 20 s on a quiet machine; on a busy one what is known by then is better than being cut off with nothing.
BEGIN_S = 120.0


@dataclass(frozen=True)
class Case:
    """One changelog. `tail_batch`: records of a partition in each transaction of the part that is not compacted."""

    name: str
    actors: int
    actions: int
    rate: int
    tail_batch: int = 0


CASES = (
    Case("keys_100k", 100_000, 100_000, 5_000),
    Case("keys_1m", 1_000_000, 1_000_000, 5_000),
    # A transaction each 40 ms (20 ms since the last one, which took as long) holds 20 actions at 500/s.
    Case("hour", 1_000, 1_800_000, 500, tail_batch=5),
    Case("window", 1_000, 1_500_000, 5_000),
)
GOALS_S = {"keys_100k": 1.0, "keys_1m": 5.0, "hour": 2.5}


def changelog(case: Case) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Keys and values of one partition's changelog, as compaction leaves them."""
    text = topology.default_path().read_text().replace("partitions: 4", "partitions: 1")
    room = runnables(topology.parse(text), DECIDERS)[ROOM]
    count = case.actions // PARTITIONS
    end_ms = time.time_ns() // 1_000_000
    load = Load(Shape(actors=case.actors // PARTITIONS, partitions=1, duplicates=False))
    each_ms = 1_000 * PARTITIONS / case.rate
    times = [end_ms - int((count - n) * each_ms) for n in range(count)]
    tail_at = count - int(SECONDS_KEPT * 1_000 / each_ms) if case.tail_batch else count
    engine = room.engine(0)
    engine.ready()
    compacted: dict[bytes | None, bytes | None] = {}
    records = [Record(room.input, 0, n, times[n], s.key, s.value) for n, s in enumerate(load.take(count))]
    at = 0
    while at < count:
        batch = records[at : min(at + (BATCH if at < tail_at else case.tail_batch), count)]
        engine.advance_all(batch, 1 << 30)
        kept = engine.flush(batch[-1].offset + 1)
        if at < tail_at:
            compacted.update((o.key, o.value) for o in kept)
        else:
            if compacted:
                yield from ((key, value) for key, value in compacted.items() if value is not None)
                compacted = {}
            yield from ((o.key, o.value) for o in kept)
        at += len(batch)
    yield from ((key, value) for key, value in compacted.items() if value is not None)


def write(broker: Broker, case: Case) -> Json:
    """The changelog into every partition, and an input that is long enough for its position."""
    more = {"message.timeout.ms": 120_000, "queue.buffering.max.messages": 2_000_000}
    settings = client.producing(client.unpolled(client.base(broker.address, None))) | more
    producer = Producer(settings | {"queue.buffering.max.kbytes": 2_097_151})
    count = size = 0
    for key, value in changelog(case):
        for partition in range(PARTITIONS):
            while True:
                try:
                    producer.produce("dedup.changelog", value, key, partition)
                    break
                except BufferError:
                    producer.poll(0.1)
        count += PARTITIONS
        size += PARTITIONS * len(value or b"")
        producer.poll(0)
    for n in range(case.actions // PARTITIONS):
        for partition in range(PARTITIONS):
            producer.produce("actions.raw", b"", None, partition)
        if n % 1_000 == 0:
            producer.poll(0)
    if producer.flush(FLUSH_S):
        raise TimeoutError(f"the changelog of {case.name} was not written in {FLUSH_S:.0f} s")
    return {"changelog_records": count, "changelog_mb": round(size / 1e6, 1)}


def measure_case(case: Case) -> Json:
    """One row."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name, ExitStack() as stack:
        broker = stack.enter_context(started(topology.load()))
        written = write(broker, case)
        arguments = ("processors", ROOM, "--slot", "0", "--from-progress")
        member = Member(ROOM, arguments, f'room_records_total{{room="{ROOM}"}}')
        running = Started(member, Path(name), {"MANDATE_KAFKA": broker.address}, stack)
        until(running.ready, LIMIT_S, f"{case.name} to be started")
        until(lambda: running.value("room_owned_partitions"), LIMIT_S, f"{case.name} to be restored")
        restored = running.value("room_restore_seconds_sum")
        return {
            "case": case.name,
            **written,
            "restore_s": round(restored, 2),
            "goal_s": GOALS_S.get(case.name),
            "started_s": running.ready_s,
            "parts": int(until(lambda: running.value("room_state_keys"), LIMIT_S, "the gauges")),
            "rss_mb": rss_mb(running.child.pid),
        }


def measure(names: list[str]) -> list[Json]:
    """A row per case. A case that cannot be restored says so; the others go on."""
    out = []
    begun = time.monotonic()
    for case in CASES:
        if time.monotonic() - begun > BEGIN_S:
            out.append({"case": case.name, "failed": f"not begun: the cases before had taken {BEGIN_S:.0f} s"})
        elif case.name in names:
            try:
                out.append(measure_case(case))
            except Exception as error:  # whatever it is, the others are measured
                out.append({"case": case.name, "failed": str(error)[-300:]})
    return out


def main() -> None:
    """Entry point."""
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench.restore", description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=names, help=f"which (default all: {' '.join(names)})")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.cases)
    columns = dict.fromkeys(key for row in found for key in row)
    show({"cases": found}, rows([{key: row.get(key, "-") for key in columns} for row in found]), given.json)


if __name__ == "__main__":
    main()
