"""Targets that misbehave: each gets the outcome that is true, and a good one beside them is not held up."""

from __future__ import annotations

import asyncio

from schemas import ids
from schemas.messages.notifications import Channel, PageRequested
from tests.support.effects import page_requested
from tests.support.effects_process import EffectsProcess, Room
from tests.support.receiver import Receiver
from tests.support.waiting import auntil

# Worked off one after the other within the 8 s that each has, however busy the machine is (14 ms each when it is not).
GOOD_PAGES = 20
# What the sockets' buffers of both sides take, far above what is read and far below what would be sent.
BUFFERED_BYTES = 32 * 1_048_576
BAD = {
    "hang": "unknown",
    "500": "failed",
    "redirect": "failed",
    "huge": "delivered",
    "cut": "delivered",
    "reset": "unknown",
}
# Never sent, and the page's history says why by a code.
INSIDE = {
    "http://10.0.0.1:9999/": "target_address",
    "http://169.254.169.254/latest/": "target_address",
    "http://2130706433:9999/": "target_host",
    "http://user@127.0.0.1:9999/": "target_credentials",
    "http://127.0.0.1:22/": "target_port",
}


def hook(address: str, number: int) -> PageRequested:
    return page_requested(notification_id=ids.derive(address, number), channel=Channel("webhook", address))


async def test_bad_targets_hold_up_nobody_and_get_true_outcomes(
    effects: EffectsProcess, receiver: Receiver, room: Room
) -> None:
    effects.start()
    bad = [hook(f"{receiver.base}/{behaviour}", n) for n in range(3) for behaviour in BAD]
    nowhere = [
        hook("http://127.0.0.1:9/closed", 0),
        hook("http://pager.example/plain", 0),
        hook("https://does-not-exist.invalid/", 0),
        hook("no url", 0),
        *(hook(address, 0) for address in INSIDE),
        page_requested(
            tenant="stranger", notification_id=ids.derive("s"), channel=Channel("webhook", receiver.base + "/none")
        ),
    ]
    good = [hook(f"{receiver.base}/ok", n) for n in range(GOOD_PAGES)]
    room.ask(*bad, *nowhere)
    room.ask(*good)
    await auntil(lambda: len(receiver.ids("ok")) == GOOD_PAGES, 60, "the good target's pages")
    # All good pages are through while the first page of the one that hangs is still held there.
    assert receiver.calls["hang"] == 1
    assert receiver.ids("ok") == [ids.text(p.notification_id) for p in good]
    await room.settle(60, ask_again=False)
    outcomes = {p.request.channel.address: set[str]() for p in room.pages.values()}
    for page in room.pages.values():
        outcomes[page.request.channel.address] |= {o.outcome for o in page.outcomes}
    for behaviour, outcome in BAD.items():
        assert outcome in outcomes[f"{receiver.base}/{behaviour}"], behaviour
    # Only the first page is held by the target; the others' time runs out in line and they were not sent.
    assert outcomes.pop(f"{receiver.base}/hang") == {"unknown", "failed"}
    for address, said in outcomes.items():
        assert len(said) == 1, address
    for address, code in INSIDE.items():
        told = next(p.outcomes[-1] for p in room.pages.values() if p.request.channel.address == address)
        assert told.detail.startswith("not sent: ")
        assert told.detail.endswith(f"[{code}]")
    for request in nowhere:
        assert outcomes[request.channel.address] == {"failed"}
    assert receiver.calls["elsewhere"] == receiver.calls["none"] == 0
    assert receiver.huge_bytes < BUFFERED_BYTES
    assert receiver.forged == []
    assert await asyncio.to_thread(effects.terminate) == 0
