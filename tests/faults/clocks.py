"""Wall clocks that step; monotonic clocks go on. The broker's under libfaketime, a processor's in what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.ground import SETTLED_S, STREAM, Ground
from tests.faults.stack import Stack
from tests.support.waiting import auntil

# The Debian package libfaketime puts it here.
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# As words on their command lines. Who reads what the broker stamped: the rooms, each with the guard.
BROKER = "gateway.local.fencing"
ROOMS = ("dedup", "ordering", "signals", "incidents", "rml", "notifications")
# Longer than the library remembers what the file said, several transactions long.
SHIFTED_S = 6.0
GUARDED = (
    f"it stands for as long as its clock is wrong, {SHIFTED_S:g} s here: what comes from its future is not decided"
)


def shiftable(*words: str) -> Callable[[Stack], None]:
    """For `before`: the wall clocks of these processes can be shifted later."""

    def before(stack: Stack) -> None:
        stack.env["MANDATE_FAULTS_CLOCK"] = str(LIBRARY)
        for word in words:
            stack.clock(word)

    return before


def process_steps(room: str, shift: str) -> Callable[[Ground], Awaitable[float]]:
    """The clock of one processor steps, and steps back after a while."""

    async def inflict(ground: Ground) -> float:
        ground.stack.clock(room, shift)
        await asyncio.sleep(SHIFTED_S)
        ground.stack.clock(room)
        return ground.now()

    return inflict


def broker_steps(shift: str) -> Callable[[Ground], Awaitable[float]]:
    """The broker's clock steps back for a while, then is right again: log time stands still and goes on."""

    async def inflict(ground: Ground) -> float:
        ground.stack.clock(BROKER, shift)
        await asyncio.sleep(SHIFTED_S)
        ground.stack.clock(BROKER)
        over = ground.now()
        return over

    return inflict


async def broker_ahead(ground: Ground) -> float:
    """One hour ahead: every room stands before it decides (the guard), and goes on when the clocks agree."""
    stack, log = ground.stack, ground.stack.home.logs / "processor-dedup.log"
    before = log.read_text(errors="replace").count("error[clock_ahead]")
    stack.clock(BROKER, "+1h")
    await auntil(
        lambda: log.read_text(errors="replace").count("error[clock_ahead]") > before,
        SETTLED_S,
        "dedup to see that the broker is ahead",
    )
    await asyncio.sleep(2.0)
    stood = ground.now()
    await asyncio.sleep(2.0)
    assert not ground.arrivals(STREAM["processor-dedup"]).after(stood), "dedup decided records from the future"
    for room in ROOMS:
        stack.clock(room, "+1h")
    over = ground.now()
    await auntil(lambda: ground.arrivals("actions.ordered").after(over), SETTLED_S, "the rooms to go on")
    return over
