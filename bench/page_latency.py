"""Accepted -> paged, on a running stack: `python -m bench.page_latency --rate 50 --seconds 30 [--json]`.

Actions are sent one a request at a fixed rate, also when answers are late (so a slow moment is not hidden by sending
less). Every Nth (`--every N`) is an error on a resource of its own, so that it opens an incident of its own and pages.
The clock of both ends is this process's: from the moment in which the 202 was read to the moment in which the
webhook's request was read.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from bench.figures import Json, rows, show, spread
from gateway.cli.access import access
from gateway.cli.client import Client
from gateway.cli.stack import look
from gateway.demo.pager import Delivery, Pager
from gateway.local.paths import find_home
from tests.support.tenants import Tenant, configure, failure, work
from tests.support.waiting import auntil

WARM_UP = 20  # pages before the clock counts: pools, caches and topics are then warm
LATE_S = 60.0  # a page that takes longer is missing
IN_FLIGHT_MAX = 1_000  # requests; a gateway that stands still shows as errors, not as a full memory


class Arrivals(dict[str, Delivery]):
    """What the pager acted on, with the moment (monotonic seconds) in which each resource's page came."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def setdefault(self, key: str, default: Delivery) -> Delivery:
        """The first delivery of a notification is the one that counts."""
        self.at.setdefault(str(default.page["resource"]), time.monotonic())
        return super().setdefault(key, default)


@dataclass
class Run:
    """Times (monotonic seconds) by resource, of what was accepted and paged."""

    planned: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)
    refused: int = 0


async def send_one(client: Client, run: Run, action: Json, planned: float) -> None:
    """One request; remembers when it was answered."""
    sent = await client.send([action])
    done = time.monotonic()
    if not sent.receipts:
        run.refused += 1
        return
    run.answers.append(done - planned)
    if "error" in action:
        run.planned[action["resource"]], run.accepted[action["resource"]] = planned, done


async def load(client: Client, run: Run, name: str, rate: int, count: int, every: int) -> None:
    """`count` actions at `rate` a second; every `every`th is an error. Returns when all are answered."""
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        running: set[asyncio.Task[None]] = set()
        for i in range(count):
            at = begun + i / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(running) >= IN_FLIGHT_MAX:
                run.refused += 1
                continue
            action = failure(f"{name}-{i}") if i % every == 0 else work(f"{name}-quiet-{i % 100}")
            task = tasks.create_task(send_one(client, run, action, at))
            running.add(task)
            task.add_done_callback(running.discard)


async def measure(tenant: Tenant, pager: Pager, rate: int, seconds: int, every: int) -> Json:
    """Warm up, load, wait for the last page; the figures."""
    async with tenant.client() as client:
        warm, run = Run(), Run()
        await load(client, warm, "warm", 10, WARM_UP, 1)
        await auntil(lambda: len(pager.acted) >= len(warm.accepted), LATE_S, "the pages of the warm-up")
        await load(client, run, "load", rate, rate * seconds, every)
        expected = len(warm.accepted) + len(run.accepted)
        with suppress(AssertionError):  # what is missing is a figure
            await auntil(lambda: len(pager.acted) >= expected, LATE_S, "every page")
    assert isinstance(pager.acted, Arrivals)
    paged = pager.acted.at
    seen = [resource for resource in run.accepted if resource in paged]
    return {
        "rate": rate,
        "seconds": seconds,
        "every": every,
        "sent": rate * seconds,
        "refused": run.refused,
        "missing_pages": len(run.accepted) - len(seen),
        "repeated_deliveries": len(pager.deliveries) - len(pager.acted),
        "accepted_to_page_ms": spread([paged[r] - run.accepted[r] for r in seen]),
        "planned_to_page_ms": spread([paged[r] - run.planned[r] for r in seen]),
        "planned_to_accepted_ms": spread(run.answers),
    }


def processes() -> list[Json]:
    """Resident memory and start-up of every process of the local stack, as `mandate status --json` says."""
    return [{"name": row.name, "rss_mb": row.rss_mb, "started_in_s": row.started_in_s} for row in look(find_home())]


async def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_latency", description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=50, help="actions a second (default 50)")
    parser.add_argument("--seconds", type=int, default=30, help="how long (default 30)")
    parser.add_argument("--every", type=int, default=1, help="every Nth action is an error (default 1: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    operator = access(None, None, "operator")
    pager = Pager(acted=Arrivals())
    await pager.start()
    try:
        name = f"bench-{time.time_ns() // 1_000_000}"
        tenant = await configure(operator.url, operator.token, name, pager)
        before = processes()
        figures = await measure(tenant, pager, given.rate, given.seconds, given.every)
    finally:
        await pager.stop()
    after = {row["name"]: row["rss_mb"] for row in processes()}
    table = [{**row, "rss_after_mb": after.get(row["name"])} for row in before]
    show({**figures, "processes": table}, text(figures, table), given.json)


def text(figures: Json, table: list[Json]) -> str:
    """The figures for a person."""
    times = [
        {"time (ms)": name.removesuffix("_ms").replace("_", " "), **figures[name]}
        for name in ("accepted_to_page_ms", "planned_to_page_ms", "planned_to_accepted_ms")
    ]
    head = (
        f"{figures['sent']} actions at {figures['rate']}/s, {figures['refused']} refused, "
        f"{figures['missing_pages']} pages missing, {figures['repeated_deliveries']} delivered twice"
    )
    return f"{head}\n\n{rows(times)}\n\n{rows(table) if table else ''}"


if __name__ == "__main__":
    asyncio.run(main())
