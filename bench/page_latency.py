"""Accepted -> paged, and accepted -> seen in the timeline: `python -m bench.page_latency --rate 50 --seconds 30`.

On the running local stack (`--own`: on one of its own, in a folder that is thrown away). Actions are sent one a request
at a fixed rate, also when answers are late (so a slow moment is not hidden by sending less). Every Nth (`--every N`) is
an error on a resource of its own, so that it opens an incident of its own and pages; of these, SEEN_PER_S a second are
asked for by `GET /v1/timeline/{event_id}` from their 202 on, every SEEN_EVERY_S, until they are there.
The clock of both ends is this process's: from the moment in which the 202 was read to the moment in which the webhook's
request, or the row, was read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import uvloop

from bench.figures import Json, rows, show, spread
from bench.generator import Body, Generator
from gateway.cli.access import access
from gateway.cli.client import Client
from gateway.cli.stack import look
from gateway.demo.pager import Delivery, Pager
from gateway.local.paths import find_home
from tests.support.fix_whole import Whole
from tests.support.tenants import AGENT, Tenant, configure, failure
from tests.support.waiting import auntil

WARM_UP = 20  # pages before the clock counts: pools, caches and topics are then warm
LATE_S = 60.0  # a page that takes longer is missing
IN_FLIGHT_MAX = 1_000  # requests; a gateway that stands still shows as errors, not as a full memory
SEEN_PER_S = 5  # rows that are waited for, a second: more would measure the asking
SEEN_EVERY_S = 0.01


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
    """Times (monotonic seconds) by resource, of what was accepted and paged; seconds until rows were seen."""

    planned: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    unseen: int = 0
    refused: int = 0


class Eyes:
    """Waits for rows of the timeline."""

    def __init__(self, session: aiohttp.ClientSession, tenant: Tenant) -> None:
        self._session = session
        self._url = f"{tenant.url}/v1/timeline/"
        self._headers = {"Authorization": f"Bearer {tenant.tokens[AGENT]}"}

    async def wait(self, event_id: str, since: float, run: Run) -> None:
        """Until it is there, LATE_S at most; remembers how long it took."""
        while time.monotonic() < since + LATE_S:
            async with self._session.get(self._url + event_id, headers=self._headers) as answer:
                if answer.status == 200:
                    run.seen.append(time.monotonic() - since)
                    return
            await asyncio.sleep(SEEN_EVERY_S)
        run.unseen += 1


async def send_one(client: Client, run: Run, action: Json, planned: float, eyes: Eyes | None) -> None:
    """One request; remembers when it was answered, and when its row was there if there are eyes for it."""
    sent = await client.send([action])
    done = time.monotonic()
    if not sent.receipts:
        run.refused += 1
        return
    run.answers.append(done - planned)
    run.planned[action["resource"]], run.accepted[action["resource"]] = planned, done
    if eyes is not None:
        await eyes.wait(sent.receipts[0].event_id, done, run)


async def errors(client: Client, run: Run, name: str, rate: float, count: int, eyes: Eyes | None = None) -> None:
    """`count` errors at `rate` a second. Returns when all are answered, and seen where they are waited for."""
    begun = time.monotonic()
    apart = max(1, round(rate / SEEN_PER_S))
    async with asyncio.TaskGroup() as tasks:
        running: set[asyncio.Task[None]] = set()
        for i in range(count):
            at = begun + i / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(running) >= IN_FLIGHT_MAX:
                run.refused += 1
                continue
            waits = eyes if i % apart == 0 else None
            task = tasks.create_task(send_one(client, run, failure(f"{name}-{i}"), at, waits))
            running.add(task)
            task.add_done_callback(running.discard)


async def load(tenant: Tenant, client: Client, run: Run, rate: int, seconds: int, every: int) -> None:
    """Errors at a share of the rate, and quiet actions for the rest of it."""
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        share = rate / every
        tasks.create_task(errors(client, run, "load", share, round(share * seconds), Eyes(session, tenant)))
        if every > 1:
            generator = Generator(tenant.url, tenant.tokens[AGENT])
            quiet = await generator.at_rate(round(rate - share), seconds, Body(0, tenant.name))
            run.refused += quiet.refused
            run.answers += quiet.times


async def measure(tenant: Tenant, pager: Pager, rate: int, seconds: int, every: int) -> Json:
    """Warm up, load, wait for the last page; the figures."""
    async with tenant.client() as client:
        warm, run = Run(), Run()
        await errors(client, warm, "warm", 10, WARM_UP)
        await auntil(lambda: len(pager.acted) >= len(warm.accepted), LATE_S, "the pages of the warm-up")
        await load(tenant, client, run, rate, seconds, every)
        expected = len(warm.accepted) + len(run.accepted)
        with suppress(AssertionError):  # what is missing is a figure
            await auntil(lambda: len(pager.acted) >= expected, LATE_S, "every page")
    assert isinstance(pager.acted, Arrivals)
    paged = pager.acted.at
    found = [resource for resource in run.accepted if resource in paged]
    return {
        "rate": rate,
        "seconds": seconds,
        "every": every,
        "sent": rate * seconds,
        "refused": run.refused,
        "missing_pages": len(run.accepted) - len(found),
        "missing_rows": run.unseen,
        "repeated_deliveries": len(pager.deliveries) - len(pager.acted),
        "accepted_to_page_ms": spread([paged[r] - run.accepted[r] for r in found]),
        "accepted_to_seen_ms": spread(run.seen),
        "planned_to_page_ms": spread([paged[r] - run.planned[r] for r in found]),
        "planned_to_accepted_ms": spread(run.answers),
    }


def processes() -> list[Json]:
    """Resident memory and start-up of every process of the local stack, as `mandate status --json` says."""
    return [{"name": row.name, "rss_mb": row.rss_mb, "started_in_s": row.started_in_s} for row in look(find_home())]


async def running(url: str, operator_token: str, rate: int, seconds: int, every: int) -> Json:
    """The figures of a stack that runs, with a tenant of one's own."""
    pager = Pager(acted=Arrivals())
    await pager.start()
    try:
        tenant = await configure(url, operator_token, f"bench-{time.time_ns() // 1_000_000}", pager)
        return await measure(tenant, pager, rate, seconds, every)
    finally:
        await pager.stop()


