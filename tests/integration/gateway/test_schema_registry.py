"""Confluent's own serializers, as they are, against the registry of a real gateway: every way of finding a schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    RegisteredSchema,
    Schema,
    SchemaRegistryClient,
    record_subject_name_strategy,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from processors.host.places import Place
from schemas import codec, ids, registry
from schemas.avro_types import to_plain
from schemas.messages.actions import Action, ErrorInfo
from schemas.messages.notifications import PageRequested
from tests.integration.gateway.conftest import Gateway, ends, read_from
from tests.support.versions import GOLDEN

RAW = SerializationContext("actions.raw", MessageField.VALUE)
OLD = bytes.fromhex(GOLDEN["actions", "Action", "1.0"])
NEW = bytes.fromhex(GOLDEN["actions", "Action", "1.1"])
FIRST, SECOND = registry.versions("actions", "Action")
ACTION = codec.Words((Action,)).decode(NEW)
PLAIN: dict[str, Any] = to_plain(Action)(ACTION)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[SchemaRegistryClient]:
    """Confluent's client, with the credentials that many set-ups must give."""
    with SchemaRegistryClient(
        {"url": f"{gateway.url}/schema-registry", "basic.auth.user.info": "anybody:anything"}
    ) as found:
        yield found


async def write(client: SchemaRegistryClient, text: str, plain: Any, **settings: Any) -> bytes:
    """The bytes that a stock serializer makes."""

    def work() -> Any:
        conf = {name.replace("_", "."): value for name, value in settings.items()}
        return AvroSerializer(client, text, conf=conf)(plain, RAW)

    return bytes(await asyncio.to_thread(work))


async def read(client: SchemaRegistryClient, value: bytes, text: str | None = None) -> Any:
    """What a stock deserializer makes of bytes, with a reader's schema of its own or without."""
    return await asyncio.to_thread(lambda: AvroDeserializer(client, text)(value, RAW))


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"auto_register_schemas": False},
        {"auto_register_schemas": False, "use_latest_version": True},
        {"auto_register_schemas": False, "subject_name_strategy": topic_subject_name_strategy},
        {"auto_register_schemas": False, "subject_name_strategy": record_subject_name_strategy},
        {"auto_register_schemas": False, "normalize_schemas": True},
    ],
    ids=["defaults", "look-up", "latest", "by topic", "by record", "normalized"],
)
async def test_a_stock_serializer_writes_what_we_write(client, conf) -> None:
    assert await write(client, json.dumps(SECOND.text), PLAIN, **conf) == codec.encode(ACTION) == NEW


async def test_a_stock_serializer_of_1_0_goes_on_writing_1_0(client) -> None:
    plain = {name: value for name, value in PLAIN.items() if name not in ("tool", "model")}
    assert await write(client, json.dumps(FIRST.text), plain) == OLD


async def test_with_the_latest_version_a_writer_that_knows_only_1_0_writes_1_1_without_its_fields(client) -> None:
    plain = {name: value for name, value in PLAIN.items() if name not in ("tool", "model")}
    settings = {"auto_register_schemas": False, "use_latest_version": True}
    value = await write(client, json.dumps(FIRST.text), plain, **settings)
    assert codec.id_of(value) == SECOND.id
    read_back = codec.Words((Action,)).decode(value)
    assert (read_back.tool, read_back.model, read_back.error) == (
        None,
        None,
        ErrorInfo("PaymentError", "no answer", "504"),
    )


@pytest.mark.parametrize("reader", [None, FIRST, SECOND], ids=["writer's", "1.0", "1.1"])
@pytest.mark.parametrize("value", [OLD, NEW], ids=["wrote 1.0", "wrote 1.1"])
async def test_a_stock_deserializer_reads_every_version_with_every_version(client, value, reader) -> None:
    seen = await read(client, value, None if reader is None else json.dumps(reader.text))
    known = reader or registry.by_id()[codec.id_of(value)]
    expected = to_plain(Action)(codec.Words((Action,)).decode(value))
    assert seen == {f["name"]: expected[f["name"]] for f in known.text["fields"]}


