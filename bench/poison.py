"""How long an action waits at the door while it refuses poison: `python -m bench.poison [--alone]`.

On the stack of MANDATE_URL with an agent's MANDATE_TOKEN, or `--alone` on a gateway, broker and database of its own.

Every body of tests/support/poisons.py is sent in turn, AT_ONCE at a time, ROUNDS times over; beside them one action
after another. Prints JSON: {poisons, refused_4xx, other, actions, longest_s, median_s}. Goal (issue 6): longest ≤ 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import statistics
import time

import aiohttp

from bench.alone import OPERATOR, gateway, servers
from bench.figures import Json
from bench.ingest import configured
from tests.support.poisons import BODIES
from tests.support.tenants import AGENT

AT_ONCE = 4
ROUNDS = 3
ACTION = {"actor": "neighbour", "type": "check", "resource": "storefront"}


async def measure(url: str, token: str) -> Json:
    """Pour, and measure the neighbours."""
    waiting = [body for _ in range(ROUNDS) for body in BODIES.values()]
    statuses: list[int] = []
    waits: list[float] = []
    bearer = {"Authorization": f"Bearer {token}"}

    async def pour(session: aiohttp.ClientSession) -> None:
        while waiting:
            headers, body = waiting.pop()
            async with session.post(f"{url}/v1/actions", headers=bearer | headers, data=io.BytesIO(body)) as answer:
                await answer.read()
                statuses.append(answer.status)

    async with aiohttp.ClientSession() as poison, aiohttp.ClientSession() as session:
        pouring = [asyncio.create_task(pour(poison)) for _ in range(AT_ONCE)]
        while not all(task.done() for task in pouring):
            begun = time.perf_counter()
            action = ACTION | {"id": f"poison-{time.time_ns()}"}
            async with session.post(f"{url}/v1/actions", headers=bearer, json=action) as answer:
                assert answer.status == 202, await answer.text()
            waits.append(time.perf_counter() - begun)
        await asyncio.gather(*pouring)
    refused = sum(400 <= status < 500 for status in statuses)
    found = {"poisons": len(statuses), "refused_4xx": refused, "other": len(statuses) - refused, "actions": len(waits)}
    return found | {"longest_s": round(max(waits), 3), "median_s": round(statistics.median(waits), 3)}


async def alone() -> Json:
    """A gateway that has nothing else to do."""
    with servers() as where, gateway(where) as process:
        tenant, pager = await configured(f"http://{process.address}", OPERATOR)
        try:
            return await measure(tenant.url, tenant.tokens[AGENT])
        finally:
            await pager.stop()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.poison", description=__doc__.split("\n")[0])
    parser.add_argument("--alone", action="store_true", help="on a gateway of its own")
    parser.add_argument("--json", action="store_true", help="accepted for the sake of the others: it is always JSON")
    given = parser.parse_args()
    found = alone() if given.alone else measure(os.environ["MANDATE_URL"], os.environ["MANDATE_TOKEN"])
    print(json.dumps(asyncio.run(found)))


if __name__ == "__main__":
    main()
