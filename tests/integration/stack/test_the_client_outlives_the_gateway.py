"""The gateway is killed and started while agents send with the Python client: every id is in the history, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.client import AsyncClient
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.fix_whole import READY_S, Whole
from tests.support.waiting import auntil

pytestmark = pytest.mark.slow

AGENTS = ("agent-1", "agent-2")
KILLS = 3
# A circuit that opened in an outage is tried again after 30 s, and then a batch takes a moment.
DELIVERED_S = READY_S + 60.0


async def test_each_action_is_in_the_timeline_once_and_no_number_is_missing(
    stack: Whole, pager: Pager, tmp_path: Path
) -> None:
    tenant = await stack.tenant("outlives", pager, agents=AGENTS)
    handed_over: list[str] = []
    ended = asyncio.Event()

    async def work(name: str) -> None:
        async with AsyncClient(tenant.url, tenant.tokens[name], actor=name, spill=tmp_path) as client:
            while not ended.is_set():
                handed_over.append((await client.action("work.do", "shop")).id)
                await asyncio.sleep(0.02)
            await client.flush(DELIVERED_S)

    working = [asyncio.create_task(work(name)) for name in AGENTS]
    for _ in range(KILLS):
        pid = await stack.kill("gateway")
        await stack.healed("gateway", pid)
    ended.set()
    await asyncio.gather(*working)
    async with tenant.client("alice") as alice:
        watch = Watch(alice)

        async def arrived() -> bool:
            return len(await watch.rows()) >= len(handed_over)

        await auntil(arrived, READY_S, "every action in the timeline")
        assert sorted(await watch.rows()) == sorted(handed_over)
        assert (await watch.summary())["gaps"] == {"opened": 0, "filled": 0, "declared": 0}
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob("*/*"))), "what was delivered leaves nothing"
