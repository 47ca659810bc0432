"""The registry's addresses over the real application: what clients ask, and its own form of every error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.registry import doors
from gateway.registry.doors import BODY_MAX, CONTENT_TYPE, routes
from gateway.registry.subjects import PREFIX, Subjects
from schemas import codec, registry, topology
from schemas.messages.actions import Action
from schemas.messages.notifications import PageRequested

RAW = "actions.raw-value"
NEWEST = registry.latest("actions", "Action")
FIRST = registry.versions("actions", "Action")[0]


@pytest.fixture
async def client():
    from aiohttp import web

    app = web.Application()
    routes(app, topology.load())
    async with TestClient(TestServer(app)) as found:
        yield found


async def get(client: TestClient, path: str, **sent: Any) -> Any:
    async with client.get(PREFIX + path, **sent) as answer:
        assert answer.content_type == CONTENT_TYPE
        return answer.status, json.loads(await answer.text())


async def post(client: TestClient, path: str, body: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.post(PREFIX + path, data=raw) as answer:
        assert answer.content_type == CONTENT_TYPE
        return answer.status, json.loads(await answer.text())


def said(schema: Any, **more: Any) -> dict[str, Any]:
    return {"schema": json.dumps(schema)} | more


async def test_a_schema_is_found_by_the_id_in_a_record(client):
    for query in ("", "?subject=actions.raw-value", "?fetchMaxId=false&format=", "?deleted=False"):
        status, found = await get(client, f"/schemas/ids/{codec.schema_id(Action)}{query}")
        assert (status, json.loads(found["schema"])) == (200, NEWEST.text)
    assert (await get(client, f"/schemas/ids/{FIRST.id}/schema"))[1] == FIRST.text
    _, places = await get(client, f"/schemas/ids/{FIRST.id}/versions")
    assert {"subject": RAW, "version": 1} in places
    assert {"subject": "mandate.actions.Action", "version": 1} in places
    assert (await get(client, f"/schemas/ids/{FIRST.id}/subjects"))[1] == [p["subject"] for p in places]


async def test_every_schema_of_ours_is_there_under_a_name_of_its_own(client):
    _, names = await get(client, "/subjects")
    assert names == sorted(names)
    for number, written in registry.by_id().items():
        assert json.loads((await get(client, f"/schemas/ids/{number}"))[1]["schema"]) == written.text
        assert f"mandate.{written.home}.{written.name}" in names
    assert {f"{t}-value" for t in topology.load().topics} <= set(names)
    assert set((await get(client, "/subjects?subjectPrefix=actions."))[1]) == {n for n in names if n[:8] == "actions."}


async def test_versions_of_a_topic_count_from_one_and_the_newest_action_is_the_latest(client):
    assert await get(client, f"/subjects/{RAW}/versions") == (200, [1, 2])
    expected = {"subject": RAW, "version": 2, "id": NEWEST.id, "schemaType": "AVRO"}
    for version in ("2", "latest", "-1"):
        _, found = await get(client, f"/subjects/{RAW}/versions/{version}?deleted=False")
        assert found | expected == found
        assert json.loads(found["schema"]) == NEWEST.text
    assert (await get(client, f"/subjects/{RAW}/versions/1/schema"))[1] == FIRST.text
    assert (await get(client, f"/subjects/{RAW}/versions/1/referencedby"))[1] == []


def test_a_number_never_moves_when_schemas_are_added():
    subjects = Subjects(topology.load())
    for name in subjects.names:
        ids = [w.id for w in subjects.versions(name) or ()]
        assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/schemas/ids/999999", 40403),
        ("/schemas/ids/0", 40403),
        ("/schemas/ids/-1", 40403),
        ("/schemas/ids/x", 40403),
        ("/schemas/ids/" + "9" * 5_000, 40403),
        ("/schemas/ids/%D9%A3/schema", 40403),
        ("/schemas/guids/3f2504e0-4f89-11d3-9a0c-0305e82c3301", 404),
        ("/subjects/nobody-value/versions", 40401),
        ("/subjects/nobody-value/versions/latest", 40401),
        ("/subjects/actions.raw-key/versions/1", 40401),
        (f"/subjects/{RAW}/versions/3", 40402),
        (f"/subjects/{RAW}/versions/0", 42202),
        (f"/subjects/{RAW}/versions/newest", 42202),
        (f"/subjects/{RAW}/versions/" + "9" * 5_000, 42202),
        ("/config/nobody-value", 40401),
        ("/associations/resources/-/actions.raw?resourceType=topic&associationType=value", 404),
        ("/nothing/here", 404),
        ("/%00", 404),
    ],
)
async def test_what_is_not_there_is_said_as_registries_say_it(client, path, number):
    status, error = await get(client, path)
    assert (status, error["error_code"]) == (int(str(number)[:3]), number)
    assert error["message"]


@pytest.mark.parametrize("schema", [FIRST, NEWEST], ids=["1.0", "1.1"])
async def test_a_known_schema_is_looked_up_and_registered_again_under_its_old_id(client, schema):
    version = 1 + [FIRST.id, NEWEST.id].index(schema.id)
    _, found = await post(client, f"/subjects/{RAW}?normalize=False&deleted=False", said(schema.text))
    assert (found["id"], found["version"], found["subject"]) == (schema.id, version, RAW)
    body = said(schema.text, schemaType="AVRO", references=[])
    assert await post(client, f"/subjects/{RAW}/versions?normalize=False", body) == (200, {"id": schema.id})


async def test_a_schema_is_known_whatever_its_docs_its_order_of_keys_and_its_extras(client):
    plain = json.loads(json.dumps(NEWEST.text))
    plain.pop("doc")
    plain["fields"][2]["type"] = {"type": "string", "avro.java.string": "String"}
    turned = dict(reversed(plain.items()))
    assert await post(client, f"/subjects/{RAW}/versions", said(turned)) == (200, {"id": NEWEST.id})


@pytest.mark.parametrize(
    ("subject", "number"), [(RAW, 42205), ("my.topic-value", 42205), ("mandate.actions.Action", 42205)]
)
async def test_nothing_new_is_registered(client, subject, number):
    new = NEWEST.text | {"fields": [*NEWEST.text["fields"], {"name": "x", "type": "int", "default": 0}]}
    status, error = await post(client, f"/subjects/{subject}/versions", said(new))
    assert (status, error["error_code"]) == (422, number)
    assert "read-only" in error["message"]


async def test_an_unknown_schema_and_an_unknown_subject_are_told_apart(client):
    new = NEWEST.text | {"name": "Other"}
    assert (await post(client, f"/subjects/{RAW}", said(new)))[1]["error_code"] == 40403
    assert (await post(client, "/subjects/nobody-value", said(NEWEST.text)))[1]["error_code"] == 40401


DEEP = '{"type":"array","items":' * 900 + '"int"' + "}" * 900
BAD = [
    (b"", 400),
    (b"{", 400),
    (b"\xff", 400),
    (b"[" * 40_000, 400),
    (b"[]", 422),
    (b'"x"', 422),
    (b"{}", 422),
    (b'{"schema": 3}', 422),
    (b'{"schema": "no"}', 422),
    (b'{"schema": "{}"}', 422),
    (b'{"schema": "\\"nothing\\""}', 422),
    (b'{"schema": "' + b"9" * 5_000 + b'"}', 422),
    (json.dumps({"schema": DEEP}).encode(), 422),
    (json.dumps(said({"type": "record", "name": "X", "fields": [{"name": "a"}]})).encode(), 422),
    (json.dumps(said(NEWEST.text, schemaType="PROTOBUF")).encode(), 422),
    (json.dumps(said(NEWEST.text, references=[{"name": "x"}])).encode(), 422),
    (b'{"schema": "' + b"x" * BODY_MAX + b'"}', 413),
]


@pytest.mark.parametrize(
    "path", [f"/subjects/{RAW}", f"/subjects/{RAW}/versions", f"/compatibility{'/subjects/' + RAW}/versions"]
)
@pytest.mark.parametrize(("raw", "status"), BAD, ids=range(len(BAD)))
async def test_a_bad_body_is_refused_in_the_registrys_form(client, path, raw, status):
    found, error = await post(client, path, raw)
    assert found == status, error
    assert set(error) == {"error_code", "message"}


@pytest.mark.parametrize("schema", ['"int"', '["null", "string"]', '{"type": "map", "values": "long"}'])
async def test_a_schema_that_is_no_record_is_valid_and_unknown(client, schema):
    assert (await post(client, f"/subjects/{RAW}", {"schema": schema}))[1]["error_code"] == 40403
    _, found = await post(client, f"/compatibility/subjects/{RAW}/versions/latest", {"schema": schema})
    assert found["is_compatible"] is False


@pytest.mark.parametrize(
    ("change", "fine"),
    [
        ({"name": "x", "type": ["null", "string"], "default": None}, True),
        ({"name": "x", "type": "string"}, False),
    ],
)
@pytest.mark.parametrize("address", ["/versions", "/versions/1", "/versions/2", "/versions/latest"])
async def test_compatibility_is_that_of_schemas_check(client, change, fine, address):
    new = NEWEST.text | {"fields": [*NEWEST.text["fields"], change]}
    status, found = await post(client, f"/compatibility/subjects/{RAW}{address}?verbose=true", said(new))
    assert (status, found["is_compatible"]) == (200, fine)
    assert [m.split(" ")[0] for m in found["messages"]] == ([] if fine else ["schema_field_without_default"])


async def test_compatibility_on_a_topic_of_many_records_asks_the_latest_of_the_same_record(client):
    page = registry.latest("notifications", "PageRequested").text
    subject = "/compatibility/subjects/notifications.events-value/versions"
    assert (await post(client, f"{subject}/latest", said(page)))[1]["is_compatible"] is True
    joined = dict(page) | {"name": "mandate.notifications.PageRequested"}
    del joined["namespace"]
    assert (await post(client, f"{subject}/latest", said(joined)))[1]["is_compatible"] is True
    assert (await post(client, f"{subject}/1", said(NEWEST.text)))[1]["is_compatible"] is False
    assert codec.schema_id(PageRequested)


async def test_level_mode_types_and_contexts(client):
    assert await get(client, "") == (200, {})
    assert await get(client, "/") == (200, {})
    assert await get(client, "/schemas/types") == (200, ["AVRO"])
    assert await get(client, "/contexts") == (200, ["."])
    assert await get(client, "/mode") == await get(client, f"/mode/{RAW}") == (200, {"mode": "READONLY"})
    level = (200, {"compatibilityLevel": "FULL_TRANSITIVE"})
    assert await get(client, "/config") == await get(client, f"/config/{RAW}?defaultToGlobal=true") == level


@pytest.mark.parametrize(
    ("method", "path", "number"),
    [
        ("DELETE", f"/subjects/{RAW}", 42205),
        ("DELETE", f"/subjects/{RAW}/versions/1", 42205),
        ("PUT", "/config", 42205),
        ("PUT", f"/config/{RAW}", 42205),
        ("PUT", "/mode", 42205),
        ("PUT", f"/mode/{RAW}", 42205),
        ("PATCH", "/subjects", 404),
        ("POST", "/schemas/ids/1", 404),
    ],
)
async def test_nothing_is_written(client, method, path, number):
    async with client.request(method, PREFIX + path, data=b"{}") as answer:
        error = json.loads(await answer.text())
        assert (answer.status, error["error_code"]) == (int(str(number)[:3]), number)


async def test_a_schema_may_be_kept_for_ever_and_a_list_is_asked_again(client):
    async with client.get(f"{PREFIX}/schemas/ids/1") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        etag = answer.headers["ETag"]
    async with client.get(f"{PREFIX}/schemas/ids/1", headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with client.get(f"{PREFIX}/subjects") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_body_that_is_not_compressed_as_it_says_is_refused(client):
    sent = {"Content-Encoding": "gzip"}
    async with client.post(f"{PREFIX}/subjects/{RAW}", data=b"no gzip", headers=sent) as answer:
        assert (answer.status, json.loads(await answer.text())["error_code"]) == (400, 400)


async def test_too_many_bodies_at_once_are_asked_to_come_again(client):
    with client.app[doors.BUDGET].taking(doors.BODIES * BODY_MAX):
        async with client.post(f"{PREFIX}/subjects/{RAW}", data=b"{}") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert json.loads(await answer.text())["error_code"] == 429
