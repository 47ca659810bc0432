"""What is accepted is on the log, where the receipt says; what is not on the log is never accepted."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http.tokens import STALE_S
from processors.host.places import Place
from schemas import codec, ids
from schemas.messages import actions as words
from schemas.partitioning import partition_of
from tests.integration.gateway.conftest import ends, read_from
from tests.support.waiting import auntil

WORDS = codec.Words(words.ACTIONS)


@pytest.fixture
def raw(declared) -> list[Place]:
    return [Place("actions.raw", p) for p in range(declared.partitions("actions.raw"))]


def an_action(n: int, **more) -> dict:
    return {"actor": f"agent {n % 7}/x", "type": "charge", "resource": "payments", "id": f"a-{n}"} | more


async def test_receipts_are_true(gateway, topics, raw) -> None:
    tenant = await gateway.tenant()
    before = ends(topics, raw)
    batch = [an_action(n) if n % 10 else {"actor": "x"} for n in range(500)]
    status, answer, _ = await gateway.ask("POST", "/v1/actions", f"agent-{tenant}", {"actions": batch})
    assert status == 202
    found = {(r.topic, r.partition, r.offset): r for r in read_from(topics, before)}
    for n, result in enumerate(answer["results"]):
        if n % 10 == 0:
            assert (result["status"], result["problem"]["code"]) == (422, "field_required")
            continue
        record = found.pop((result["topic"], result["partition"], result["offset"]))
        action = WORDS.decode(record.value)
        assert (action.tenant, action.source_id) == (tenant, f"a-{n}")
        assert ids.text(action.event_id) == result["event_id"]
        assert record.key == ids.key_of(tenant, action.actor).encode()
        assert record.partition == partition_of(record.key, len(raw))
    assert found == {}, "nothing without a receipt"


async def test_a_broker_that_is_away_accepts_nothing(gateway, kafka, topics, raw) -> None:
    tenant = await gateway.tenant()
    before = ends(topics, raw)
    path, token = "/v1/actions", f"agent-{tenant}"
    assert (await gateway.ask("POST", path, token, an_action(0)))[0] == 202
    kafka.kill()
    answers = await asyncio.gather(*(gateway.ask("POST", path, token, an_action(n)) for n in range(1, 6)))
    for status, problem, headers in answers:
        assert (status, problem["code"]) == (503, "send_failed")
        assert int(headers["Retry-After"]) >= 1
    status, problem, headers = await gateway.ask("POST", path, token, [an_action(6), an_action(7)])
    assert (status, [r["status"] for r in problem["results"]]) == (503, [503, 503])
    status, problem, _ = await gateway.ask(
        "POST", f"/v1/incidents/{ids.text(bytes(16))}/acknowledge", f"alice-{tenant}", {}
    )
    assert status == 503
    async with gateway.session.get(f"{gateway.url}/healthz") as answer:
        assert answer.status == 200, "the broker is away, the gateway is not"
    kafka.restart()  # in this thread: a server dies with the thread that started it

    async def taken():
        return (await gateway.ask("POST", path, token, [an_action(n) for n in range(8)]))[0] == 202

    await auntil(taken, 60, "the broker's return")
    found = [WORDS.decode(r.value).source_id for r in read_from(topics, before)]
    assert set(found) == {f"a-{n}" for n in range(8)}


async def test_a_database_that_is_away_stops_no_known_agent(gateway, postgres, topics) -> None:
    tenant = await gateway.tenant()
    token = f"agent-{tenant}"
    assert (await gateway.ask("POST", "/v1/actions", token, an_action(0)))[0] == 202
    postgres.kill()
    try:
        known = gateway.services.tokens._clock
        assert STALE_S > 60
        gateway.services.tokens._clock = lambda: known() + 60  # long after the two seconds
        assert (await gateway.ask("POST", "/v1/actions", token, an_action(1)))[0] == 202
        # The pool hands out the dead connection first, and then has none.
        for _ in range(2):
            status, problem, headers = await gateway.ask("GET", "/v1/incidents", token)
            assert (status, problem["code"]) == (503, "store_unavailable")
            assert "Retry-After" in headers
        status, problem, _ = await gateway.ask("POST", "/v1/actions", f"alice-{tenant}", an_action(2))
        assert (status, problem["code"]) == (503, "tokens_unavailable")
    finally:
        postgres.restart()

    async def back():
        return (await gateway.ask("GET", "/v1/incidents", token))[0] == 200

    await auntil(back, 60, "the database's return")
