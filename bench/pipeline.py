"""From Kafka to timeline row and incident: `python -m bench.pipeline [--seconds 20] [--json]`.

A broker, a Postgres as durable as deployed, dedup, ordering, signals, incidents, and the read models timeline and
incidents, each a process of its own. Every fiftieth action has failed, on 200 resources of one tenant in turn. Fed as
fast as the timeline has the rows; at the end every action must be a row, and every resource that failed an incident.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.broker import started
from bench.figures import Json, rows, show
from bench.flow import Flow, processor, projection
from bench.load import TENANT, Load, Shape
from gateway.local import postgres as local_postgres
from gateway.local.children import Running
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from projections import migrate
from schemas import topology
from tests.support.waiting import until

ROOMS = ("dedup", "ordering", "signals", "incidents")
READ_MODELS = ("timeline", "incidents")
# A second's worth at the first goal of 25,000 a second.
WINDOW = 25_000
WARM_S = 8.0
RATE_MAX = 40_000
FAILING = 50  # one in fifty, as on a normal day (bench.rebuild)
RESOURCES = 200
INCIDENTS_S = 30.0
PASSWORD = "only-for-bench"


@contextmanager
def database(folder: Path) -> Iterator[tuple[str, int]]:
    """A migrated Postgres of one's own: its DSN, and the pid of its first process."""
    port = free_port()
    running = Running(local_postgres.spec(find_home(), folder / "postgres", port, PASSWORD), folder / "postgres.log")
    running.start()
    try:
        dsn = local_postgres.dsn(port, PASSWORD, "postgres")
        migrate.apply(dsn)
        yield dsn, running.pid
    finally:
        running.kill()


def checked(dsn: str, sent: int) -> Json:
    """Rows and incidents that there are, and that there must be."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def count(statement: str) -> int:
            row = connection.execute(statement, (TENANT,)).fetchone()
            return int(row[0]) if row else 0

        expected = min(RESOURCES, sent // FAILING)
        found = "select count(*) from incidents where tenant = %s"
        incidents = until(lambda: max(0, count(found) - expected + 1), INCIDENTS_S, "every incident") + expected - 1
        kept = count("select count(*) from timeline where tenant = %s")
    return {"sent": sent, "timeline_rows": kept, "incidents": incidents, "lost": sent - kept}


def measure(seconds: float) -> Json:
    """The whole pipeline."""
    rooms = [processor(name) for name in ROOMS]
    models = [projection(name) for name in READ_MODELS]
    declared = topology.load()
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name:
        folder = Path(name)
        with started(declared) as broker, database(folder) as (dsn, pid):
            shape = Shape(
                partitions=declared.partitions("actions.raw"),
                failing=FAILING,
                resources=RESOURCES,
                duplicates=False,
            )
            servers = {"kafka": broker.pid, "postgres": pid}
            with Flow(broker.address, servers, folder / "logs", {"MANDATE_POSTGRES": dsn}) as flow:
                flow.start([*rooms, *models])
                most = int((WARM_S + seconds) * RATE_MAX)
                found = flow.run(Load(shape), models[0].metric, WINDOW, WARM_S, seconds, most)
                return found | checked(dsn, flow.sent)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long after the warm-up (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.seconds)
    head = f"{found['actions_per_s']} actions/s, {found['cpu_us']} µs of CPU each; {found['lost']} rows missing"
    show(found, f"{head}\n\n{rows(found['processes'])}", given.json)


if __name__ == "__main__":
    main()
