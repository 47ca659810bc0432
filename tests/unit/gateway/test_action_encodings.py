"""One action said in every encoding is the same action: the same id, head and checks."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import fastavro
import pytest

from gateway.http import action_avro
from gateway.http.action_json import translate
from schemas import codec, ids, registry
from schemas.avro_types import to_plain
from schemas.messages import actions as words
from schemas.messages.actions import Action, Change, Effect, ErrorInfo, Labels, ModelUse, PayloadReference, Tool
from tests.unit.gateway.conftest import NOW, bearer

AGENT = bearer("agent-of-shop")
EVENT = "application/cloudevents+json"
CHARGE = {
    "actor": {"id": "checkout", "name": "Checkout", "version": "3"},
    "type": "charge",
    "resource": "payments",
    "id": "a-1",
    "session": "s-1",
    "sequence": 7,
    "timestamp": "2026-11-22T04:00:00.123Z",
    "attempt": 2,
    "error": {"type": "CardDeclined", "message": "no", "code": "51"},
    "effect": {"kind": "charge", "amount": "12999", "currency": "EUR", "counterparty": "bob"},
}
CONTENT = b"what was sent"
WHOLE = Action(
    event_id=bytes(16),
    content_key=bytes(16),
    tenant="",
    actor="checkout",
    session="s-1",
    sequence=7,
    timestamp=1_700_000_000_000,
    received_at=5,
    traits=words.RETRYABLE | words.BACKFILL | words.REDACTED | words.ERROR,
    resource="payments",
    type="charge",
    source_id="a-1",
    actor_name="Checkout",
    actor_version="3",
    on_behalf_of="alice",
    parameters_digest="abc",
    attempt=2,
    attempt_limit=3,
    parent_id=bytes(range(16)),
    trace_id="t",
    span_id="s",
    result="no",
    error=ErrorInfo("CardDeclined", "no", "51"),
    effect=Effect("charge", "12999", "EUR", "bob", "ch_1", "compensable"),
    change=Change("deploy", "v1", "v2", "faster"),
    labels=Labels("RML3", None),
    payload=PayloadReference("inline", len(CONTENT), sha256(CONTENT).hexdigest(), None, CONTENT),
    tool=Tool("psp.charge", "function", "c-1"),
    model=ModelUse("m", "p", 10, 20),
)


def versions() -> list[registry.Written]:
    return [w for w in registry.by_id().values() if (w.home, w.name) == ("actions", "Action")]


def single(action: Action, written: registry.Written | None = None) -> bytes:
    """The action in single-object encoding, as a stock writer makes it."""
    out = io.BytesIO()
    schema = fastavro.parse_schema((written or registry.latest("actions", "Action")).text)
    fastavro.schemaless_writer(out, schema, to_plain(Action)(action))
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    mark = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
    return b"\xc3\x01" + mark + out.getvalue()


async def post(client, data: bytes, media: str, **headers: str) -> tuple[int, Any]:
    sent = AGENT | {"Content-Type": media} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with client.post("/v1/actions", headers=sent, data=io.BytesIO(data)) as answer:
        return answer.status, await answer.json()


def written(sender) -> list[Action]:
    return [codec.Words(words.ACTIONS).decode(output.value) for output in sender.sent]


def event(data: Any = None, **attributes: Any) -> dict[str, Any]:
    said = {"specversion": "1.0", "id": "e-1", "source": "/ci/deployer", "type": "deploy", "subject": "svc:pay"}
    return said | attributes | ({} if data is None else {"data": data})


async def test_every_encoding_says_the_same_action(client, sender) -> None:
    plain = translate(CHARGE, "shop", NOW)
    avro = replace(plain, event_id=bytes(16), content_key=bytes(16), tenant="", traits=0, received_at=0)
    structured = event(CHARGE, type="other", subject="other")
    binary = {"ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/x", "ce_type": "t"}
    for media, data, headers in (
        ("application/json", json.dumps(CHARGE).encode(), {}),
        ("application/json", json.dumps({"actions": [CHARGE]}).encode(), {}),
        ("application/avro", single(avro), {}),
        ("avro/binary", single(avro), {}),
        (EVENT, json.dumps(structured).encode(), {}),
        (EVENT + "; charset=UTF-8", json.dumps(structured).encode(), {}),
        ("application/cloudevents-batch+json", json.dumps([structured]).encode(), {}),
        ("application/json", json.dumps(CHARGE).encode(), binary),
    ):
        status, body = await post(client, data, media, **headers)
        assert (status, len(body["results"])) == (202, 1), (media, body)
        assert "warnings" not in body["results"][0], (media, body)
        assert written(sender)[-1] == plain, media
    assert len({output.value for output in sender.sent}) == 1


@pytest.mark.parametrize("version", versions(), ids=lambda w: f"{w.version[0]}.{w.version[1]}")
async def test_every_published_version_is_read(client, sender, version) -> None:
    status, body = await post(client, single(WHOLE, version), "application/avro")
    assert status == 202, body
    (taken,) = written(sender)
    sent = replace(WHOLE, tool=None, model=None) if version.version == (1, 0) else WHOLE
    assert taken == replace(
        sent,
        event_id=ids.given_id("shop", "checkout", "a-1"),
        content_key=translate(
            {"actor": "a", "type": "t", "id": "x", "resource": "payments"}
            | {"effect": {"kind": "charge", "amount": "12999", "currency": "EUR", "counterparty": "bob"}},
            "shop",
            NOW,
        ).content_key,
        tenant="shop",
        received_at=NOW,
        traits=WHOLE.traits | words.EFFECT | words.LABEL | words.CHANGE | words.RETRY,
    )
    assert body["results"][0]["event_id"] == ids.text(taken.event_id)


def test_fingerprints_are_those_of_stock_avro() -> None:
    found = action_avro.fingerprints()
    assert {single(WHOLE, w)[2:10]: w.id for w in versions()} == found
    assert len(found) == len(versions())


async def test_an_event_id_of_the_sender_is_kept_as_on_the_log(client, sender) -> None:
    own = bytes(range(16))
    await post(client, single(replace(WHOLE, event_id=own)), "application/avro", Idempotency_Key="k")
    assert written(sender)[0].event_id == own
    await post(client, single(replace(WHOLE, event_id=bytes(16), source_id=None)), "application/avro")
    assert written(sender) == written(sender)[:1], "an effect without an id is refused"


@pytest.mark.parametrize(
    ("data", "status", "code", "remedy"),
    [
        (b"", 400, "avro_not_single_object", "single-object"),
        (b"\xc3\x01", 400, "avro_not_single_object", "single-object"),
        (codec.encode(WHOLE), 400, "avro_not_single_object", "framing of Kafka"),
        (b"\xc3\x01" + b"12345678" + b"x", 422, "avro_schema_unknown", "/schema-registry"),
        (single(WHOLE)[:-1], 422, "undecodable", "schema"),
        (single(WHOLE) + b"\x00", 422, "undecodable", "schema"),
        (single(WHOLE)[:10] + b"\xff" * 200, 422, "undecodable", "schema"),
        (single(WHOLE)[:42] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 422, "undecodable", "schema"),
        (single(replace(WHOLE, tenant="bank")), 403, "tenant_foreign", "token"),
        (single(replace(WHOLE, actor="a\x00")), 422, "field_not_text", "character"),
        (single(replace(WHOLE, sequence=-7)), 422, "field_out_of_range", "."),
        (single(replace(WHOLE, timestamp=2**62)), 422, "field_malformed", "RFC 3339"),
        (single(replace(WHOLE, effect=Effect("charge", "1.5", "EUR"))), 422, "field_malformed", "minor units"),
        (single(replace(WHOLE, resource="x" * 5_000)), 422, "field_too_long", "within"),
    ],
)
async def test_avro_that_is_none_is_refused_with_what_to_do(client, sender, data, status, code, remedy) -> None:
    got, body = await post(client, data, "application/avro")
    assert (got, body["code"]) == (status, code)
    assert remedy in body["remedy"]
    assert sender.sent == []


async def test_an_event_alone_is_an_action(client, sender) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = event(time="2026-11-22T04:00:00Z", traceparent=trace, datacontenttype="application/json")
    status, answer = await post(client, json.dumps(body).encode(), EVENT)
    assert status == 202, answer
    assert "warnings" not in answer["results"][0]
    (action,) = written(sender)
    assert (action.actor, action.type, action.resource) == ("/ci/deployer", "deploy", "svc:pay")
    assert (action.source_id, action.event_id) == ("e-1", ids.given_id("shop", "/ci/deployer", "e-1"))
    assert action.timestamp == 1_795_320_000_000
    assert (action.trace_id, action.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


async def test_source_and_id_make_an_event_the_same_whoever_acts(client, sender) -> None:
    for source, actor in (("/a", "one"), ("/a", "two"), ("/b", "one")):
        await post(client, json.dumps(event({"actor": actor}, source=source)).encode(), EVENT)
    first, second, third = (action.event_id for action in written(sender))
    assert first == second
    assert first != third


async def test_headers_are_percent_decoded(client, sender) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "e-1", "ce_source": "/K%C3%B6ln%20%25", "ce_type": "t"}
    status, body = await post(client, b"", "application/octet-stream", **headers, ce_subject="s")
    assert status == 202, body
    assert written(sender)[0].actor == "/Köln %"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (event(specversion="0.3"), "specversion", "cloudevent_version"),
        ({"id": "1"}, "specversion", "cloudevent_version"),
        (event(id=""), "id", "field_required"),
        (event(id=7), "id", "field_not_text"),
        (event(source=None), "source", "field_required"),
        (event(type=[]), "type", "field_not_text"),
        (event(subject=None), "subject", "field_required"),
        (event(time="noon"), "time", "field_malformed"),
        (event("text"), "data", "field_not_object"),
        (event([1]), "data", "field_not_object"),
        (event(data_base64=base64.b64encode(b"x").decode()), "data_base64", "cloudevent_data_not_json"),
        (event({"effect": {"kind": "x", "amount": 1}}), "data.effect.amount", "field_not_text"),
        ([], "body", "field_not_object"),
        (None, "body", "field_not_object"),
    ],
)
async def test_events_that_are_none_are_refused_by_name_and_their_batch_goes_on(
    client, sender, body, field, code
) -> None:
    status, answer = await post(client, json.dumps(body).encode(), EVENT)
    assert (status, answer["code"], answer["field"]) == (422, code, field)
    batch = json.dumps([event(), body]).encode()
    status, answer = await post(client, batch, "application/cloudevents-batch+json")
    assert (status, [r["status"] for r in answer["results"]]) == (202, [202, 422])
    place = "[1]" if field == "body" else f"[1].{field}"
    assert answer["results"][1]["problem"]["field"] == place


async def test_attributes_that_nobody_knows_are_warnings(client) -> None:
    body = event({"sesion": "s"}, comexampleext="x")
    _, answer = await post(client, json.dumps(body).encode(), EVENT)
    assert [w["field"] for w in answer["results"][0]["warnings"]] == ["comexampleext", "data.sesion"]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "e",
        "ce_source": "s",
        "ce_type": "t",
        "ce_subject": "r",
        "ce_odd": "x",
    }
    _, answer = await post(client, b'{"sesion": "s"}', "application/json", **headers)
    assert [w["field"] for w in answer["results"][0]["warnings"]] == ["ce-odd", "sesion"]
