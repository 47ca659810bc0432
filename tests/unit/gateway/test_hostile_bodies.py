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

from gateway.http import commands
from gateway.http.auth import Access
from gateway.http.budget import BODY_MAX
from gateway.http.openapi.operation import JSON
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from tests.unit.gateway.conftest import OPERATOR, bearer

DOORS = [r for r in ROUTES if r.about is not None and JSON in r.about.bodies]
STABLE = re.compile(r"[a-z][a-z0-9_]{2,60}")
GOOD = {"actor": "checkout", "type": "charge", "resource": "payments", "id": "a-1"}
DEEP = 200_000
BOMB = gzip.compress(b" " * (64 * 1_048_576), 9)  # 64 MB in 64 KB
PLAIN: dict[str, str] = {"Content-Type": JSON}
GZIP = PLAIN | {"Content-Encoding": "gzip"}
DEFLATE = PLAIN | {"Content-Encoding": "deflate"}

# name: (headers, body). No door may take one of these.
BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "a truncated object": (PLAIN, b'{"a": 1'),
    "a truncated text": (PLAIN, b'{"a": "b'),
    "a truncated escape": (PLAIN, b'"\\u12'),
    "only a space": (PLAIN, b" "),
    "NUL bytes": (PLAIN, b"\x00\x00\x00\x00"),
    "NUL after the value": (PLAIN, b"{}\x00"),
    "a raw NUL in a text": (PLAIN, b'{"note": "a\x00b"}'),
    "a raw newline in a text": (PLAIN, b'{"note": "a\nb"}'),
    "two values": (PLAIN, b"{}{}"),
    "lines of JSON": (PLAIN, b'{"a": 1}\n{"a": 2}\n'),
    "a comment": (PLAIN, b"{} // no"),
    "a trailing comma": (PLAIN, b'{"a": 1,}'),
    "single quotes": (PLAIN, b"{'a': 1}"),
    "bare words": (PLAIN, b"{a: 1}"),
    "NaN": (PLAIN, b'{"a": NaN}'),
    "Infinity": (PLAIN, b'{"a": -Infinity}'),
    "a leading zero": (PLAIN, b'{"a": 012}'),
    "hexadecimal": (PLAIN, b'{"a": 0x12}'),
    "a text": (PLAIN, b'"text"'),
    "half of a surrogate pair": (PLAIN, b'"\\ud800"'),
    "a number": (PLAIN, b"7"),
    "true": (PLAIN, b"true"),
    "null": (PLAIN, b"null"),
    "a list of numbers": (PLAIN, b"[1, 2]"),
    "a list of lists": (PLAIN, b"[[], []]"),
    "an empty list": (PLAIN, b"[]"),
    "lists nested to the ground": (PLAIN, b"[" * DEEP + b"]" * DEEP),
    "objects nested to the ground": (PLAIN, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "lists that never end": (PLAIN, b"[" * DEEP),
    "nested deeper than any use": (PLAIN, b'{"parameters":' + b'{"a":' * 100 + b"1" + b"}" * 101),
    "a float beyond all": (PLAIN, b'{"sequence": 1e999}'),
    "a negative float beyond all": (PLAIN, b'{"sequence": -1e999}'),
    "a whole number of 400 digits": (PLAIN, b'{"sequence": 1' + b"0" * 400 + b"}"),
    "a whole number of a million digits": (PLAIN, b'{"sequence": ' + b"9" * 1_000_000 + b"}"),
    "a name twice": (PLAIN, b'{"type": "a", "type": "b"}'),
    "a name twice, once escaped": (PLAIN, b'{"type": "a", "t\\u0079pe": "b"}'),
    "a name twice further in": (PLAIN, b'{"parameters": {"x": [{"a": 1, "a": 2}]}}'),
    "not UTF-8": (PLAIN, b'{"note": "\xff\xfe"}'),
    "an overlong NUL": (PLAIN, b'{"note": "\xc0\x80"}'),
    "a surrogate in UTF-8": (PLAIN, b'{"note": "\xed\xa0\x80"}'),
    "UTF-16": (PLAIN, '{"a": 1}'.encode("utf-16")),
    "UTF-32": (PLAIN, '{"a": 1}'.encode("utf-32")),
    "a byte order mark": (PLAIN, b"\xef\xbb\xbf{}"),
    "declared UTF-16": ({"Content-Type": f"{JSON}; charset=utf-16"}, '{"a": 1}'.encode("utf-16")),
    "declared Latin-1": ({"Content-Type": f"{JSON}; charset=iso-8859-1"}, b"{}"),
    "a charset that is none": ({"Content-Type": f"{JSON}; charset=klingon"}, b"{}"),
    "text": ({"Content-Type": "text/plain"}, b"{}"),
    "XML": ({"Content-Type": "application/xml"}, b"<a/>"),
    "a form": ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
    "a type that is none": ({"Content-Type": "/;;"}, b"{}"),
    "no type": ({"Content-Type": ""}, b"{}"),
    "an event of another version": ({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "0.1"}'),
    "Avro that is none": ({"Content-Type": "application/avro"}, b"\xc3\x01nothing at all"),
    "not gzip": (GZIP, b"{}"),
    "truncated gzip": (GZIP, gzip.compress(b'{"a": "' + bytes(range(32, 120)) * 50)[:-30]),
    "a gzip bomb": (GZIP, BOMB),
    "gzip in gzip": (GZIP, gzip.compress(gzip.compress(b"{}"))),
    "not deflate": (DEFLATE, b"\x78\x9c\xff\xff\xff"),
    "a deflate bomb": (DEFLATE, zlib.compress(b"[" * (32 * 1_048_576), 9)),
    "brotli": (PLAIN | {"Content-Encoding": "br"}, b"\x0b\x01\x80{}\x03"),
    "two encodings": (PLAIN | {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"{}"))),
    "more than any door takes": (PLAIN, b'{"a": "' + b"x" * BODY_MAX + b'"}'),
}

