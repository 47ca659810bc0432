"""On the whole stack: read models are rebuilt and swapped while agents send, and every receipt is accounted for."""

from __future__ import annotations

import asyncio
import json

import aiohttp

from gateway.cli.rebuild import NAMES
from gateway.client import Receipt
from gateway.demo.pager import Pager
from tests.support.fix_whole import Whole
from tests.support.tenants import failure, work
from tests.support.waiting import auntil


async def test_the_metric_of_what_is_unaccounted(stack: Whole):
    async def scraped() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{stack.url}/metrics") as answer:
            return "mandate_unaccounted_actions 0.0" in await answer.text()

    await auntil(scraped, 60, "nothing to be unaccounted")


async def test_everything_is_rebuilt_while_agents_send_and_nothing_is_unaccounted(stack: Whole, pager: Pager, tmp_path):
    tenant = await stack.tenant("rebuilt", pager)
    receipts: list[Receipt] = []
    ended = asyncio.Event()

    async def send() -> None:
        async with tenant.client() as agent:
            await agent.send([failure("payments")])
            while not ended.is_set():
                sent = await agent.send([work() for _ in range(5)])
                receipts.extend(sent.receipts.values())
                await asyncio.sleep(0.05)

    def some() -> bool:
        return len(receipts) > 100

    sending = asyncio.create_task(send())
    try:
        await auntil(some, 60, "the first receipts")
        done = await stack.arun("rebuild", "--all", "--json")
    finally:
        ended.set()
        await sending
    assert done.code == 0, done.err
    assert [each["projection"] for each in done.plain] == list(NAMES)
    assert all(each["equal"] and each["swapped"] for each in done.plain), done.plain
    file = tmp_path / "receipts.jsonl"
    file.write_text("".join(json.dumps(receipt._asdict()) + "\n" for receipt in receipts))
    found = await stack.arun("reconcile", "--receipts", str(file), "--json")
    assert found.code == 0, found.out
    assert (found.plain["accepted"], found.plain["unaccounted"]) == (len(receipts), 0)
    assert set(found.plain) == {"accepted", "unaccounted", "streams"}
    assert found.plain["streams"]["actions.raw"]["settled"]
    # An action that somebody says was accepted, and is nowhere.
    invented = receipts[0]._replace(event_id="01890000-0000-7000-8000-00000000dead")
    file.write_text(file.read_text() + json.dumps(invented._asdict()) + "\n")
    missing = await stack.arun("reconcile", "--receipts", str(file), "--json")
    assert missing.code == 1
    assert [(each["id"], each["why"]) for each in missing.plain["streams"]["actions.raw"]["missing"]] == [
        (invented.event_id, "not_in_log")
    ]
    back = await stack.arun("rebuild", "timeline", "overview", "--rollback", "--json")
    assert back.code == 0, back.err
    unknown = await stack.arun("rebuild", "no-such-model")
    assert unknown.code == 2
    assert "no-such-model" in unknown.err
