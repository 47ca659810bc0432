"""Agents that send through the gateway, and keep every receipt: what was promised.

An agent numbers its actions within its session and sends the next batch only when the one before is accepted; whatever
has no receipt is sent again under the same id. So every id has exactly one receipt at the end, and an agent's numbers
reach the log in order, unless a batch had to be repeated.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.tenants import Tenant, failure, work
from tests.support.waiting import auntil

# Longer than the gateway's own 10 s: it must say 503 itself rather than leave us waiting.
ANSWER_S = 12.0
AGAIN_S = 0.2
# What every agent has in hand takes one answer when all is well.
STOP_S = 60.0
FAILURES_OF_A_RESOURCE = 20
# Batches that `repeat` sends again.
LATELY = 20


@dataclass
class Kept:
    """What the agents know. Times are monotonic seconds; a place is (topic, partition, offset)."""

    places: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    accepted_at: list[tuple[float, str]] = field(default_factory=list)
    failures: set[str] = field(default_factory=set)
    effects: set[str] = field(default_factory=set)
    answers: dict[int, int] = field(default_factory=dict)
    # Answers that no client may ever get: 5xx other than 503, 503 or 429 without Retry-After.
    wrong: list[str] = field(default_factory=list)
    # An id that was accepted twice: the client would have sent it once more than it needed to.
    again: int = 0

    @property
    def count(self) -> int:
        """Accepted actions."""
        return len(self.places)


class Load:
    """`agents` agents of one tenant, each `rate` actions a second in batches; everything from one seed."""

    def __init__(self, tenant: Tenant, agents: int, *, rate: float, batch: int, seed: int) -> None:
        self.kept = Kept()
        self.rate, self.batch = rate, batch
        self._tenant = tenant
        self._agents = agents
        self._seed = seed
        self._going = asyncio.Event()
        self._going.set()
        self._busy = 0
        self._lately: deque[tuple[str, list[dict[str, Any]]]] = deque(maxlen=LATELY)
        self._ended = False
        self._tasks: list[asyncio.Task[None]] = []
        self._failed = 0

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._agent(n)) for n in range(self._agents)]

    async def stop(self) -> None:
        """Finish what was begun, or give it up: a fault that did not end leaves a door that refuses for ever."""
        self._ended = True
        self._going.set()
        _, left = await asyncio.wait(self._tasks, timeout=STOP_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=bool(left))

    async def pause(self, seconds: float) -> None:
        """Nothing is sent any more, and everything that was sent is accepted."""
        self._going.clear()
        await auntil(lambda: self._busy == 0, seconds, "every batch to be accepted")

    def resume(self) -> None:
        """Send again."""
        self._going.set()

    async def repeat(self) -> None:
        """Send again what was accepted lately, under the same ids."""
        for name, batch in list(self._lately):
            headers = {"Authorization": f"Bearer {self._tenant.tokens[name]}"}
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            async with aiohttp.ClientSession(self._tenant.url, headers=headers, timeout=timeout) as http:
                await self._post(http, batch)

    def check(self) -> None:
        """Raise what ended an agent."""
        for task in self._tasks:
            if task.done() and not self._ended:
                task.result()

    async def _agent(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        name, sequence, due = f"agent-{number}", 0, time.monotonic()
        session = f"{name}-{uuid.uuid4().hex[:8]}"
        headers = {"Authorization": f"Bearer {self._tenant.tokens[name]}"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(self._tenant.url, headers=headers, timeout=timeout) as http:
            while True:
                await self._going.wait()
                if self._ended:
                    return
                batch = [self._action(chance, name, session, sequence + n) for n in range(self.batch)]
                sequence += len(batch)
                self._busy += 1
                await self._accepted(http, batch)
                self._busy -= 1
                self._lately.append((name, batch))
                # Who was held up does not hurry afterwards: rate is a rate, not a debt.
                due = max(due + self.batch / self.rate, time.monotonic() - 1.0)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _action(self, chance: random.Random, name: str, session: str, sequence: int) -> dict[str, Any]:
        more: dict[str, Any] = {"actor": name, "session": session, "sequence": sequence}
        drawn = chance.random()
        if drawn < 0.08:
            self._failed += 1
            return failure(f"r{self._failed // FAILURES_OF_A_RESOURCE}", **more)
        if drawn < 0.14:
            effect = {"kind": "refund", "amount": "100", "currency": "EUR", "external_reference": str(uuid.uuid4())}
            return work(f"shop-{name}", effect=effect, **more)
        return work(f"shop-{name}", **more)

    async def _accepted(self, http: aiohttp.ClientSession, batch: list[dict[str, Any]]) -> None:
        left = batch
        while left:
            results = await self._post(http, left)
            left = [action for action, result in zip(left, results, strict=True) if not self._take(action, result)]
            if left:
                await asyncio.sleep(AGAIN_S)

    async def _post(self, http: aiohttp.ClientSession, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        nothing: list[dict[str, Any]] = [{"status": 0} for _ in batch]
        try:
            async with http.post("/v1/actions", json={"actions": batch}) as answer:
                status = answer.status
                self.kept.answers[status] = self.kept.answers.get(status, 0) + 1
                later = answer.headers.get("Retry-After")
                if (status >= 500 and status != 503) or (status in (429, 503) and later is None):
                    self.kept.wrong.append(f"{status} Retry-After {later}: {(await answer.text())[:300]}")
                if status not in (202, 429, 503):
                    return nothing
                body = await answer.json()
                return list(body.get("results") or nothing)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.kept.answers[0] = self.kept.answers.get(0, 0) + 1
            return nothing

    def _take(self, action: dict[str, Any], result: dict[str, Any]) -> bool:
        if result["status"] != 202:
            return False
        kept, found = self.kept, result["event_id"]
        kept.again += found in kept.places
        kept.places[found] = (result["topic"], result["partition"], result["offset"])
        kept.accepted_at.append((time.monotonic(), found))
        if "error" in action:
            kept.failures.add(found)
        if "effect" in action:
            kept.effects.add(found)
        return True
