"""20 SIGKILLs of the effects process while pages are asked for: none is lost, none is acted on twice."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from pathlib import Path

import pytest

from schemas import ids
from schemas.messages.notifications import Channel, PageRequested
from tests.support.effects import page_requested
from tests.support.effects_process import EffectsProcess, Room, wait_until_healthy
from tests.support.receiver import Receiver
from tests.support.waiting import auntil

KILLS = 20
TARGETS = 4
SEED = 3
# Pages without an outcome at a time. Where a start takes 10 s and a page 0.2 s, more were asked for again, and again,
# than could be worked off before they were asked for once more.
OPEN_MAX = 40


class Asking:
    """Asks for a page on one of the targets with every step, and steps the driver, until told to end."""

    def __init__(self, room: Room, receiver: Receiver) -> None:
        self._room = room
        self._receiver = receiver
        self._number = 0
        self.ended = False

    async def run(self) -> None:
        """Ask, step, repeat."""
        while not self.ended:
            if sum(not page.delivered for page in self._room.pages.values()) < OPEN_MAX:
                self._room.ask(self._next())
            # A step waits up to 50 ms for outcomes: about 10 pages a second.
            await asyncio.to_thread(self._room.step)
            await asyncio.to_thread(self._room.step)

    def _next(self) -> PageRequested:
        self._number += 1
        address = f"{self._receiver.base}/ok-{self._number % TARGETS}"
        return page_requested(notification_id=ids.derive("kill", self._number), channel=Channel("webhook", address))


@pytest.mark.slow
async def test_no_page_is_lost_over_twenty_kills(
    effects: EffectsProcess, receiver: Receiver, room: Room, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    asking = Asking(room, receiver)
    task = asyncio.create_task(asking.run())
    for kill in range(KILLS):
        effects.start()
        if kill % 4 == 3:
            # In the middle of its start: the topics are joined, perhaps nothing has been read.
            await asyncio.to_thread(wait_until_healthy, effects.address)
        else:
            # In the middle of its work: right after the n-th POST since its start, before that is reported.
            wanted = receiver.posts.total() + chance.randint(1, 30)
            await auntil(partial(receiver.reached, wanted), 60, "pages after a kill")
        await asyncio.to_thread(effects.kill)
        assert not task.done(), task.exception()
    asking.ended = True
    await task
    effects.start()
    await room.settle(90)
    acted = [message for messages in receiver.acted.values() for message in messages]
    assert sorted(acted) == sorted(ids.text(i) for i in room.pages)
    assert receiver.forged == []
    doubles = receiver.posts.total() - len(acted)
    # How many depends on how long a report takes to the log: 34 on an idle machine, 210 on one at load 7.
    print(f"{len(acted)} pages, {doubles} repeated to the receiver, peak {effects.peak_mb()} MB")
    assert await asyncio.to_thread(effects.terminate) == 0
