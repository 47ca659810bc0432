"""A batch is delivered twice, one record lies under a wrong key, Redis dies and is emptied: each id's fate is told."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import redis
from confluent_kafka import Producer

from gateway.cli.client import Client, Refused
from gateway.demo.pager import Pager
from schemas import codec, ids
from schemas.messages.actions import Action
from tests.support.fix_whole import Whole
from tests.support.tenants import AGENT, Json, Tenant, failure, work
from tests.support.waiting import auntil

SEEN_S = 90.0
OWN = "charge-4711"


def batch() -> list[Json]:
    """Ten actions: some with a UUID, one with an id of the sender's own."""
    return [work() for _ in range(9)] + [work() | {"id": OWN}]


async def fate(client: Client, action: Json) -> Json:
    """GET /v1/actions/{id}/fate by the id that the sender gave."""
    return await client.get(f"/v1/actions/{action['id']}/fate", actor=action["actor"])


async def settled(client: Client, actions: list[Json]) -> list[Json]:
    """The fates, once every action is in the timeline and its copy was dropped."""
    found = [await fate(client, action) for action in actions]
    return found if all(f["fate"] == "in_timeline" and len(f["dropped"]) == 1 for f in found) else []


def facts(found: list[Json]) -> list[Any]:
    """What must be the same whenever it is asked: everything but how far the read models are."""
    return [{name: f[name] for name in ("accepted", "admitted", "dropped", "dead_letters", "event_id")} for f in found]


