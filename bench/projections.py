"""CPU of each read model per record: `python -m bench.projections [--records 40000] [--only timeline,dedup] [--json]`.

Postgres and Redis of its own. Every read model's real store is filled in batches as its process writes them, each a
transaction with its positions: `timeline` and `dedup` with plain actions, the others with what the whole pipeline said
of failing ones. `client_us` is this process's CPU per record, `server_us` that of Postgres or Redis; `ratio` is both
by `head_us`, the plain reading of an action's head in the same run. Kafka's client (3 to 6 µs a record) is not in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.figures import Json, rows, show
from bench.meter import cpu_s
from bench.rebuild import actions
from gateway.local import postgres as local_postgres
from gateway.local import redis as local_redis
from gateway.local.children import Running
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from processors.host.places import Place
from projections import migrate
from projections.catalog import PROJECTIONS, REDIS
from projections.redis_store import RedisStore
from projections.runner import BATCH_RECORDS
from projections.store import PostgresStore
from schemas import topology
from schemas.head import read_head
from schemas.messages.actions import Effect
from schemas.record import Record
from tests.support.world import World

# Pages are left out: a thousand of them would be a bad year.
NAMES = tuple(name for name in (*PROJECTIONS, *REDIS) if name != "pages")
# Failing actions and charges that the pipeline is told: an event of one of ten incidents, and a ledger entry.
FAILING = 1_500
STEP_SECONDS = 0.05

Records = Mapping[Place, Sequence[Record]]


class Store(Protocol):
    """What a runner writes to."""

    def open(self) -> None: ...
    def begin(self, lows: Mapping[Place, int]) -> None: ...
    def positions(self) -> Mapping[Place, int]: ...
    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are, and their processes."""

    postgres: str
    redis: str
    pids: Mapping[str, int]


def plain(count: int) -> dict[Place, list[Record]]:
    """Actions on the three topics that they pass, a third of `count` on each."""
    made = actions(count // 3)
    topics = ("actions.raw", "actions.unique", "actions.ordered")
    return {Place(t, p): [r._replace(topic=t) for r in kept] for t in topics for (_, p), kept in made.items()}


def told(failing: int) -> dict[Place, list[Record]]:
    """What the pipeline says of failing actions and of charges: incidents, pages, cases."""
    world = World()
    for number in range(failing):
        world.fail(f"agent-{number % 20}", "call", f"service-{number % 10}", "Timeout", f"no answer {number}")
        charge = Effect("payment.charge", f"{1_000 + number % 700}", "EUR", f"customer-{number % 100}")
        world.act(f"payer-{number % 20}", "payments.charge", f"order-{number % 50}", effect=charge)
        world.run_to(world.now + STEP_SECONDS)
    places = [Place(t, p) for t, made in world.map.topics.items() for p in range(made.partitions)]
    return {place: world.log.read(place, 0, 1_000_000)[0] for place in places}


def filled(store: Store, records: Records) -> int:
    """Write everything in batches of a runner; gives the number of records."""
    count = 0
    for place, kept in sorted(records.items()):
        at = 0
        for batch in batches(kept):
            end = batch[-1].offset + 1
            store.write(batch, {place: at}, {place: end})
            count, at = count + len(batch), end
    store.close()
    return count


def batches(kept: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """As a runner reads them."""
    for at in range(0, len(kept), BATCH_RECORDS):
        yield kept[at : at + BATCH_RECORDS]


def measure(count: int, names: Sequence[str] = NAMES) -> Json:
    """Figures by read model, and the head's."""
    declared = topology.load()
    busy, said = plain(count), told(FAILING)
    heads = [r.value or b"" for kept in busy.values() for r in kept]
    began = time.process_time()
    for value in heads:
        read_head(value)
    head_us = (time.process_time() - began) * 1e6 / len(heads)
    out: dict[str, Json] = {}
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder, ExitStack() as stack:
        servers = started(Path(folder), stack)
        for name in names:
            reads = declared.projections[name].reads
            source = busy if any(t.startswith("actions.") for t in reads) else said
            records = {place: kept for place, kept in source.items() if place.topic in reads}
            store: Store
            if name in REDIS:
                store, server = RedisStore(servers.redis, REDIS[name]), "redis"
            else:
                streams = {topic: declared.topics[topic].stream for topic in reads}
                store, server = PostgresStore(servers.postgres, PROJECTIONS[name], streams), "postgres"
            out[name] = _figures(store, records, servers.pids[server], head_us)
    return {"head_us": round(head_us, 2), "projections": out}


def _figures(store: Store, records: Records, server: int, head_us: float) -> Json:
    store.open()
    store.begin(dict.fromkeys(records, 0))
    store.positions()
    before, wall, cpu = cpu_s(server), time.perf_counter(), time.process_time()
    count = filled(store, records)
    client = (time.process_time() - cpu) * 1e6 / count
    seconds = time.perf_counter() - wall
    served = (cpu_s(server) - before) * 1e6 / count
    return {
        "records": count,
        "client_us": round(client, 1),
        "server_us": round(served, 1),
        "ratio": round((client + served) / head_us, 1),
        "records_per_s": round(count / seconds),
    }


def started(folder: Path, stack: ExitStack) -> Servers:
    """Both servers, ended with the stack."""
    home, ports = find_home(), (free_port(), free_port())
    specs = {
        "postgres": local_postgres.spec(home, folder / "postgres", ports[0], "only-for-bench", durable=False),
        "redis": local_redis.spec(folder / "redis", ports[1]),
    }
    pids = {}
    for name, spec in specs.items():
        running = Running(spec, folder / f"{name}.log")
        running.start()
        stack.callback(running.kill)
        pids[name] = running.pid
    dsn = local_postgres.dsn(ports[0], "only-for-bench", "postgres")
    migrate.apply(dsn)
    return Servers(dsn, local_redis.url(ports[1]), pids)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.records, given.only.split(","))
    table = [{"read model": name, **figures} for name, figures in found["projections"].items()]
    show(found, f"head_us {found['head_us']}\n" + rows(table), given.json)


if __name__ == "__main__":
    main()
