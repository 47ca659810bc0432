"""A bulkhead per target: one lane each, one send at a time in it, its order kept. A slow target holds up itself only.

A lane exists while it has work. Everything is bounded; what does not fit is refused at once with a reason, which the
processor hears as a failed outcome and answers by asking again or by the next channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from schemas.ids import Id
from schemas.messages.notifications import Request

LOG = logging.getLogger(__name__)

# As many as the webhook pool has connections. One tenant can take a quarter of them.
LANES_MAX = 256
LANES_PER_TENANT = 64
# A request is given up 8 s after it arrived: 256 in line at 50 pages a second wait out a hiccup of 5 s, and are worked
# off at the 70 a second of one quick target in 4 s. With 64, pages were refused that could have been sent (bench).
QUEUE_MAX = 256

LaneKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """One request to work off. `deadline` is loop time; `done` is called once its outcome has been reported."""

    request: Request
    cause: Id | None
    deadline: float
    done: Callable[[], None]

    @property
    def lane(self) -> LaneKey:
        """(tenant, kind, address): tenants that share a target do not wait for each other."""
        return self.request.tenant, self.request.channel.kind, self.request.channel.address


@dataclass(frozen=True, slots=True)
class Limits:
    """How many lanes in all, how many of one tenant, and how many jobs waiting in one."""

    lanes: int = LANES_MAX
    per_tenant: int = LANES_PER_TENANT
    queue: int = QUEUE_MAX


class Lanes:
    """Lanes by target. `handle` works off one job; what it raises is logged and ends that job only."""

    def __init__(self, handle: Callable[[Job], Awaitable[None]], limits: Limits | None = None) -> None:
        self._handle = handle
        self._limits = limits or Limits()
        self._waiting: dict[LaneKey, deque[Job]] = {}
        self._tasks: dict[LaneKey, asyncio.Task[None]] = {}
        self._of_tenant: Counter[str] = Counter()

    def offer(self, job: Job) -> str | None:
        """Put a job in line; None, or why there is no room for it. Never waits."""
        key = job.lane
        line = self._waiting.get(key)
        if line is not None:
            if len(line) >= self._limits.queue:
                return f"{self._limits.queue} pages already wait for this target"
            line.append(job)
            return None
        if len(self._tasks) >= self._limits.lanes:
            return f"{self._limits.lanes} targets are being served already"
        if self._of_tenant[key[0]] >= self._limits.per_tenant:
            return f"{self._limits.per_tenant} targets of this tenant are being served already"
        self._waiting[key] = deque([job])
        self._of_tenant[key[0]] += 1
        self._tasks[key] = asyncio.create_task(self._work(key))
        return None

    @property
    def count(self) -> int:
        """Lanes with work."""
        return len(self._tasks)

    @property
    def waiting(self) -> int:
        """Jobs in line, those being worked off not counted."""
        return sum(len(line) for line in self._waiting.values())

    async def drain(self, seconds: float) -> int:
        """Wait for all jobs, then cancel what is left; gives the number of lanes cancelled. Offer nothing meanwhile."""
        tasks = list(self._tasks.values())
        if not tasks:
            return 0
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)

    async def _work(self, key: LaneKey) -> None:
        line = self._waiting[key]
        try:
            while line:
                try:
                    await self._handle(line.popleft())
                except Exception:
                    LOG.exception("a job failed by a bug; the processor will ask again")
        finally:
            # No await between the last look at `line` and here: nothing can be put in line and be forgotten.
            del self._waiting[key], self._tasks[key]
            self._of_tenant[key[0]] -= 1
            if not self._of_tenant[key[0]]:
                del self._of_tenant[key[0]]