async def test_the_fate_of_a_redelivered_batch(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("fates", pager)
    actions = batch()
    async with tenant.client() as agent:
        first = await agent.send(actions)
        again = await agent.send(actions)
        found = await auntil(lambda: settled(agent, actions), SEEN_S, "the copies to be dropped")
        for i, said in enumerate(found):
            receipt, copy = first.receipts[i], again.receipts[i]
            assert said["event_id"] == receipt.event_id
            assert [p["offset"] for p in said["accepted"]] == [receipt.offset, copy.offset]
            assert [(d["partition"], d["offset"]) for d in said["dropped"]] == [(copy.partition, copy.offset)]
            place = {"topic": receipt.topic, "partition": receipt.partition, "offset": receipt.offset}
            assert said["dropped"][0]["first"] == place
            assert said["timeline"]["event_id"] == receipt.event_id
            assert {p["topic"] for p in said["as_of"]} >= {"actions.raw", "actions.dropped", "actions.ordered"}
        whole = await agent.get(f"/v1/actions/{OWN}", actor=AGENT)
        assert (whole["event_id"], whole["source_id"]) == (found[-1]["event_id"], OWN)

        nobody = await fate(agent, work())
        assert (nobody["fate"], bool(nobody["window"]["since"])) == ("unknown", True)
        await wrong_key(stack, tenant, agent)
        await redis_dies_and_is_emptied(stack, agent, actions, facts(found))
        await commands_say_it(stack, tenant, found)


async def wrong_key(stack: Whole, tenant: Tenant, agent: Client) -> None:
    """A record beside the door under a key that is not its own is a dead letter, and is found by its id."""
    event_id = uuid.uuid4().bytes
    value = codec.encode(
        Action(event_id, bytes(16), tenant.name, AGENT, "", -1, 1, 1, 0, "shop", "work.do"),
    )
    producer = Producer({"bootstrap.servers": stack.connections.kafka})
    producer.produce("actions.raw", value=value, key=b"somebody/else")
    assert producer.flush(60) == 0

    async def dead() -> Json:
        said = await fate(agent, {"id": ids.text(event_id), "actor": AGENT})
        return said if said["fate"] == "dead_letter" else {}

    said = await auntil(dead, SEEN_S, "the dead letter")
    assert said["dead_letters"][0]["code"] == "wrong_key"
    assert "wrong_key" in said["text"]


async def redis_dies_and_is_emptied(stack: Whole, agent: Client, actions: list[Json], before: list[Any]) -> None:
    """Killed and back, and then without a key: the same is told again."""
    killed = await stack.kill("redis")
    # Whichever it meets: the timeline alone, or Redis that is back already.
    assert (await fate(agent, actions[0]))["fate"] == "in_timeline"
    await stack.healed("redis", killed)
    assert facts([await fate(agent, a) for a in actions]) == before
    with redis.Redis.from_url(stack.connections.redis) as client:
        client.flushall()

    async def same() -> bool:
        return facts([await fate(agent, a) for a in actions]) == before

    await auntil(same, SEEN_S, "Redis to be filled again from the log")


async def commands_say_it(stack: Whole, tenant: Tenant, found: list[Json]) -> None:
    """`mandate fate` says the same, in a sentence and in JSON."""
    file = stack.home.directory / "fates.token"
    file.write_text(tenant.tokens[AGENT])
    words = ("fate", OWN, "--actor", AGENT, "--url", stack.url, "--token-file", str(file))
    told = await stack.arun(*words)
    assert told.code == 0, told.err
    assert told.out.startswith("in_timeline: It is in the timeline, since ")
    assert "dropped" in told.out
    plain = json.loads((await stack.arun(*words, "--json")).out)
    assert facts([plain]) == facts([found[-1]])
    assert "its number" not in told.out
    # One actor has it: no need to say whose it is. Then a second one has it too.
    alone = await stack.arun("fate", OWN, "--url", stack.url, "--token-file", str(file), "--json")
    assert facts([json.loads(alone.out)]) == facts([found[-1]])
    async with tenant.client() as agent:
        await agent.send([work(actor="another") | {"id": OWN}])

        async def there() -> bool:
            said = await agent.get(f"/v1/actions/{OWN}/fate", actor="another")
            return bool(said["fate"] == "in_timeline")

        await auntil(there, SEEN_S, "the other's action")
    refused = await stack.arun("fate", OWN, "--url", stack.url, "--token-file", str(file))
    assert (refused.code, "actor_required" in refused.err) == (1, True)
    assert f"2 actors have it: {AGENT}, another" in refused.err


async def test_a_number_that_was_seen_is_known_by_its_sessions_mark(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("numbers", pager)
    numbered = [work() | {"session": "run-1", "sequence": n} for n in (0, 1, 2, 5)]
    # Another id under a number that passed, later than the window of ids would be needed for: dropped by its number.
    async with tenant.client() as agent:
        await agent.send(numbered)

        async def told() -> Json:
            said = await fate(agent, numbered[-1])
            return said if said["fate"] == "in_timeline" and said["session"] else {}

        said = await auntil(told, SEEN_S, "the number to be marked")
    session = said["session"]
    assert (session["sequence"], session["standing"], session["highest"], session["floor"]) == (5, "seen", 5, 0)
    assert session["open"] == [[3, 4]]


async def test_what_is_open_is_told_in_short_and_again_after_redis_was_emptied(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("overviews", pager)
    async with tenant.client() as agent:
        await agent.send([failure("payments"), failure("payments"), failure("shipping", kind="TimeoutError")])

        async def there() -> Json:
            said = await agent.get("/v1/overview")
            return said if said["open"] == 2 and sum(i["failures"] for i in said["items"]) == 3 else {}

        before = await auntil(there, SEEN_S, "both incidents")
        assert {item["resource"] for item in before["items"]} == {"payments", "shipping"}
        with redis.Redis.from_url(stack.connections.redis) as client:
            client.flushall()
        after = await auntil(there, SEEN_S, "Redis to be filled again")
        kept = ("id", "name", "title", "failures", "opened_at")
        assert [[i[k] for k in kept] for i in after["items"]] == [[i[k] for k in kept] for i in before["items"]]


async def test_a_target_inside_is_refused_when_the_configuration_is_applied(stack: Whole) -> None:
    person = {"id": "eve", "channels": [{"kind": "webhook", "address": "http://169.254.169.254/latest/meta-data"}]}
    escalation = {"default_policy": "p", "policies": [{"id": "p", "steps": [{"person": "eve"}]}]}
    documents = {"people": {"people": [person], "fallback_contact": "eve"}, "escalation": escalation}
    async with Client(stack.url, stack.operator_token) as operator:
        with pytest.raises(Refused) as caught:
            await operator.request("PUT", "/v1/tenants/eves/configuration", body={"documents": documents})
    assert (caught.value.status, caught.value.code) == (422, "target_address")
