"""Lanes: one target's order is kept, a slow one holds up itself only, everything is bounded."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from processors.effects.lanes import Job, Lanes, Limits
from schemas.messages.notifications import Channel
from tests.support.effects import page_requested
from tests.support.waiting import auntil


def job(address: str, attempt: int = 1, tenant: str = "shop") -> Job:
    request = page_requested(tenant=tenant, attempt=attempt, channel=Channel("webhook", address))
    return Job(request, None, 0.0, lambda: None)


class Handler:
    """Works off a job when its target's gate is open; remembers the order and how many ran at once per target."""

    def __init__(self, *closed: str) -> None:
        self.done: list[tuple[str, int]] = []
        self.gates = {address: asyncio.Event() for address in closed}
        self.running: defaultdict[str, int] = defaultdict(int)
        self.most = 0

    async def __call__(self, job: Job) -> None:
        address = job.request.channel.address
        self.running[address] += 1
        self.most = max(self.most, self.running[address])
        await asyncio.sleep(0)
        if address in self.gates:
            await self.gates[address].wait()
        self.running[address] -= 1
        self.done.append((address, job.request.attempt))


async def test_one_targets_order_is_kept_and_one_is_sent_at_a_time() -> None:
    handler = Handler()
    lanes = Lanes(handler)
    for attempt in range(20):
        for address in ("a", "b", "c"):
            assert lanes.offer(job(address, attempt)) is None
    assert await lanes.drain(60) == 0
    for address in ("a", "b", "c"):
        assert [n for a, n in handler.done if a == address] == list(range(20))
    assert handler.most == 1
    assert (lanes.count, lanes.waiting) == (0, 0)


async def test_a_target_that_hangs_holds_up_nobody_else() -> None:
    handler = Handler("bad")
    lanes = Lanes(handler)
    lanes.offer(job("bad"))
    for attempt in range(5):
        lanes.offer(job("good", attempt))
    await auntil(lambda: len(handler.done) == 5, 5, "the good target's pages")
    assert lanes.count == 1
    handler.gates["bad"].set()
    assert await lanes.drain(60) == 0


async def test_tenants_that_share_a_target_have_lanes_of_their_own() -> None:
    handler = Handler("same")
    lanes = Lanes(handler)
    lanes.offer(job("same", tenant="one"))
    lanes.offer(job("same", tenant="two"))
    assert lanes.count == 2
    handler.gates["same"].set()
    await lanes.drain(60)


async def test_bounds_refuse_with_a_reason() -> None:
    handler = Handler("a", "b", "c")
    lanes = Lanes(handler, Limits(lanes=2, per_tenant=1, queue=1))
    assert lanes.offer(job("a")) is None
    # The first job is still in line: its task has not begun.
    assert "already wait for this target" in (lanes.offer(job("a")) or "")
    assert "of this tenant" in (lanes.offer(job("b")) or "")
    assert lanes.offer(job("b", tenant="two")) is None
    assert "2 targets are being served" in (lanes.offer(job("c", tenant="three")) or "")
    for gate in handler.gates.values():
        gate.set()
    await lanes.drain(60)
    assert lanes.offer(job("c", tenant="three")) is None
    await lanes.drain(60)


async def test_a_job_that_raises_ends_alone() -> None:
    seen = []

    async def handle(job: Job) -> None:
        seen.append(job.request.attempt)
        if job.request.attempt == 1:
            raise RuntimeError("a bug")

    lanes = Lanes(handle)
    lanes.offer(job("a", 1))
    lanes.offer(job("a", 2))
    await lanes.drain(60)
    assert seen == [1, 2]


async def test_drain_cancels_what_does_not_end() -> None:
    handler = Handler("bad")
    lanes = Lanes(handler)
    lanes.offer(job("bad"))
    assert await lanes.drain(0.01) == 1
    assert (lanes.count, handler.done) == (0, [])
