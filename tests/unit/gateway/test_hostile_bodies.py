"""Every door that reads a body meets every body that is none: a 4xx with a stable code and a remedy, never a 5xx, and
nothing written. The doors are those of the route table, so a new one is met as well.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from typing import Any

import pytest

from gateway.http import commands, suggestions
from gateway.http.auth import Access
from gateway.http.budget import BODY_MAX
from gateway.http.openapi.operation import JSON
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from tests.support.poisons import BODIES, ITEMS, PLAIN
from tests.unit.gateway.conftest import OPERATOR, bearer

TAKING = [r for r in ROUTES if r.about is not None and JSON in r.about.bodies]
# PagerDuty's doors answer as PagerDuty does, not with a problem.
DOORS = [r for r in TAKING if not r.path.startswith("/v2/")]
PAGERDUTY = [r for r in TAKING if r.path.startswith("/v2/")]
STABLE = re.compile(r"[a-z][a-z0-9_]{2,60}")
GOOD = {"actor": "checkout", "type": "charge", "resource": "payments", "id": "a-1"}


@pytest.fixture(autouse=True)
def _incidents_exist(monkeypatch) -> None:
    async def find(services, tenant, name):
        return bytes(16)

    async def ask(*_):
        return commands.Asked(bytes(16), None)

    monkeypatch.setattr(commands, "find", find)
    monkeypatch.setattr(suggestions, "ask", ask)


def token_of(route: Route) -> str:
    return OPERATOR if route.access is Access.CONFIGURE else "admin-of-shop"


def address(route: Route) -> str:
    return re.sub(r"{(\w+)[^{}]*}", lambda found: "shop" if found[1] == "tenant" else "INC-1", route.path)


def test_there_are_enough() -> None:
    assert len(BODIES) >= 60
    assert len(DOORS) >= 4


@pytest.mark.parametrize("route", DOORS, ids=lambda r: r.path)
@pytest.mark.parametrize("name", BODIES)
async def test_no_door_takes_a_body_that_is_none(client, sender, configurations, route, name) -> None:
    headers, body = BODIES[name]
    sent = bearer(token_of(route)) | headers
    async with client.request(route.method, address(route), headers=sent, data=io.BytesIO(body)) as answer:
        text = await answer.text()
        assert 400 <= answer.status < 500, text
        assert answer.content_type == "application/problem+json"
        problem = json.loads(text)
    assert problem["status"] == answer.status
    assert STABLE.fullmatch(problem["code"]), problem
    assert problem["remedy"].endswith(".")
    assert len(text) < 4_096
    assert sender.sent == []
    assert configurations.puts == []
    # The door still works, on the same connection or another.
    async with client.get("/v1/me", headers=bearer("alice-of-shop")) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("route", PAGERDUTY, ids=lambda r: r.path)
@pytest.mark.parametrize("name", BODIES)
async def test_pagerdutys_doors_refuse_it_in_pagerdutys_words(client, sender, route, name) -> None:
    headers, body = BODIES[name]
    async with client.post(route.path, headers=headers, data=io.BytesIO(body)) as answer:
        text = await answer.text()
        assert 400 <= answer.status < 500, text
        refused = json.loads(text)
    assert refused["status"] != "success"
    assert refused["errors"]
    assert len(text) < 4_096
    assert sender.sent == []


@pytest.mark.parametrize("name", ITEMS)
async def test_one_hostile_action_refuses_itself_by_its_path_and_its_batch_goes_on(client, sender, name) -> None:
    text, field = ITEMS[name]
    item = text if not text.startswith("{") or field == "actor" else merged(text)
    body = f'{{"actions": [{json.dumps(GOOD)}, {item}, {json.dumps(GOOD | {"id": "a-2"})}]}}'
    headers = bearer("agent-of-shop") | PLAIN
    async with client.post("/v1/actions", headers=headers, data=body.encode()) as answer:
        found = await answer.json()
    assert (answer.status, [r["status"] for r in found["results"]]) == (202, [202, 422, 202]), found
    problem = found["results"][1]["problem"]
    place = f"actions[1].{field}" if field else "actions[1]"
    if field.endswith("…"):
        assert problem["field"].startswith(place[:-1]), problem
    else:
        assert problem["field"] == place, problem
    assert STABLE.fullmatch(problem["code"])
    assert problem["remedy"].endswith(".")
    assert len(sender.sent) == 2


def merged(text: str) -> str:
    """A whole action that has, beside what it needs, what is hostile."""
    needed = {name: value for name, value in GOOD.items() if not text.startswith(f'{{"{name}"')}
    return json.dumps(needed)[:-1] + ", " + text[1:]


@pytest.mark.parametrize("media", ["application/cloudevents+json", "application/cloudevents-batch+json"])
async def test_events_are_met_by_the_same_bodies(client, sender, media) -> None:
    for name, (headers, body) in BODIES.items():
        if "charset" in headers["Content-Type"] or headers["Content-Type"] != JSON:
            continue
        sent = bearer("agent-of-shop") | headers | {"Content-Type": media}
        async with client.post("/v1/actions", headers=sent, data=io.BytesIO(body)) as answer:
            assert 400 <= answer.status < 500, (name, await answer.text())
            assert (await answer.json())["code"] != "internal"
    assert sender.sent == []


@pytest.mark.parametrize(
    "headers",
    [
        {"ce-specversion": "1.0"},
        {"ce-specversion": "0.3", "ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-subject": "r"},
        {"ce-specversion": "1.0", "ce-id": "%ff", "ce-source": "s", "ce-type": "t", "ce-subject": "r"},
        {"ce-specversion": "1.0", "ce-id": "%00", "ce-source": "s", "ce-type": "t", "ce-subject": "r"},
        {"ce-specversion": "1.0", "ce-id": "x" * 300, "ce-source": "s", "ce-type": "t", "ce-subject": "r"},
        {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-time": "noon"},
        {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"},
        {"ce-": "1.0"},
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[]", b'{"id": 7}', b"\xff"])
async def test_headers_that_are_no_event(client, sender, headers, body) -> None:
    sent = bearer("agent-of-shop") | PLAIN | headers
    async with client.post("/v1/actions", headers=sent, data=io.BytesIO(body)) as answer:
        assert 400 <= answer.status < 500, await answer.text()
        assert STABLE.fullmatch((await answer.json())["code"])
    assert sender.sent == []


async def test_a_header_given_twice_is_no_event(client, sender) -> None:
    sent = [*(bearer("agent-of-shop") | PLAIN).items(), ("ce-id", "1"), ("ce-id", "2")]
    async with client.post("/v1/actions", headers=sent, data=b"{}") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "header_twice")
    assert sender.sent == []


@pytest.mark.parametrize("route", DOORS, ids=lambda r: r.path)
async def test_a_name_beyond_all_reason_is_no_more_than_a_warning(client, route) -> None:
    body: dict[str, Any] = {"\ud800\x00" + "x" * 100_000: 1} | {f"unknown_{n}": None for n in range(20_000)}
    async with client.request(route.method, address(route), headers=bearer(token_of(route)), json=body) as answer:
        assert answer.status < 500
        assert len(await answer.read()) < 8_192


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_compressed_body_is_read(client, sender, encoding, pack) -> None:
    sent = bearer("agent-of-shop") | PLAIN | {"Content-Encoding": encoding}
    body = pack(json.dumps([GOOD | {"id": f"a-{n}"} for n in range(1_000)]).encode())
    async with client.post("/v1/actions", headers=sent, data=io.BytesIO(body)) as answer:
        assert answer.status == 202, await answer.text()
    assert len(sender.sent) == 1_000


FORMS: dict[str, tuple[dict[str, str], bytes]] = {
    "nothing": ({}, b""),
    "no token": ({"Content-Type": "application/x-www-form-urlencoded"}, b"next=/"),
    "not UTF-8": ({"Content-Type": "application/x-www-form-urlencoded"}, b"token=\xff"),
    "percent-encoded and not UTF-8": ({"Content-Type": "application/x-www-form-urlencoded"}, b"token=%ff%fe"),
    "NUL": ({"Content-Type": "application/x-www-form-urlencoded"}, b"token=%00"),
    "a charset that is none": ({"Content-Type": "application/x-www-form-urlencoded; charset=klingon"}, b"token=x"),
    "a thousand fields": ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&" * 5_000),
    "parts without a boundary": ({"Content-Type": "multipart/form-data"}, b"--x"),
    "parts that never begin": ({"Content-Type": "multipart/form-data; boundary=x"}, b"no parts"),
    "parts that never end": ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nContent-Disposition: "),
    "a file for a token": (
        {"Content-Type": "multipart/form-data; boundary=x"},
        b'--x\r\nContent-Disposition: form-data; name="token"; filename="t"\r\n\r\nsecret\r\n--x--\r\n',
    ),
    "JSON": ({"Content-Type": JSON}, b'{"token": "alice-of-shop"}'),
    "more than any door takes": ({"Content-Type": "application/x-www-form-urlencoded"}, b"a" * (BODY_MAX + 1)),
}


@pytest.mark.parametrize("name", FORMS)
async def test_no_form_that_is_none_signs_in(client, name) -> None:
    headers, body = FORMS[name]
    async with client.post("/login", headers=headers, data=io.BytesIO(body), allow_redirects=False) as answer:
        assert 400 <= answer.status < 500, await answer.text()
        assert "Set-Cookie" not in answer.headers
