"""The outside of a page: who is reached, what the answer is, when it comes, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from processors.host.memory import MemoryReader
from processors.host.places import Place
from schemas.messages.notifications import Outcome, PageRequested
from tests.simulation.outside import Outside

# The 10 s after which a page is asked for again lie in the middle.
DELAYS_MS = (0, 0, 15, 400, 3_000, 9_990, 11_000, 45_000)


@dataclass(slots=True)
class Pages:
    """What really happened. `reached`: notifications that arrived at a person's channel."""

    asked: dict[tuple[bytes, int], PageRequested] = field(default_factory=dict)
    reached: set[bytes] = field(default_factory=set)


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
        self._reader = MemoryReader(self._town.log)
        self._reader.assign({Place(source, p): None for p in range(self._town.map.partitions(source))})

    def work(self) -> bool:
        """Take up what was requested; whether there was something."""
        records = self._reader.read(1_000, 0.0).records
        for record in records:
            message = self._outside.speech.decode(record)
            if isinstance(message, PageRequested):
                self._page(message)
        return bool(records)

    def calm(self) -> None:
        """From now on every page is answered at once."""
        self.silent = self.failing = 0

    def _page(self, page: PageRequested) -> None:
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
            self._town.on(self._town.now + delay, lambda: self._answer(page, outcome))
            delay += random.choice(DELAYS_MS)
        if random.randrange(5) == 0:
            self._town.on(self._town.now + delay + 1, lambda: self._outside.acknowledge(page))

    def _answer(self, page: PageRequested, outcome: Outcome) -> None:
        self._town.log.append(self._outside.speech.outcome(page, outcome, "200", self._town.now))
