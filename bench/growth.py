"""Whether an event's time stays what it is as things grow: `python -m bench.growth [--json]`.

Dedup as deployed with 1 and 2 processes, with 1, 4 and 16 partitions, with 1,000 and 100,000 actors; the engines of
dedup and ordering alone also with 1,000,000 (a log of a million actions and its processes would take minutes); and
incidents' engine with 1 and with 200 open incidents of one tenant.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench.figures import Json, rows, show
from bench.hosted import measure as hosted
from bench.load import TENANT, Load, Shape
from bench.per_event import START_MS, actions, one_pass, read_as_input
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import codec, topology
from schemas.ids import key_of
from schemas.messages.incidents import IncidentOpened
from schemas.partitioning import partition_of
from schemas.record import Record

WARM, EVENTS = 100_000, 60_000
# (keys, partitions, processes), each beside the first
HOSTED = ((1_000, 4, 1), (1_000, 4, 2), (1_000, 1, 1), (1_000, 16, 1), (100_000, 4, 1))
KEYS = (1_000, 100_000, 1_000_000)
ENGINES = ("dedup", "ordering")
ENGINE_EVENTS = 50_000
BATCH = 2_000  # records of one transaction under load
# Actions are so far apart that a window of 300 s holds the same number of ids however many keys there are.
APART_MS = 6
INCIDENTS = (1, 200)
SIGNALS = 6_000
# Everything takes three minutes on a quiet machine; the million keys, begun last, one of them.
BEGIN_S = 180.0
CALM = 2_000  # of them, at the end, that are counted: every incident is open then


def timed(room: Runnable, partition: int, records: Sequence[Record], counted: int) -> Json:
    """CPU per record of the last `counted`, and the changelog bytes that they write."""
    engine = room.engine(partition)
    engine.ready()
    spent = size = 0
    outputs = []
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        begun = time.process_time_ns()
        outputs += engine.advance_all(batch, 1 << 30).outputs
        kept = engine.flush(batch[-1].offset + 1)
        if at >= len(records) - counted:
            spent += time.process_time_ns() - begun
            size += sum(len(o.value or b"") for o in kept)
    done = -(-counted // BATCH) * BATCH
    return {
        "cpu_us": round(spent / done / 1000, 2),
        "changelog_bytes": round(size / done),
        "parts": engine.keys,
        "outputs": outputs,
    }


def engines(keys: int) -> list[Json]:
    """Dedup's and ordering's engine over every key once, then over ENGINE_EVENTS more that count."""
    one = topology.parse(topology.default_path().read_text().replace("partitions: 4", "partitions: 1"))
    rooms = runnables(one, DECIDERS)
    count = -(-keys // BATCH) * BATCH + ENGINE_EVENTS
    load = Load(Shape(actors=keys, partitions=1, duplicates=False))
    given = [
        Record(rooms["dedup"].input, 0, n, START_MS + n * APART_MS, sent.key, sent.value)
        for n, sent in enumerate(load.take(count))
    ]
    out = []
    for name in ENGINES:
        gc.collect()
        gc.freeze()
        found = timed(rooms[name], 0, given, ENGINE_EVENTS)
        outputs = found.pop("outputs")
        given = read_as_input(outputs, "actions.unique")
        out.append({"engine": name, "keys": keys, **found})
    return out


def tenant(open_incidents: int) -> Json:
    """Incidents' engine: signals of so many failing resources of one tenant, each with an open incident."""
    rooms = runnables(topology.load(), DECIDERS)
    records = actions(rooms, open_incidents, SIGNALS, 1)
    for name, following in (("dedup", "ordering"), ("ordering", "signals"), ("signals", "incidents")):
        records = read_as_input(one_pass(rooms[name], records).outputs, rooms[following].input)
    room = rooms["incidents"]
    partition = partition_of(key_of(TENANT).encode(), room.room.partitions)
    given = [record._replace(partition=partition) for record in records]
    found = timed(room, partition, given, CALM)
    opened = codec.schema_ids(IncidentOpened)
    numbers = [int.from_bytes((o.value or b"")[1 : codec.PREFIX_BYTES], "big") for o in found.pop("outputs")]
    return {"open_incidents": sum(number in opened for number in numbers), "commands": len(given), **found}


def _one(measured: Callable[..., Json], *given: int) -> list[Json]:
    return [measured(*given)]


def _rows(measured: Callable[[], list[Json]], named: Json, until: float) -> list[Json]:
    """Rows, or one that says why there are none; nothing is begun after `until` (monotonic seconds)."""
    if time.monotonic() > until:
        return [{**named, "failed": f"not begun: what came before had taken {BEGIN_S:.0f} s"}]
    try:
        return measured()
    except Exception as error:  # whatever it is, the others are measured
        return [{**named, "failed": str(error)[-300:]}]


def measure() -> Json:
    """All of it, the quickest first."""
    until = time.monotonic() + BEGIN_S
    tenants: list[Json] = []
    for count in INCIDENTS:
        tenants += _rows(partial(_one, tenant, count), {"open_incidents": count}, until)
    deployed: list[Json] = []
    for shape in HOSTED:
        named = dict(zip(("keys", "partitions", "processes"), shape, strict=True))
        deployed += _rows(partial(_one, hosted, *shape, WARM, EVENTS), named, until)
    alone: list[Json] = []
    for keys in KEYS:
        alone += _rows(partial(engines, keys), {"engine": "dedup", "keys": keys}, until)
    return {"hosted": deployed, "engines": alone, "tenant": tenants}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure()
    tables = []
    for table in found.values():
        columns = dict.fromkeys(key for row in table for key in row)
        tables.append(rows([{key: row.get(key, "-") for key in columns} for row in table]))
    show(found, "\n\n".join(tables), given.json)


if __name__ == "__main__":
    main()
