"""The effects process on a real broker: pages arrive, outcomes come back, aborted requests do not exist."""

from __future__ import annotations

import asyncio
import json
import urllib.request

from schemas import ids
from schemas.messages.notifications import Channel, EscalationStopped, PageRequested
from tests.support.effects import page_requested
from tests.support.effects_process import EffectsProcess, Room, wait_until_healthy
from tests.support.receiver import Receiver
from tests.support.waiting import auntil


def hook(receiver: Receiver, behaviour: str, number: int) -> PageRequested:
    return page_requested(
        notification_id=ids.derive("page", behaviour, number),
        channel=Channel("webhook", f"{receiver.base}/{behaviour}"),
    )


async def test_a_page_arrives_and_its_outcome_comes_back(
    effects: EffectsProcess, receiver: Receiver, room: Room
) -> None:
    effects.start()
    await asyncio.to_thread(wait_until_healthy, effects.address)
    console = page_requested(notification_id=ids.derive("console"))
    room.ask(hook(receiver, "never", 0), abort=True)
    room.other_event(EscalationStopped("shop", ids.derive("incident"), 7, "bob", "acknowledged", 1))
    room.ask(hook(receiver, "ok", 1), console)
    await room.settle(30)
    assert receiver.ids("ok") == [ids.text(ids.derive("page", "ok", 1))]
    assert receiver.calls["never"] == 0
    assert receiver.forged == []
    lines = [json.loads(line) for line in effects.console.read_text().splitlines()]
    # More than once where a slow start made the driver ask again.
    assert {line["data"]["notification_id"] for line in lines} == {ids.text(console.notification_id)}

    async def counted() -> bool:
        metrics = await asyncio.to_thread(_get, effects, "/metrics")
        return 'mandate_effects_outcomes_total{channel="webhook",outcome="delivered"}' in metrics

    await auntil(counted, 30, "the outcome to be counted")
    assert effects.terminate() == 0


async def test_sigterm_finishes_what_was_begun(effects: EffectsProcess, receiver: Receiver, room: Room) -> None:
    effects.start()
    room.ask(hook(receiver, "slow", 1))
    await auntil(lambda: receiver.calls["slow"], 30, "the page")
    ending = asyncio.create_task(asyncio.to_thread(effects.terminate))
    await auntil(lambda: "what was begun is finished" in effects.log.read_text(), 10, "the drain")
    receiver.slow.set()
    assert await ending == 0
    await room.settle(10, ask_again=False)
    # What was reported was committed: the next process does not take it up again.
    effects.start()
    room.ask(hook(receiver, "ok", 2))
    await room.settle(30)
    assert receiver.calls["slow"] == 1


async def test_a_broker_that_is_not_there_ends_the_process(effects: EffectsProcess) -> None:
    effects._env["MANDATE_KAFKA"] = "127.0.0.1:9"
    effects.start()
    code = await asyncio.to_thread(effects.running.wait, 60)
    assert code > 0


def _get(effects: EffectsProcess, path: str) -> str:
    with urllib.request.urlopen(f"http://{effects.address}{path}", timeout=30) as answer:
        return str(answer.read().decode())
