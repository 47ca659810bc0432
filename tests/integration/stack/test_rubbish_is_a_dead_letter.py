"""Rubbish that a stock producer writes beside the door: each piece is found with its reason, neighbours go on."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Producer

from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.fix_whole import Whole
from tests.support.tenants import work
from tests.support.waiting import auntil

pytestmark = pytest.mark.timeout(120)

SEEN_S = 60.0
# Not Avro, a frame of a schema that nobody knows, a known frame cut short; told apart by their first bytes.
RUBBISH = (b"ten bytes!", b"\x00\xff\xff\xff\xffunknown", b"\x00\x00\x00\x00\x01", b"{}")


async def test_rubbish_is_found_with_its_reason_and_neighbours_go_on(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("rubbish", pager)
    before, after = ([work() for _ in range(20)] for _ in range(2))
    async with tenant.client() as agent:
        await agent.send(before)
        thrown = throw(stack.connections.kafka)
        await agent.send(after)
        watch = Watch(agent)

        async def all_there() -> bool:
            return len(await watch.rows()) == len(before) + len(after)

        await auntil(all_there, SEEN_S, "the neighbours' rows")

    found = await auntil(lambda: letters(stack, thrown), SEEN_S, "the dead letters")
    for place, original in thrown.items():
        letter = found[place]
        assert letter["original_start"] == original.hex()
        assert letter["original_length"] == len(original)
        assert letter["code"]
        assert letter["detail"]
        assert letter["processor"] == "dedup"
    assert stack.ready(), "nobody stumbled over it"


def throw(bootstrap: str) -> dict[tuple[int, int], bytes]:
    """Write it to every partition there is by turns; (partition, offset) -> bytes."""
    places: dict[tuple[int, int], bytes] = {}

    def written(error: Any, message: Any) -> None:
        assert error is None, error
        places[message.partition(), message.offset()] = message.value()

    producer = Producer({"bootstrap.servers": bootstrap})
    for i, value in enumerate(RUBBISH):
        producer.produce("actions.raw", value=value, key=f"key-{i}".encode() if i % 2 else None, on_delivery=written)
    assert producer.flush(30) == 0
    return places


async def letters(stack: Whole, places: dict[tuple[int, int], bytes]) -> dict[tuple[int, int], dict[str, Any]] | None:
    """The dead letters of these places, once all are there."""
    done = await stack.arun("dead-letters", "list", "--limit", "1000", "--json")
    assert done.code == 0, done.err
    listed = {
        (item["partition"], item["offset"]): item for item in done.plain["items"] if item["topic"] == "actions.raw"
    }
    return {place: listed[place] for place in places} if set(places) <= set(listed) else None
