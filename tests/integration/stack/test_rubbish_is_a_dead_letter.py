"""Poison at the door, and poison that a stock producer writes beside it: each piece is refused, or found with its
reason; neighbours go on."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
from confluent_kafka import Producer

from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.fix_whole import Whole
from tests.support.poisons import BODIES, UNREADABLE, Poison, readable
from tests.support.tenants import AGENT, Tenant, work
from tests.support.waiting import auntil

SEEN_S = 60.0
# Bodies that are on their way at once, and actions that must at least be answered meanwhile. (How long one waits is
# measured by `python -m bench.poison`, not here.)
AT_ONCE = 4
ANSWERED = 1


async def test_rubbish_is_found_with_its_reason_and_neighbours_go_on(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("rubbish", pager)
    before, after = ([work() for _ in range(20)] for _ in range(2))
    poisons = UNREADABLE | readable(tenant.name)
    shown = {name for name, poison in poisons.items() if poison.processor != "dedup" or poison.code is None}
    async with tenant.client() as agent:
        await agent.send(before)
        thrown = throw(stack.connections.kafka, poisons)
        await agent.send(after)
        watch = Watch(agent)

        async def all_there() -> bool:
            return len(await watch.rows()) >= len(before) + len(after) + len(shown)

        await auntil(all_there, SEEN_S, "the rows of neighbours, and of what can be read")
        rows = await watch.timeline()

    assert len(rows) == len(before) + len(after) + len(shown)
    wanted = sorted(poisons[name].flags for name in shown)
    assert sorted(tuple(row["flags"]) for row in rows if row["actor"] == "poison" and row["flags"]) == [
        flags for flags in wanted if flags
    ]
    dead = {place: poison for place, (name, poison) in thrown.items() if name not in shown}
    found = await auntil(lambda: letters(stack, dead), SEEN_S, "the dead letters")
    for place, poison in dead.items():
        letter, value = found[place], poison.value or b""
        assert value.hex().startswith(letter["original_start"] or "")
        assert letter["original_length"] == len(value)
        assert (letter["code"], letter["processor"]) == (poison.code, "dedup")
        assert letter["detail"]
    await auntil(stack.ready, SEEN_S, "a stack in which nobody has stumbled over it")


def throw(bootstrap: str, poisons: dict[str, Poison]) -> dict[tuple[int, int], tuple[str, Poison]]:
    """Write them where their keys belong; (partition, offset) -> name and poison."""
    places: dict[tuple[int, int], tuple[str, Poison]] = {}
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 0})
    for name, poison in poisons.items():

        def written(error: Any, message: Any, name: str = name, poison: Poison = poison) -> None:
            assert error is None, error
            places[message.partition(), message.offset()] = (name, poison)

        headers: list[tuple[str, str | bytes | None]] = [*poison.headers]
        producer.produce("actions.raw", poison.value, poison.key, headers=headers, on_delivery=written)
        # One by one: a batch of two of half a megabyte is too large for the topic.
        assert producer.flush(60) == 0
    assert len(places) == len(poisons)
    return places


async def letters(stack: Whole, places: dict[tuple[int, int], Poison]) -> dict[tuple[int, int], dict[str, Any]] | None:
    """The dead letters of these places, once all are there."""
    done = await stack.arun("dead-letters", "list", "--limit", "1000", "--json")
    assert done.code == 0, done.err
    listed = {
        (item["partition"], item["offset"]): item for item in done.plain["items"] if item["topic"] == "actions.raw"
    }
    return {place: listed[place] for place in places} if set(places) <= set(listed) else None


async def test_neighbours_are_answered_while_the_door_refuses_poison(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("hostile", pager)
    waiting = list(BODIES.items())
    refused: dict[str, int] = {}

    async def pour(session: aiohttp.ClientSession) -> None:
        while waiting:
            name, (headers, body) = waiting.pop()
            refused[name] = await post(session, tenant, headers, body)

    async with aiohttp.ClientSession() as session, tenant.client() as agent:
        pouring = [asyncio.create_task(pour(session)) for _ in range(AT_ONCE)]
        answered = 0
        while not all(task.done() for task in pouring):
            await agent.send([work()])
            answered += 1
        await asyncio.gather(*pouring)

    assert {name: status for name, status in refused.items() if not 400 <= status < 500} == {}
    assert len(refused) == len(BODIES)
    assert answered >= ANSWERED
    await auntil(stack.ready, SEEN_S, "everything to serve")


async def post(session: aiohttp.ClientSession, tenant: Tenant, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer."""
    sent = {"Authorization": f"Bearer {tenant.tokens[AGENT]}"} | headers
    async with session.post(f"{tenant.url}/v1/actions", headers=sent, data=io.BytesIO(body)) as answer:
        assert "code" in await answer.json()
        return answer.status
