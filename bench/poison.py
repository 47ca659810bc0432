"""How long an action waits at the door while it refuses poison: `python -m bench.poison`, on a stack that is up.

Every body of tests/support/poisons.py is sent in turn, AT_ONCE at a time, ROUNDS times over; beside them one action
after another. Prints JSON: {poisons, refused_4xx, other, actions, longest_s, median_s}. Goal (issue 6): longest ≤ 1 s.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import time

import aiohttp

from tests.support.poisons import BODIES

AT_ONCE = 4
ROUNDS = 3
ACTION = {"actor": "neighbour", "type": "check", "resource": "storefront"}


async def main(url: str, token: str) -> None:
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
    print(json.dumps(found | {"longest_s": round(max(waits), 3), "median_s": round(statistics.median(waits), 3)}))


if __name__ == "__main__":
    asyncio.run(main(os.environ["MANDATE_URL"], os.environ["MANDATE_TOKEN"]))
