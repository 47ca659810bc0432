"""The broker dies and comes back: whether the process lives through it or is started again, no page is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from schemas import ids
from schemas.messages.notifications import Channel, PageRequested
from tests.support.effects import page_requested
from tests.support.effects_process import EffectsProcess, Room
from tests.support.fix_stack import KafkaServer
from tests.support.receiver import Receiver


def hook(receiver: Receiver, number: int) -> PageRequested:
    channel = Channel("webhook", f"{receiver.base}/ok-{number % 3}")
    return page_requested(notification_id=ids.derive("outage", number), channel=channel)


@pytest.mark.slow
async def test_a_broker_that_dies_costs_no_page(
    kafka: KafkaServer, effects: EffectsProcess, receiver: Receiver, room: Room
) -> None:
    effects.start()
    room.ask(*(hook(receiver, n) for n in range(3)))
    await room.settle(30)
    # Asked for, perhaps relayed, perhaps taken up, when the broker goes.
    room.ask(*(hook(receiver, n) for n in range(3, 30)))
    # From this thread: a server dies with the thread that started it.
    kafka.kill()
    kafka.restart()
    room.ask(*(hook(receiver, n) for n in range(30, 40)))
    await supervised(effects, room.settle(90))
    acted = sorted(message for messages in receiver.acted.values() for message in messages)
    assert acted == sorted(ids.text(i) for i in room.pages)


async def supervised(effects: EffectsProcess, work: Coroutine[Any, Any, None]) -> None:
    """Do the work; meanwhile start the process again whenever it has ended."""
    task = asyncio.create_task(work)
    while not task.done():
        await asyncio.wait((task,), timeout=0.1)
        if not task.done() and effects.running.poll() is not None:
            effects.start()
    await task