# What refuses one action and not its neighbours: item (JSON text), where it is wrong.
ITEMS: dict[str, tuple[str, str]] = {
    "no object": ("7", ""),
    "null": ("null", ""),
    "a list": ("[]", ""),
    "nothing": ("{}", "actor"),
    "a number for a text": ('{"actor": 7}', "actor"),
    "a text with U+0000": ('{"actor": "a\\u0000b"}', "actor"),
    "half of a surrogate pair": ('{"actor": "\\ud83d"}', "actor"),
    "an actor with no id": ('{"actor": {"name": "x"}}', "actor.id"),
    "a text of a megabyte": (f'{{"actor": "{"x" * 1_000_000}"}}', "actor"),
    "sequence 1e999": ('{"sequence": 1e999}', "sequence"),
    "sequence of 400 digits": (f'{{"sequence": 1{"0" * 400}}}', "sequence"),
    "sequence beyond 64 bits": ('{"sequence": 9223372036854775808}', "sequence"),
    "sequence -1": ('{"sequence": -1}', "sequence"),
    "sequence 1.0": ('{"sequence": 1.0}', "sequence"),
    "sequence true": ('{"sequence": true}', "sequence"),
    "sequence as a text": ('{"sequence": "1"}', "sequence"),
    "attempt 0": ('{"attempt": 0}', "attempt"),
    "a day that is none": ('{"timestamp": "2026-02-30T00:00:00Z"}', "timestamp"),
    "a time of year 300,000,000": ('{"timestamp": 9e18}', "timestamp"),
    "a name twice": ('{"type": "a", "type": "b"}', "type"),
    "a name twice in parameters": ('{"parameters": {"x": [0, {"a": 1, "a": 1}]}}', "parameters.x[1].a"),
    "parameters nested too deeply": (f'{{"parameters": {"[" * 90}{"]" * 90}}}', "parameters…"),
    "a number beyond all in parameters": ('{"parameters": {"x": 1e400}}', "parameters.x"),
    "parameters with half a pair": ('{"parameters": {"x": "\\ud800"}}', "parameters"),
    "parameters as a list": ('{"parameters": [1]}', "parameters"),
    "an amount as a number": ('{"effect": {"kind": "x", "amount": 12}}', "effect.amount"),
    "an amount with a point": ('{"effect": {"kind": "x", "amount": "1.5", "currency": "EUR"}}', "effect.amount"),
    "an amount of 400 digits": (f'{{"effect": {{"kind": "x", "amount": "{"9" * 400}"}}}}', "effect.amount"),
    "a currency of no country": ('{"effect": {"kind": "x", "currency": "euro"}}', "effect.currency"),
    "a change of no kind": ('{"change": {"kind": "magic"}}', "change.kind"),
    "an error as a number": ('{"error": 500}', "error"),
    "base64 that is none": ('{"payload": {"type": "inline", "content": "%%%"}}', "payload.content"),
    "retryable as a text": ('{"retryable": "yes"}', "retryable"),
    "tokens as a text": ('{"model": {"name": "m", "input_tokens": "7"}}', "model.input_tokens"),
}


@pytest.fixture(autouse=True)
def _incidents_exist(monkeypatch) -> None:
    async def find(services, tenant, name):
        return bytes(16)

    monkeypatch.setattr(commands, "find", find)


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
