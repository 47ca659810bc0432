"""The outside of a page: who is reached, what the answer is, when it comes, and what is lost on the way.

What stands between request and outcome is the effects service's own code; its channel, its producer and the passing of
time are played.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from processors.effects.channels import Verdict
from processors.effects.hands import Hands
from processors.effects.metrics import Metrics
from processors.effects.outcomes import Reporter
from processors.host.errors import HostError
from processors.host.memory import MemoryReader
from processors.host.places import Place, Placed
from schemas.messages.notifications import Outcome, PageRequested, Request
from schemas.record import Output, Record
from tests.simulation.outside import Outside

# The 10 s after which a page is asked for again lie in the middle.
METRICS = Metrics()
DELAYS_MS = (0, 0, 15, 400, 3_000, 9_990, 11_000, 45_000)


@dataclass(slots=True)
class Pages:
    """What really happened. `reached`: notifications that arrived at a person's channel."""

    asked: dict[tuple[bytes, int], PageRequested] = field(default_factory=dict)
    reached: set[bytes] = field(default_factory=set)
    taken: set[tuple[bytes, int]] = field(default_factory=set)


class PlayedChannel:
    """Every attempt ends as was drawn for it: an answer, or an exception."""

    def __init__(self) -> None:
        self.next: Outcome = "delivered"

    async def send(self, request: Request) -> Verdict:
        """Send one attempt."""
        if self.next == "failed":
            raise ConnectionResetError("simulated")
        return Verdict(self.next, "200")


class PlayedHands:
    """Reads what is requested, as the effects service does, and answers as the plan wants."""

    def __init__(self, outside: Outside, random: Random) -> None:
        self._outside = outside
        self._town = outside.town
        self._random = random
        self.pages = Pages()
        self.silent = outside.plan.silent_hands
        self.failing = outside.plan.failing_hands
        source = self._town.map.relay.source
        self._loop = asyncio.new_event_loop()
        self._channel = PlayedChannel()
        reports_to = self._town.map.relay.reports_to
        self._hands = Hands({"webhook": self._channel}, self._send, reports_to, METRICS, on_fatal=self._fatal)
        self._hands._reporter = Reporter(self._send, reports_to, lambda: self._town.now / 1000)
        self._reader = MemoryReader(self._town.log)
        self._reader.assign({Place(source, p): None for p in range(self._town.map.partitions(source))})

    def work(self) -> bool:
        """Take up what was requested; whether there was something."""
        records = self._reader.read(1_000, 0.0).records
        for record in records:
            message = self._outside.speech.decode(record)
            if isinstance(message, PageRequested):
                self._page(message, record)
        return bool(records)

    def calm(self) -> None:
        """From now on every page is answered at once."""
        self.silent = self.failing = 0

    def close(self) -> None:
        """Nothing is on its way any more."""
        self._loop.close()

    async def _send(self, output: Output) -> Placed:
        return self._town.log.append(output)

    def _fatal(self, error: HostError) -> None:
        self._town.troubles.found.append(f"the hands ended: {error}")

    def _page(self, page: PageRequested, record: Record) -> None:
        random = self._random
        self.pages.asked[page.notification_id, page.attempt] = page
        outcome: Outcome = "delivered"
        if random.randrange(100) < self.failing:
            outcome = random.choice(("failed", "unknown"))
        if outcome == "delivered" or random.randrange(3) == 0:
            self.pages.reached.add(page.notification_id)
        if random.randrange(100) < self.silent:
            return
        delay = random.choice(DELAYS_MS)
        for _ in range(random.choice((1, 1, 1, 2))):
            self._town.on(self._town.now + delay, lambda: self._take(page, record, outcome))
            delay += random.choice(DELAYS_MS)
        if random.randrange(5) == 0:
            self._town.on(self._town.now + delay + 1, lambda: self._outside.acknowledge(page))

    def _take(self, page: PageRequested, record: Record, outcome: Outcome) -> None:
        """The request reaches the hands; perhaps once more, after a rebalance of theirs."""
        self.pages.taken.add((page.notification_id, page.attempt))
        self._channel.next = outcome
        self._loop.run_until_complete(self._work_off(record))

    async def _work_off(self, record: Record) -> None:
        await self._hands.take(record, lambda: None)
        await self._hands.lanes.drain(5.0)
