"""SIGKILL of every process once while agents send and an incident escalates: the outcome is the same as without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.cli.commands import decide
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.fix_whole import OURS, SERVERS, Whole
from tests.support.tenants import Json, Tenant, failure, work
from tests.support.waiting import auntil

pytestmark = pytest.mark.slow

SEEN_S = 90.0
AGENTS = ("agent-1", "agent-2", "agent-3")
# The next person's turn comes while processes die; carol's would come if bob's answer were lost. It is given when all
# others have been killed and are back, which takes minutes on a machine that is busy.
STEPS = (("alice", 12), ("bob", 1_800), ("carol", 600))
RESOURCE = "payments"


@dataclass
class Work:
    """What agents sent and had accepted."""

    accepted: list[str] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)


@asynccontextmanager
async def agents_at_work(tenant: Tenant) -> AsyncIterator[Work]:
    """Each sends five actions at a time in its session until the block ends; what was begun is finished."""
    done, ended = Work(), asyncio.Event()

    async def one(name: str) -> None:
        number = 0
        async with tenant.client(name) as client:
            while not ended.is_set():
                batch = [work(actor=name, session=f"{name}-1", sequence=number + i) for i in range(5)]
                sent = await client.send(batch)
                number += len(batch)
                done.accepted += [receipt.event_id for receipt in sent.receipts.values()]
                done.refused += sent.problems.values()
                await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(one(name)) for name in AGENTS]
    try:
        yield done
    finally:
        ended.set()
        await asyncio.gather(*tasks)


async def test_killing_each_process_once_changes_nothing_of_the_outcome(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("kills", pager, steps=STEPS, agents=AGENTS)
    async with agents_at_work(tenant) as done, tenant.client("bob") as bob, tenant.client(AGENTS[0]) as breaker:
        errors = [failure(RESOURCE, actor=AGENTS[0]) for _ in range(3)]
        await breaker.send(errors[:1])
        # The page is on its way: whoever decides and whoever sends it die.
        await killed(stack, "effects", "processors")
        await auntil(lambda: pager.paged("alice"), SEEN_S, "alice's page")
        await breaker.send(errors[1:2])
        await killed(stack, "projections", "redis", "gateway")
        await auntil(lambda: pager.paged("bob"), SEEN_S, "bob's page")
        # The answer is given while the broker is away.
        broker = await stack.kill("kafka")
        answering = asyncio.create_task(decide(bob, "acknowledge", "INC-1", None, "bob-has-it"))
        await stack.healed("kafka", broker)
        assert (await answering)["code"] == "accepted"
        await killed(stack, "postgres")
        await breaker.send(errors[2:])
    assert done.refused == []
    await outcome(tenant, pager, {*done.accepted, *(error["id"] for error in errors)})
    assert {p.name for p in stack.recorded() if p.restarts} >= {*SERVERS, *OURS}


async def killed(stack: Whole, *names: str) -> None:
    """All of these at once, then everything is healthy again."""
    pids = [await stack.kill(name) for name in names]
    for name, pid in zip(names, pids, strict=True):
        await stack.healed(name, pid)


async def outcome(tenant: Tenant, pager: Pager, sent: set[str]) -> None:
    """One incident with all failures, one page for each of two people, and every id once in the timeline."""
    async with tenant.client("bob") as bob:
        watch = Watch(bob)

        async def settled() -> bool:
            rows, incidents = await watch.rows(), await watch.incidents()
            outcomes = {page["outcome"] for page in await watch.pages()}
            return len(rows) >= len(sent) and incidents[0]["failures"] >= 3 and outcomes == {"delivered"}

        await auntil(settled, SEEN_S, "everything that was sent to be remembered")
        rows, incidents, pages = await watch.rows(), await watch.incidents(), await watch.pages()
    assert sorted(rows) == sorted(sent), "every accepted id is in the timeline, and only once"
    assert [(i["name"], i["resource"], i["failures"], i["assignee"]) for i in incidents] == [
        ("INC-1", RESOURCE, 3, "bob")
    ]
    expected = [("alice", "webhook", 1), ("bob", "webhook", 2)]
    assert [(p["person"], p["channel"]["kind"], p["step"]) for p in pages] == expected
    # Deliveries may repeat; what the receiver acts on is once per notification.
    assert sorted(d.person for d in pager.acted.values()) == ["alice", "bob"]
    assert set(pager.acted) == {page["notification_id"] for page in pages}
    assert pager.refused == []