def own(loads: Sequence[tuple[int, int, int]]) -> list[Json]:
    """The figures of a stack of one's own for each (rate, seconds, every), one after the other."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder:
        stack = Whole(Path(folder) / "home")
        try:
            stack.up()
            return [uvloop.run(running(stack.url, stack.operator_token, *each)) for each in loads]
        finally:
            stack.run("down")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_latency", description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=50, help="actions a second (default 50)")
    parser.add_argument("--seconds", type=int, default=30, help="how long (default 30)")
    parser.add_argument("--every", type=int, default=10, help="every Nth action is an error (default 10; 1: all)")
    parser.add_argument("--own", action="store_true", help="on a stack of its own instead of the running one")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    if given.own:
        figures, table = own([(given.rate, given.seconds, given.every)])[0], []
    else:
        operator = access(None, None, "operator")
        before = processes()
        figures = uvloop.run(running(operator.url, operator.token, given.rate, given.seconds, given.every))
        after = {row["name"]: row["rss_mb"] for row in processes()}
        table = [{**row, "rss_after_mb": after.get(row["name"])} for row in before]
    show({**figures, "load_average": os.getloadavg()[0], "processes": table}, text(figures, table), given.json)


def text(figures: Json, table: list[Json]) -> str:
    """The figures for a person."""
    times = [
        {"time (ms)": name.removesuffix("_ms").replace("_", " "), **figures[name]}
        for name in ("accepted_to_page_ms", "accepted_to_seen_ms", "planned_to_page_ms", "planned_to_accepted_ms")
    ]
    head = (
        f"{figures['sent']} actions at {figures['rate']}/s, {figures['refused']} refused, "
        f"{figures['missing_pages']} pages and {figures['missing_rows']} rows missing, "
        f"{figures['repeated_deliveries']} delivered twice"
    )
    return f"{head}\n\n{rows(times)}\n\n{rows(table) if table else ''}"


if __name__ == "__main__":
    main()
