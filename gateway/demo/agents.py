"""The twelve agents: each an asyncio task with its own token, session and sequence, playing its beats through
the door.

An agent hands its actions to the Python client and goes on when it has their receipts; an outage therefore only
delays it. What it was answered is kept in the `Book`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.client import AsyncClient, Receipt, Refused, Undelivered
from gateway.demo.accounts import Accepted
from gateway.demo.errors import StoryError
from gateway.demo.story import Beat, Json

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


async def perform(beats: Sequence[Beat], client: AsyncClient, stage: Stage, book: Book) -> None:
    """Play one agent's beats in order. Raises StoryError `story_refused`, `story_late`."""
    for beat in beats:
        await stage.at(beat.at)
        if beat.gate is not None:
            await stage.passed(beat.gate)
        actions = [_stamped(action, beat, book) for action in beat.actions]
        pending = await client.submit(actions)
        try:
            receipts = [await one.receipt(GATE_SECONDS) for one in pending]
        except Refused as refused:
            remedy = "This is a bug of the demo or the gateway."
            raise StoryError("story_refused", refused.what, f"{refused.code}: {refused.why}", remedy) from refused
        except Undelivered as late:
            raise StoryError("story_late", late.what, late.why, late.remedy) from late
        book.sent_again.update(one.id for one in pending if one.resent)
        book.take(receipts)
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
