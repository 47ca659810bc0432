"""Accepted → visible in the timeline, on a running stack: `python -m bench.visible_latency --rate 50 --seconds 20`.

Actions are sent one a request at a fixed rate, also when answers are late, as in `bench.page_latency`; every hundredth
has failed (more would measure the webhook that is paged). Each is about a resource of its own, by which its row is
known. A reader looks into the timeline's table every 10 ms: an action is visible when a look finds it.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time

import psycopg

from bench.figures import Json, rows, show, spread
from bench.page_latency import Run
from gateway.cli.access import access
from gateway.cli.client import Client
from gateway.demo.pager import Pager
from gateway.local.connections import connections
from schemas import topology
from tests.support.tenants import configure, failure, work
from tests.support.waiting import auntil

TOPIC = "actions.ordered"
LOOK_S = 0.01
LATE_S = 30.0
FAILING = 100
WARM_UP = 50


class Looker(threading.Thread):
    """Finds rows of one tenant as they come; `seen` is when (monotonic seconds) by resource."""

    def __init__(self, dsn: str, tenant: str) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, float] = {}
        self._dsn, self._tenant = dsn, tenant
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until it is told to stop."""
        partitions = range(topology.load().partitions(TOPIC))
        at = dict.fromkeys(partitions, -1)
        one = 'select partition, "offset", resource from timeline where tenant = %s and topic = %s'
        statement = " union all ".join(f'({one} and partition = {p} and "offset" > %s)' for p in partitions)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._stopping.wait(LOOK_S):
                given = [value for p in partitions for value in (self._tenant, TOPIC, at[p])]
                # Built from fixed words and partition numbers; the values are parameters.
                found = connection.execute(statement.encode(), given).fetchall()
                now = time.monotonic()
                for partition, offset, resource in found:
                    at[partition] = max(at[partition], offset)
                    self.seen.setdefault(resource, now)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._stopping.set()
        self.join(LATE_S)


async def send_one(client: Client, run: Run, action: Json, planned: float) -> None:
    """One request; remembers when it was answered."""
    sent = await client.send([action])
    done = time.monotonic()
    if not sent.receipts:
        run.refused += 1
        return
    run.answers.append(done - planned)
    run.accepted[action["resource"]] = done


async def load(client: Client, run: Run, name: str, rate: int, count: int) -> None:
    """`count` actions at `rate` a second; returns when all are answered."""
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for i in range(count):
            at = begun + i / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            action = failure(f"{name}-{i}") if i % FAILING == 0 else work(f"{name}-{i}")
            tasks.create_task(send_one(client, run, action, at))


async def measure(rate: int, seconds: int) -> Json:
    """Warm up, load, wait for the last row; the figures."""
    operator = access(None, None, "operator")
    pager = Pager()
    await pager.start()
    name = f"bench-{time.time_ns() // 1_000_000}"
    tenant = await configure(operator.url, operator.token, name, pager)
    looker = Looker(connections().postgres, name)
    looker.start()
    run = Run()
    try:
        async with tenant.client() as client:
            await load(client, Run(), "warm", 25, WARM_UP)
            await load(client, run, "load", rate, rate * seconds)
            missing = await seen(looker, run)
    finally:
        looker.stop()
        await pager.stop()
    found = [resource for resource in run.accepted if resource in looker.seen]
    return {
        "rate": rate,
        "seconds": seconds,
        "sent": rate * seconds,
        "refused": run.refused,
        "missing_rows": missing,
        "accepted_to_visible_ms": spread([looker.seen[r] - run.accepted[r] for r in found]),
        "planned_to_accepted_ms": spread(run.answers),
    }


async def seen(looker: Looker, run: Run) -> int:
    """Wait until every accepted action is a row; how many are not."""
    try:
        await auntil(lambda: run.accepted.keys() <= looker.seen.keys(), LATE_S, "every row")
    except AssertionError:  # what is missing is a figure
        return len(run.accepted.keys() - looker.seen.keys())
    return 0


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.visible_latency", description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=50, help="actions a second (default 50)")
    parser.add_argument("--seconds", type=int, default=20, help="how long (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = asyncio.run(measure(given.rate, given.seconds))
    times = [{"time (ms)": n.removesuffix("_ms").replace("_", " "), **found[n]} for n in found if n.endswith("_ms")]
    show(found, f"{found['sent']} sent, {found['missing_rows']} rows missing\n\n{rows(times)}", given.json)


if __name__ == "__main__":
    main()
