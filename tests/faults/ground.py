"""Where a fault is tried: one stack under load, the two probes and the checker, and what is measured of a try."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from gateway.demo.pager import Pager
from tests.faults import stack as stacks
from tests.faults import wire
from tests.faults.checker import Checker, Verdict
from tests.faults.load import Load
from tests.faults.probe import Arrivals, LogProbe, StoreProbe
from tests.support.tenants import Tenant, configure
from tests.support.waiting import auntil

# After the last fault everything arrives within a lease and a restore; a broker needs 14 s more.
SETTLED_S = 180.0
# How long the stream is watched after it flows again.
AFTER_S = 0.5
# Two people, so that timers run while processes die: the second is paged five seconds after the first.
STEPS = (("alice", 5), ("bob", 3_600))

# Which arrivals stop when a process is away. A read model's are its positions, the effects service's the receiver's.
STREAM = {
    "processor-dedup": "actions.unique",
    "processor-ordering": "actions.ordered",
    "processor-signals": "incidents.commands",
    "processor-incidents": "incidents.events",
    "processor-rml": "rml.events",
    "processor-notifications": "notifications.events",
    "gateway": "actions.raw",
    "effects": "pager",
    "kafka": "actions.ordered",
    "postgres": "timeline",
    "redis": "overview",
} | {f"projection-{name}": name for name in stacks.READ_MODELS}

# Shows what it has in files, every two seconds here (site/sitecustomize.py), and nothing between two of them: how long
# it was silent before a fault says nothing of the fault.
IN_FILES = "archive"


@dataclass(frozen=True)
class Pace:
    """How much is sent: actions a second of all agents together, in batches of each."""

    rate: float = 150.0
    agents: int = 6
    batch: int = 5


PLAIN = Pace()


@dataclass
class Tried:
    """One try. Seconds; None where there is nothing to measure."""

    verdict: Verdict
    stall_s: float | None
    recovery_s: float | None


@dataclass
class Ground:
    """Everything of a running proving ground."""

    stack: stacks.Stack
    tenant: Tenant
    pager: Pager
    load: Load
    log: LogProbe
    stores: StoreProbe
    checker: Checker
    chance: random.Random
    say: Callable[[str], None]
    known: Verdict = field(default_factory=Verdict)

    def arrivals(self, stream: str) -> Arrivals:
        """When something came on a stream."""
        if stream in self.log.arrivals:
            return self.log.arrivals[stream]
        return self.stores.arrivals[stream]

    def gap(self, stream: str, since: float, until: float, over: float) -> tuple[float, float]:
        """The stall in [since, until], and when it ended; of a stream in files, from when the fault was over."""
        if stream != IN_FILES:
            return self.arrivals(stream).gap(since, until)
        gap, flows = self.arrivals(stream).gap(over, until)
        return min(gap, flows - over), flows

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    async def settled(self) -> None:
        """Wait until all that was accepted is everywhere; what is lacking then is in the verdict."""
        end = time.monotonic() + SETTLED_S
        while time.monotonic() < end:
            if self.log.failed is not None:
                raise self.log.failed
            try:
                lacking = await asyncio.to_thread(self.checker.lacking)
            except psycopg.Error:
                lacking = ["Postgres does not answer"]
            if not lacking:
                return
            await asyncio.sleep(0.2)
        for text in lacking:
            self.say(f"    still lacking: {text}")

    async def tried(self, stream: str | None, inflict: Callable[[], Awaitable[float]]) -> Tried:
        """Do it, wait until all is well and the stream flows, then count. `inflict` gives the time its fault ended."""
        self.load.check()
        began = self.now()
        over = await inflict()
        await self.stack.all_well()
        stall = recovery = None
        if stream is not None:
            healthy = self.now()
            arrivals = self.arrivals(stream)
            await auntil(lambda: arrivals.after(max(over, healthy)), SETTLED_S, f"{stream} to flow again")
            await asyncio.sleep(AFTER_S)
            stall, flows = self.gap(stream, began, self.now(), over)
            recovery = max(0.0, flows - over)
        return Tried(await self.counted(), stall, recovery)

    async def refused(self, inflict: Callable[[], Awaitable[float]]) -> Tried:
        """Do what ends in a refusal that only a person may lift: what is on the log must stay true all the same."""
        await inflict()
        await self.load.pause(SETTLED_S)
        promised = self.load.kept.places
        await auntil(lambda: all(one in self.log.ids["actions.raw"] for one in promised), SETTLED_S, "the log's end")
        return Tried(self.checker.log_verdict(), None, None)

    async def counted(self) -> Verdict:
        """With the load paused and everything arrived: what is wrong now that was not before."""
        await self.load.pause(SETTLED_S)
        await self.settled()
        found = await asyncio.to_thread(self.checker.verdict)
        self.load.resume()
        new, self.known = found.less(self.known), found
        for text in new.examples:
            self.say(f"    WRONG: {text}")
        return new


@asynccontextmanager
async def ground(
    folder: Path,
    say: Callable[[str], None],
    *,
    seed: int,
    pace: Pace = PLAIN,
    before: Callable[[stacks.Stack], None] = lambda _: None,
) -> AsyncIterator[Ground]:
    """A stack of its own under load; ended with everything else at the end."""
    stack = await asyncio.to_thread(stacks.start, folder / "home", before)
    pager = Pager()
    try:
        await pager.start()
        names = [f"agent-{n}" for n in range(pace.agents)]
        tenant = await configure(stack.url, stack.operator_token, "faults", pager, steps=STEPS, agents=names)
        registry = wire.Registry(stack.url)
        await asyncio.to_thread(registry.learn)
        where = stack.connections
        log = LogProbe(where.kafka, registry, tenant.name)
        stores = StoreProbe(where.postgres, where.redis, {"pager": lambda: len(pager.deliveries)})
        log.start()
        stores.start()
        load = Load(tenant, pace.agents, rate=pace.rate / pace.agents, batch=pace.batch, seed=seed)
        checker = Checker(where.postgres, tenant.name, load.kept, log, pager)
        found = Ground(stack, tenant, pager, load, log, stores, checker, random.Random(seed), say)
        load.start()
        try:
            await auntil(lambda: load.kept.count > 20 * pace.agents, SETTLED_S, "the load to begin")
            await found.counted()
            yield found
        finally:
            await load.stop()
            log.close()
            stores.close()
    finally:
        await pager.stop()
        await asyncio.to_thread(stack.close)
