"""Memory of the incidents processor: 200 open incidents and a catalog of 5,000 services and 20,000 edges.

Run in a process of its own that has loaded all that the deployed one loads; it prints JSON.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from random import Random

from bench.figures import Json
from bench.incidents_storm import START_MS, TENANT
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.configuration import canonical
from schemas.envelope import headers_of
from schemas.messages.incidents import ChangeObserved, ErrorSignalled
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.partitioning import partition_of
from schemas.record import Record

SERVICES, EDGES, INCIDENTS, FAILURES, CHANGES = 5_000, 20_000, 200, 50, 10_000
PAGE_BYTES = 4096
BATCH = 500


def resident_mb() -> float:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * PAGE_BYTES / 1e6, 1)


def measure() -> Json:
    """Resident MB before, with the catalog, and with everything; a day of changes is told too."""
    import processors.wiring  # noqa: F401 - what the deployed process loads, with the Kafka client

    room = runnables(topology.load(), DECIDERS)["incidents"]
    key = ids.key_of(TENANT).encode()
    engine = room.engine(partition_of(key, room.room.partitions))
    engine.ready()
    begun = resident_mb()
    random = Random("memory")
    depends: list[list[str]] = [[] for _ in range(SERVICES)]
    for _ in range(EDGES):
        one, other = random.sample(range(SERVICES), 2)
        if f"service-{other}" not in depends[one]:
            depends[one].append(f"service-{other}")
    services = [{"id": f"service-{n}", "depends_on": depends[n]} for n in range(SERVICES)]
    said = [codec.encode(ConfigurationAnnounced(TENANT, "catalog", 1, "", canonical({"services": services})))]
    del services, depends
    said += [codec.encode(_change(n)) for n in range(CHANGES)]
    said += [codec.encode(_signal(n % INCIDENTS, n // INCIDENTS)) for n in range(INCIDENTS * FAILURES)]
    with_catalog = 0.0
    for at in range(0, len(said), BATCH):
        batch = [
            Record(room.input, engine.partition, n, START_MS + n, key, said[n], _headers(n))
            for n in range(at, min(at + BATCH, len(said)))
        ]
        engine.advance_all(batch, 1 << 30)
        engine.flush(batch[-1].offset + 1)
        if not at:
            with_catalog = resident_mb()
    gc.collect()
    return {"resident_mb": resident_mb(), "empty_mb": begun, "catalog_mb": with_catalog, "parts": engine.keys}


def _headers(n: int) -> tuple[tuple[str, bytes], ...]:
    return headers_of(ids.derive("memory", n), "bench", "bench", TENANT, START_MS + n) if n else ()


def _change(n: int) -> ChangeObserved:
    return ChangeObserved(
        TENANT,
        f"service-{n % SERVICES}",
        "deploy",
        "v1.2.3",
        f"v1.2.{n}",
        "3 commits",
        "ci",
        ids.derive("c", n),
        START_MS,
    )


def _signal(service: int, n: int) -> ErrorSignalled:
    return ErrorSignalled(
        tenant=TENANT,
        resource=f"service-{service}",
        fingerprint="f",
        error_type="PoolError",
        message="connection pool exhausted",
        sample=f"connection pool exhausted (order {n})",
        actor=f"agent-{n}",
        session="s",
        action_type="call",
        action_id=ids.derive("memory", service, n),
        affected=None,
        event_time=START_MS + n * 1000,
        first_event_time=START_MS + n * 1000,
        failed_tries=1,
        reason="not_retryable",
    )


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
