"""The twelve agents: each an asyncio task with its own token, session and sequence, playing its beats through
the door.

An agent sends one request at a time and repeats it under the same ids until it is answered; an outage
therefore only delays it. What it was answered is kept in the `Book`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.cli.client import Client, Json, Receipt
from gateway.demo.accounts import Accepted
from gateway.demo.errors import StoryError
from gateway.demo.story import Beat

# The longest that a gate may stay closed: detection, two pages and an answer take 20 s, an outage a minute
# more.
GATE_SECONDS = 120.0


@dataclass
class Book:
    """What was accepted. `record` is told each receipt as it comes (for --receipts)."""

    record: Callable[[Sequence[Receipt]], None]
    accepted: list[Accepted] = field(default_factory=list)
    sent_again: set[str] = field(default_factory=set)
    stamped: dict[str, Json] = field(default_factory=dict)

    def take(self, receipts: Sequence[Receipt]) -> None:
        """Keep receipts."""
        self.accepted += [Accepted(r.event_id, (r.topic, r.partition, r.offset)) for r in receipts]
        self.record(receipts)


class Stage:
    """The story's clock and gates, shared by everybody who plays."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self._gates: dict[str, asyncio.Event] = {}

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.start

    async def at(self, ms: int) -> None:
        """Wait until so many ms after the start."""
        await asyncio.sleep(max(0.0, ms / 1_000 - self.seconds))

    def open(self, gate: str) -> None:
        """What the gate stands for has been seen."""
        self._gate(gate).set()

    async def passed(self, gate: str) -> None:
        """Wait until the gate is open. Raises StoryError `story_late`."""
        try:
            await asyncio.wait_for(self._gate(gate).wait(), GATE_SECONDS)
        except TimeoutError as error:
            raise StoryError(
                "story_late",
                f"the story's gate {gate!r}",
                f"it did not open within {GATE_SECONDS:.0f} s",
                "See what is unhealthy: mandate status.",
            ) from error

    def _gate(self, gate: str) -> asyncio.Event:
        return self._gates.setdefault(gate, asyncio.Event())


async def perform(beats: Sequence[Beat], client: Client, stage: Stage, book: Book) -> None:
    """Play one agent's beats in order. Raises StoryError `story_refused`, Unreachable."""
    for beat in beats:
        await stage.at(beat.at)
        if beat.gate is not None:
            await stage.passed(beat.gate)
        actions = [_stamped(action, beat, book) for action in beat.actions]
        sent = await client.send(actions)
        if sent.problems:
            problem = next(iter(sent.problems.values()))
            raise StoryError(
                "story_refused",
                f"an action of {actions[0]['actor']['id']}",
                f"{problem.get('code')}: {problem.get('detail')}",
                "This is a bug of the demo or the gateway.",
            )
        book.sent_again.update(str(actions[i]["id"]) for i in sent.resent)
        book.take([sent.receipts[i] for i in sorted(sent.receipts)])
        if beat.opens is not None:
            stage.open(beat.opens)


def _stamped(action: Json, beat: Beat, book: Book) -> Json:
    """The action with the agent's time, which stays with it for ever: the same action is the same bytes."""
    if beat.again:
        return book.stamped[str(action["id"])]
    stamped = {**action, "timestamp": time.time_ns() // 1_000_000 - beat.skew_ms}
    if len(beat.actions) > 1:
        book.stamped[str(action["id"])] = stamped
    return stamped
