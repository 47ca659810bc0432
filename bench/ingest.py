"""The door on a running stack: `python -m bench.ingest [--rate 500 --seconds 20] [--json]`.

Two measurements in one run. At a fixed rate, sent also when answers are late: how long an action waits for its 202,
which stands for `acks=all`. And as fast as some connections can, one action or a whole batch a request: how many.
Resident memory of every process before and after, as `mandate status --json` says.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field

import aiohttp

from bench.figures import Json, rows, show, spread
from bench.page_latency import processes
from gateway.cli.access import access
from gateway.demo.pager import Pager
from tests.support.tenants import AGENT, Tenant, configure, work

WARM_UP = 200  # requests before the clock counts
IN_FLIGHT_MAX = 2_000
CONNECTIONS = 32
BATCH = 100


@dataclass
class Answers:
    """Seconds from the planned moment to the 202, and what was answered otherwise."""

    times: list[float] = field(default_factory=list)
    refused: int = 0


class Door:
    """POST /v1/actions over kept connections, without retries: a refusal is a figure."""

    def __init__(self, session: aiohttp.ClientSession, tenant: Tenant) -> None:
        self._session = session
        self._url = tenant.url + "/v1/actions"
        self._headers = {"Authorization": f"Bearer {tenant.tokens[AGENT]}"}

    async def send(self, count: int, answers: Answers, planned: float | None = None) -> None:
        """One request with `count` actions."""
        begun = time.monotonic() if planned is None else planned
        body = [work(f"shop-{i % 50}") for i in range(count)]
        try:
            async with self._session.post(self._url, json=body, headers=self._headers) as answer:
                await answer.read()
                taken = answer.status in (202, 207)
        except aiohttp.ClientError:
            taken = False
        if taken:
            answers.times.append(time.monotonic() - begun)
        else:
            answers.refused += 1


async def at_rate(door: Door, rate: int, seconds: int) -> Answers:
    """One action a request, `rate` a second."""
    answers, begun = Answers(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        running: set[asyncio.Task[None]] = set()
        for i in range(rate * seconds):
            at = begun + i / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(running) >= IN_FLIGHT_MAX:
                answers.refused += 1
                continue
            task = tasks.create_task(door.send(1, answers, at))
            running.add(task)
            task.add_done_callback(running.discard)
    return answers


async def as_fast(door: Door, seconds: int, count: int) -> Json:
    """CONNECTIONS senders, each sending its next request when the last is answered."""
    answers, begun = Answers(), time.monotonic()

    async def sender() -> None:
        while time.monotonic() - begun < seconds:
            await door.send(count, answers)

    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    took = time.monotonic() - begun
    return {
        "actions_a_request": count,
        "requests_per_s": round(len(answers.times) / took),
        "actions_per_s": round(len(answers.times) * count / took),
        "refused": answers.refused,
        **spread(answers.times),
    }


async def measure(tenant: Tenant, rate: int, seconds: int) -> Json:
    """All figures of the door."""
    limit = aiohttp.TCPConnector(limit=IN_FLIGHT_MAX)
    async with aiohttp.ClientSession(connector=limit) as session:
        door = Door(session, tenant)
        warm = Answers()
        for _ in range(WARM_UP):
            await door.send(1, warm)
        fixed = await at_rate(door, rate, seconds)
        fast = [await as_fast(door, max(1, seconds // 2), count) for count in (1, BATCH)]
    return {"rate": rate, "seconds": seconds, "refused": fixed.refused, "at_rate_ms": spread(fixed.times), "fast": fast}


async def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=500, help="requests a second (default 500)")
    parser.add_argument("--seconds", type=int, default=20, help="how long (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    operator = access(None, None, "operator")
    pager = Pager()
    await pager.start()
    try:
        name = f"bench-{time.time_ns() // 1_000_000}"
        tenant = await configure(operator.url, operator.token, name, pager)
        before = processes()
        figures = await measure(tenant, given.rate, given.seconds)
    finally:
        await pager.stop()
    after = {row["name"]: row["rss_mb"] for row in processes()}
    table = [{**row, "rss_after_mb": after.get(row["name"])} for row in before]
    at_rate_row = {
        "requests": f"{given.rate}/s, one action each",
        "refused": figures["refused"],
        **figures["at_rate_ms"],
    }
    text = "\n\n".join((rows([at_rate_row]), rows(figures["fast"]), rows(table) if table else ""))
    show({**figures, "processes": table}, text, given.json)


if __name__ == "__main__":
    asyncio.run(main())