async def test_what_the_gateway_took_in_json_is_read_by_a_stock_deserializer(gateway, client, topics) -> None:
    tenant = await gateway.tenant()
    places = [Place("actions.raw", p) for p in range(4)]
    before = await asyncio.to_thread(ends, topics, places)
    body = {
        "actor": "checkout",
        "type": "payments.charge",
        "resource": "payments",
        "id": "a-1",
        "tool": {"name": "payments.charge", "call_id": "call-1"},
        "model": {"name": "m-1", "input_tokens": 9},
    }
    status, _, _ = await gateway.ask("POST", "/v1/actions", f"agent-{tenant}", body)
    assert status == 202
    (record,) = await asyncio.to_thread(read_from, topics, before)
    assert record.value is not None
    seen = await read(client, record.value)
    assert seen["tool"] == {"name": "payments.charge", "type": None, "call_id": "call-1"}
    assert seen["model"] == {"name": "m-1", "provider": None, "input_tokens": 9, "output_tokens": None}
    assert seen["event_id"] == ids.given_id(tenant, "checkout", "a-1")
    old = await read(client, record.value, json.dumps(FIRST.text))
    assert old == {name: value for name, value in seen.items() if name not in ("tool", "model")}


async def test_a_record_of_any_topic_is_read_without_knowing_its_kind(client) -> None:
    page = registry.latest("notifications", "PageRequested")
    assert page.id == codec.schema_id(PageRequested)
    found = await asyncio.to_thread(client.get_schema, page.id)
    assert json.loads(found.schema_str) == page.text


async def test_what_cannot_be_written_or_read_is_an_error_that_the_client_understands(client) -> None:
    unknown = {"type": "record", "name": "Mine", "fields": [{"name": "x", "type": "int"}]}
    for settings in ({}, {"auto_register_schemas": False}):
        with pytest.raises(SchemaRegistryError) as caught:
            await write(client, json.dumps(unknown), {"x": 1}, **settings)
        assert caught.value.error_code == (42205 if not settings else 40403)
    with pytest.raises((SchemaRegistryError, SerializationError)) as missing:
        await read(client, b"\x00\x00\x0f\x42\x40\x00")
    assert "40403" in str(missing.value) or "404" in str(missing.value)


def _ask_everything(client: SchemaRegistryClient) -> dict[str, Any]:
    schema = Schema(json.dumps(SECOND.text), "AVRO")
    latest = client.get_latest_version("actions.raw-value")
    assert isinstance(latest, RegisteredSchema)
    return {
        "subjects": client.get_subjects(),
        "versions": client.get_versions("actions.raw-value"),
        "latest": (latest.schema_id, latest.version, latest.subject),
        "first": client.get_version("actions.raw-value", 1).schema_id,
        "looked up": client.lookup_schema("actions.raw-value", schema).schema_id,
        "registered": client.register_schema("actions.raw-value", schema),
        "in full": client.register_schema_full_response("actions.raw-value", schema).schema_id,
        "compatible": client.test_compatibility("actions.raw-value", schema),
        "types": client.get_schema_types(),
        "level": client.get_compatibility(),
        "mode": client.get_mode("actions.raw-value"),
        "places": client.get_schema_versions(SECOND.id),
        "of id": client.get_subjects_by_schema_id(SECOND.id),
    }


async def test_every_question_of_the_client_has_an_answer(client) -> None:
    found = await asyncio.to_thread(_ask_everything, client)
    assert "actions.raw-value" in found.pop("subjects")
    assert "actions.raw-value" in found.pop("of id")
    assert {(p.subject, p.version) for p in found.pop("places")} >= {("actions.raw-value", 2)}
    assert found == {
        "versions": [1, 2],
        "latest": (SECOND.id, 2, "actions.raw-value"),
        "first": FIRST.id,
        "looked up": SECOND.id,
        "registered": SECOND.id,
        "in full": SECOND.id,
        "compatible": True,
        "types": ["AVRO"],
        "level": "FULL_TRANSITIVE",
        "mode": "READONLY",
    }


async def test_the_client_is_told_that_nothing_is_written(client) -> None:
    for attempt in (
        lambda: client.delete_subject("actions.raw-value"),
        lambda: client.set_compatibility(level="NONE"),
    ):
        with pytest.raises(SchemaRegistryError) as caught:
            await asyncio.to_thread(attempt)
        assert (caught.value.error_code, caught.value.http_status_code) == (42205, 422)


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer nobody-has-this", "Negotiate x", "Bearer"])
async def test_credentials_are_not_looked_at(gateway, header) -> None:
    async with gateway.session.get(
        f"{gateway.url}/schema-registry/schemas/ids/1", headers={"Authorization": header}
    ) as answer:
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
