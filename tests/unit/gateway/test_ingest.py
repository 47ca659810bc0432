"""POST /v1/actions over a fake sender: receipts, per-item results, and never a 202 for what is not on the log."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.http import bodies, ingest
from gateway.http.budget import BODY_MAX, Budget
from schemas import codec, ids
from schemas.messages import actions as words
from schemas.partitioning import partition_of
from tests.unit.gateway.conftest import bearer
from tests.unit.gateway.test_action_json import JSON

ACTION = {"actor": "checkout", "type": "charge", "resource": "payments", "id": "a-1"}
AGENT = bearer("agent-of-shop")


async def post(client, body: Any = None, *, data: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
    sent = {"data": io.BytesIO(data)} if data is not None else {"json": body}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.post("/v1/actions", headers=AGENT | named, **sent) as answer:
        return answer.status, await answer.json(), answer.headers


async def test_one_action_is_a_record_under_the_tokens_tenant(client, sender) -> None:
    status, body, _ = await post(client, ACTION)
    assert (status, body) == (
        202,
        {
            "results": [
                {
                    "status": 202,
                    "event_id": ids.text(ids.given_id("shop", "checkout", "a-1")),
                    "topic": "actions.raw",
                    "partition": 3,
                    "offset": 0,
                }
            ]
        },
    )
    (output,) = sender.sent
    assert (output.topic, output.partition, output.key) == ("actions.raw", None, b"shop/checkout")
    assert codec.Words(words.ACTIONS).decode(output.value).tenant == "shop"
    assert 0 <= partition_of(output.key, 4) < 4


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"actions": x}])
async def test_a_batch_keeps_its_order_and_each_item_its_result(client, sender, wrap) -> None:
    name = "actions" if isinstance(wrap([]), dict) else ""
    batch = [ACTION, {"actor": "x"}, ACTION | {"id": "a-2"}, 7]
    status, body, _ = await post(client, wrap(batch))
    assert status == 202
    assert [r["status"] for r in body["results"]] == [202, 422, 202, 422]
    assert [r["problem"]["field"] for r in body["results"] if "problem" in r] == [f"{name}[1].type", f"{name}[3]"]
    assert [codec.Words(words.ACTIONS).decode(o.value).source_id for o in sender.sent] == ["a-1", "a-2"]


async def test_a_single_bad_action_is_its_own_status(client) -> None:
    status, body, _ = await post(client, ACTION | {"sequence": -3})
    assert (status, body["code"], body["field"]) == (422, "field_out_of_range", "sequence")


async def test_a_batch_of_bad_ones_is_422_with_each_ones_problem(client) -> None:
    status, body, _ = await post(client, [{"actor": "x"}, {}])
    assert (status, body["code"]) == (422, "batch_refused")
    assert [r["problem"]["code"] for r in body["results"]] == ["field_required", "field_required"]


async def test_the_same_key_gives_the_same_ids_and_another_tenants_key_others(client, sender) -> None:
    batch = [{k: v for k, v in ACTION.items() if k != "id"} | {"effect": {"kind": "mail"}}] * 2
    answers = [await post(client, batch, Idempotency_Key="once") for _ in range(2)]
    first, second = ([r["event_id"] for r in body["results"]] for _, body, _ in answers)
    assert first == second
    assert first[0] != first[1]
    async with client.post(
        "/v1/actions", json=batch, headers=bearer("admin-of-bank") | {"Idempotency-Key": "once"}
    ) as answer:
        assert [r["event_id"] for r in (await answer.json())["results"]] != first


@pytest.mark.parametrize("key", ["", "x" * 257, "schl\u00fcssel"])
async def test_a_key_has_a_length(client, key) -> None:
    status, body, _ = await post(client, ACTION, Idempotency_Key=key)
    assert (status, body["code"]) == (400, "idempotency_key_malformed")


@pytest.mark.parametrize(
    ("behaviours", "status", "items"),
    [
        (["failed", "failed"], 503, [503, 503]),
        (["busy", "busy"], 429, [429, 429]),
        (["busy", "failed"], 503, [429, 503]),
        (["failed", "fine"], 202, [503, 202]),
    ],
)
async def test_what_is_not_on_the_log_is_never_accepted(client, sender, behaviours, status, items) -> None:
    sender.behaviours = behaviours
    got, body, headers = await post(client, [ACTION, ACTION | {"id": "a-2"}])
    assert got == status
    assert [r["status"] for r in body["results"]] == items
    assert ("Retry-After" in headers) == (status != 202)
    assert len(sender.sent) == items.count(202)


@pytest.mark.parametrize(("behaviour", "status"), [("failed", 503), ("busy", 429), ("silent", 503)])
async def test_one_action_that_is_not_taken(client, sender, behaviour, status, monkeypatch) -> None:
    monkeypatch.setattr(ingest, "ACKNOWLEDGE_S", 0.05)
    sender.behaviours = [behaviour]
    got, body, headers = await post(client, ACTION)
    assert (got, body["status"]) == (status, status)
    assert int(headers["Retry-After"]) >= 1


async def test_a_pipeline_that_is_behind_takes_nothing(client, sender, services, monkeypatch) -> None:
    monkeypatch.setattr(services.lag, "_seconds", {"dedup": 31.0})
    monkeypatch.setattr(services.lag, "_at", services.lag._clock())
    status, body, headers = await post(client, ACTION)
    assert (status, body["code"], headers["Retry-After"]) == (429, "pipeline_behind", "5")
    assert sender.sent == []


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (b"{}", "text/plain", 415, "media_type_unsupported"),
        (b"", "application/json", 400, "body_not_json"),
        (b"{", "application/json", 400, "body_not_json"),
        (b"\xff\xfe", "application/json", 400, "body_not_json"),
        (b"NaN", "application/json", 400, "body_not_json"),
        (b'{"actor": ' + b"9" * 5_000 + b"}", "application/json", 422, "number_too_large"),
        (b"[" * 200_000 + b"]" * 200_000, "application/json", 400, "too_deep"),
        (b"[]", "application/json", 422, "batch_empty"),
        (b'{"actions": {}}', "application/json", 422, "field_not_list"),
        (b'{"actions": [], "more": 1}', "application/json", 422, "batch_empty"),
        (b"[" + b"1," * 1_000 + b"1]", "application/json", 413, "batch_too_large"),
        (b" " * (BODY_MAX + 1), "application/json", 413, "body_too_large"),
        (b'"' + b"x" * 600_000 + b'"', "application/json", 422, "field_not_object"),
    ],
)
async def test_bodies_that_are_none(client, sender, data, content_type, status, code) -> None:
    got, body, _ = await post(client, data=data, Content_Type=content_type)
    assert (got, body["code"]) == (status, code)
    assert sender.sent == []


async def test_an_action_that_fits_no_record_is_413_and_its_neighbours_go(client, sender) -> None:
    # Everything at its longest, in characters of four bytes; the payload too.
    long = dict.fromkeys(("actor", "type", "resource", "session", "on_behalf_of"), "😀" * 1024)
    content = "A" * (4 * 262_144 // 3 // 4 * 4)
    payload = {"type": "inline", "content": content}
    status, body, _ = await post(client, [ACTION | {"payload": payload}, ACTION | long])
    assert (status, [r["status"] for r in body["results"]]) == (202, [202, 202])
    huge = {"type": "inline", "content": "A" * 360_000}
    status, body, _ = await post(client, ACTION | {"payload": huge})
    assert (status, body["field"]) == (422, "payload.content")


async def test_chunked_bodies_are_bounded_too(client) -> None:
    async def endless():
        for _ in range(BODY_MAX // 65_536 + 2):
            yield b" " * 65_536

    headers = AGENT | {"Content-Type": "application/json"}
    async with client.post("/v1/actions", data=endless(), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "body_too_large")


async def test_a_body_that_trickles_in_is_408(client, monkeypatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    reader, writer = await client_connection(client)
    writer.write(
        b"POST /v1/actions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer agent-of-shop\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    assert b" 408 " in await reader.readline()
    writer.close()


async def client_connection(client):
    return await asyncio.open_connection("127.0.0.1", client.port)


async def test_bodies_in_hand_have_a_budget(client, services, sender) -> None:
    services.budget = Budget(limit=10)
    status, body, headers = await post(client, ACTION)
    assert (status, body["code"]) == (429, "gateway_busy")
    assert "Retry-After" in headers
    services.budget = Budget(limit=1_000)
    for _ in range(20):  # what is taken is given back, also after an error
        assert (await post(client, ACTION | {"id": "x" * 300}))[0] == 422
        assert (await post(client, ACTION))[0] == 202


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(JSON | st.lists(st.dictionaries(st.sampled_from([*ACTION, "error", "effect"]), JSON), max_size=4))
async def test_no_json_is_a_bug(client, plain) -> None:
    status, body, _ = await post(client, data=json.dumps(plain).encode(), Content_Type="application/json")
    assert status in (202, 400, 422)
    assert body.get("code") != "internal"
