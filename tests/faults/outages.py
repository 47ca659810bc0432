"""Servers that die, stand still, are emptied or have no space, while processes commit to them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import redis

from gateway.local import postgres
from gateway.local.ports import free_port
from gateway.local.secret import secret_in
from tests.faults.ground import Ground
from tests.faults.stack import Stack
from tests.support.waiting import auntil

# Longer than a session (6 s) and a transaction (5 s), shorter than what a commit is resumed for (25 s).
STOPPED_S = 10.0
LOOPS = 3
BETWEEN_S = 2.0
FULL_S = 8.0
# A run of a minute writes some 20 MB of segments; a new cluster has 60 MB, a segment of its own log 16.
KAFKA_SIZE = "160m"
POSTGRES_SIZE = "320m"


def killed(server: str, times: int = 1) -> Callable[[Ground], Awaitable[float]]:
    """SIGKILL; the supervisor starts it again on the same data. The fault is over when it answers."""

    async def inflict(ground: Ground) -> float:
        for turn in range(times):
            if turn:
                await asyncio.sleep(BETWEEN_S)
            await ground.stack.spared(server)
            pid = ground.stack.signal(server, signal.SIGKILL)
            await ground.stack.died(server, pid)
            await ground.stack.well(server, other_than=pid)
        return ground.now()

    return inflict


def stopped(name: str, seconds: float = STOPPED_S) -> Callable[[Ground], Awaitable[float]]:
    """SIGSTOP, and SIGCONT after that time."""

    async def inflict(ground: Ground) -> float:
        ground.stack.signal(name, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        ground.stack.signal(name, signal.SIGCONT)
        return ground.now()

    return inflict


async def emptied(ground: Ground) -> float:
    """FLUSHALL; then what was accepted lately is sent again, which must be dropped all the same."""
    with redis.Redis.from_url(ground.stack.connections.redis) as cache:
        cache.flushall()
    over = ground.now()
    await ground.load.repeat()
    return over


def small_kafka(stack: Stack) -> None:
    """The broker's files are on a small file system of their own."""
    stack.mount(stack.home.data / "kafka", KAFKA_SIZE)


def small_postgres(stack: Stack) -> None:
    """The database's files are."""
    prepared = stack.home.directory / "prepared"
    postgres.spec(stack.home, prepared, free_port(), secret_in(stack.home.password_file)).prepare()
    place = stack.home.data / "postgres"
    stack.mount(place, POSTGRES_SIZE)
    subprocess.run(("cp", "-a", f"{prepared}/.", str(place)), check=True)


def full(server: str) -> Callable[[Ground], Awaitable[float]]:
    """A small file system without a byte left, for a while; then there is space again."""

    async def inflict(ground: Ground) -> float:
        ballast = ground.stack.home.data / server / "ballast"
        fill(ballast)
        end = ground.now() + FULL_S
        # What is freed meanwhile (a segment, a log of Postgres) is filled again.
        while ground.now() < end:
            await asyncio.sleep(0.2)
            fill(ballast)
        ballast.unlink()
        await ground.stack.all_well()
        await ground.stack.well(server)
        return ground.now()

    return inflict


def fill(ballast: Path) -> None:
    """Write until nothing fits any more."""
    for size in (1 << 20, 1 << 12, 1):
        try:
            with ballast.open("ab", buffering=0) as file:
                while True:
                    file.write(bytes(size))
        except OSError:
            continue


async def timers_across_crashes(ground: Ground) -> float:
    """The second person's turn comes while the processor whose timer it is dies again and again."""
    pages = ground.checker
    for _ in range(3):
        await ground.stack.spared("processor-notifications")
        pid = ground.stack.signal("processor-notifications", signal.SIGKILL)
        await ground.stack.died("processor-notifications", pid)
        await ground.stack.well("processor-notifications", other_than=pid)
    over = ground.now()
    first = pages.paged(1)
    await auntil(lambda: first <= pages.paged(2), 60, "everybody's second step")
    return over
