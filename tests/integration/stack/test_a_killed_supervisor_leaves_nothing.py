"""A SIGKILL of the supervisor: no child is left, and `mandate up` goes on where everything stopped."""

from __future__ import annotations

import asyncio
import os
import signal

from gateway.cli.commands import decide
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from gateway.local import state as st
from tests.support.fix_whole import OURS, SERVERS, Whole
from tests.support.tenants import failure
from tests.support.waiting import auntil

SEEN_S = 60.0


async def test_no_child_survives_and_up_goes_on(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("supervisor", pager, steps=(("alice", 2), ("bob", 600)))
    async with tenant.client() as agent:
        await agent.send([failure("payments")])
        await auntil(lambda: pager.paged("alice"), SEEN_S, "alice's page")
    before = {p.name: p.address for p in stack.recorded()}
    await killed(stack)
    await asyncio.to_thread(stack.up)
    assert {p.name: p.address for p in stack.recorded()} == before
    await auntil(lambda: pager.paged("bob"), SEEN_S, "bob's page, which was due while nobody lived")
    async with tenant.client() as agent, tenant.client("bob") as bob:
        await agent.send([failure("payments")])
        await decide(bob, "acknowledge", "INC-1", None, "bob-has-it")

        async def attached() -> bool:
            return [i["failures"] for i in await Watch(bob).incidents()] == [2]

        await auntil(attached, SEEN_S, "the next failure on the same incident")
    assert [(d.page["incident"], d.person) for d in pager.acted.values()] == [("INC-1", "alice"), ("INC-1", "bob")]


async def killed(stack: Whole) -> None:
    """Kill the supervisor; returns when all of its children are gone."""
    recorded = stack.recorded()
    assert {p.name for p in recorded} == {*SERVERS, *OURS}
    supervisor = st.supervisor_pid(stack.home)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    await auntil(lambda: not [p.name for p in recorded if st.alive(p)], 10, "every child to be gone")
    await auntil(lambda: st.supervisor_pid(stack.home) is None, 10, "the supervisor's lock to be free")
