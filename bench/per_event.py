"""What an event costs in the pure processors: `python -m bench.per_event [dedup ordering signals] [--json]`.

One stream of actions of 1,000 keys goes through dedup, what it writes through ordering, and what that writes through
signals: the real engines on the real bytes, without a transport. The unit is a plain read of the same records' heads in
the same run, because absolute times of a shared machine say little.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Json, rows, show
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.head import read_head
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.partitioning import partition_of
from schemas.record import Output, Record

TENANT = "bench"
ROOMS = ("dedup", "ordering", "signals")
START_MS = 1_700_000_000_000
BATCH = 500  # records of one transaction, as the host reads at most


@dataclass(frozen=True)
class Measured:
    """CPU nanoseconds of one pass over the records, and what it wrote."""

    advance: int
    flush: int
    outputs: list[Output]
    keys: int


def names(prefix: str, count: int, partitions: int) -> list[str]:
    """Names whose keys all belong to partition 0, so that one engine sees them all."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        name = f"{prefix}-{number}"
        if partition_of(ids.key_of(TENANT, name).encode(), partitions) == 0:
            found.append(name)
    return found


def actions(rooms: dict[str, Runnable], keys: int, events: int, failing: int) -> list[Record]:
    """Actions of `keys` actors in turn, a millisecond apart; every `failing`th failed."""
    actors = names("agent", keys, rooms["dedup"].room.partitions)
    resources = names("service", keys, rooms["signals"].room.partitions)
    out = []
    for i in range(events):
        actor, resource, at = actors[i % keys], resources[i * 7 % keys], START_MS + i
        error = ErrorInfo("PaymentError", f"pool exhausted (order {i}, waited 5003 ms)") if i % failing == 0 else None
        traits = ERROR if error else 0
        event_id = ids.derive("bench", i)
        action = Action(
            event_id, bytes(16), TENANT, actor, "s1", i // keys + 1, at, at, traits, resource, "work.do", error=error
        )
        key = ids.key_of(TENANT, actor).encode()
        out.append(Record(rooms["dedup"].input, 0, i, at, key, codec.encode(action)))
    return out


def one_pass(room: Runnable, records: Sequence[Record], one_by_one: bool = False) -> Measured:
    """A fresh engine over all records; what it keeps is flushed every BATCH records."""
    engine = room.engine(0)
    engine.ready()
    outputs: list[Output] = []
    advance = flush = 0
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        begun = time.process_time_ns()
        if one_by_one:
            for record in batch:
                outputs += engine.advance(record).outputs
        else:
            outputs += engine.advance_all(batch).outputs
        between = time.process_time_ns()
        engine.flush(batch[-1].offset + 1)
        advance += between - begun
        flush += time.process_time_ns() - between
    return Measured(advance, flush, outputs, engine.keys)


def heads(records: Sequence[Record]) -> int:
    """CPU nanoseconds of reading every head."""
    begun = time.process_time_ns()
    for record in records:
        assert record.value is not None
        read_head(record.value)
    return time.process_time_ns() - begun


def read_as_input(outputs: Sequence[Output], topic: str) -> list[Record]:
    """What was written for the next processor, as its partition 0 would give it."""
    chosen = [output for output in outputs if output.topic == topic]
    return [Record(topic, 0, i, START_MS + i, o.key, o.value, o.headers) for i, o in enumerate(chosen)]


def best(room: Runnable, records: Sequence[Record], rounds: int, one_by_one: bool) -> Measured:
    """The quickest of some passes: the one that others disturbed least."""
    return min((one_pass(room, records, one_by_one) for _ in range(rounds)), key=lambda m: m.advance + m.flush)


def measure(keys: int, events: int, failing: int, rounds: int, one_by_one: bool) -> list[Json]:
    """A row per processor. All are run, because each reads what the one before wrote."""
    rooms = runnables(topology.load(), DECIDERS)
    records = actions(rooms, keys, events, failing)
    table = []
    for name, following in zip(ROOMS, (*ROOMS[1:], None), strict=True):
        gc.collect()
        unit = min(heads(records) for _ in range(rounds)) / len(records)
        found = best(rooms[name], records, rounds, one_by_one)
        each = found.advance / len(records)
        table.append(
            {
                "processor": name,
                "events": len(records),
                "parts": found.keys,
                "head_us": round(unit / 1000, 2),
                "advance_us": round(each / 1000, 2),
                "ratio": round(each / unit, 1),
                "flush_us": round(found.flush / len(records) / 1000, 2),
            }
        )
        records = read_as_input(found.outputs, rooms[following].input) if following else []
    return table


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.per_event", description=__doc__.split("\n")[0])
    parser.add_argument("processors", nargs="*", help="which to show (default all)")
    parser.add_argument("--keys", type=int, default=1_000, help="actors, and resources (default 1000)")
    parser.add_argument("--events", type=int, default=50_000, help="actions (default 50000)")
    parser.add_argument("--failing", type=int, default=100, help="every Nth action failed (default 100)")
    parser.add_argument("--rounds", type=int, default=3, help="passes; the quickest counts (default 3)")
    parser.add_argument("--one-by-one", action="store_true", help="by the one-by-one faces, not in batches")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    table = measure(given.keys, given.events, given.failing, given.rounds, given.one_by_one)
    chosen = [row for row in table if not given.processors or row["processor"] in given.processors]
    show({"keys": given.keys, "processors": chosen}, rows(chosen), given.json)


if __name__ == "__main__":
    main()
