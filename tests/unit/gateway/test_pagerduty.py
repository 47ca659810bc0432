"""PagerDuty's Events API v2 over a fake sender: PagerDuty's answers, our words on the log."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import codec, ids
from schemas.messages.incidents import COMMANDS, AlertAcknowledgementObserved, AlertObserved, RecordChange
from tests.unit.gateway.conftest import NOW

WORDS = codec.Words(COMMANDS)
KEY = "agent-of-shop"
TRIGGER: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "disk/web-1",
    "payload": {
        "summary": "disk full on web-1",
        "source": "web-1.shop.example",
        "severity": "critical",
        "timestamp": "2025-11-22T03:59:00.000+0000",
        "component": "payments-service",
        "custom_details": {"free": "0 %"},
    },
    "links": [{"href": "javascript:alert(1)"}, {"href": "https://graphs.shop.example/disk", "text": "graph"}],
}
CHANGE: dict[str, Any] = {
    "routing_key": KEY,
    "payload": {
        "summary": "Build Success - Increase snapshot timeout to 30 seconds",
        "source": "ci",
        "timestamp": "2025-11-22T03:00:00Z",
        "custom_details": {"kind": "deploy", "service": "payments-service", "version": "v2.3.1", "author": "bob"},
    },
    "links": [{"href": "https://ci.shop.example/42"}],
}


async def send(client, body: Any, path: str = "/v2/enqueue") -> tuple[int, Any]:
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json()


def said(sender) -> list[Any]:
    return [WORDS.decode(output.value) for output in sender.sent]


async def test_a_trigger_is_an_alert_that_fires(client, sender) -> None:
    status, answer = await send(client, TRIGGER)
    assert (status, answer) == (
        202,
        {"status": "success", "message": "Event processed", "dedup_key": "disk/web-1"},
    )
    (told,) = said(sender)
    assert isinstance(told, AlertObserved)
    assert (told.source, told.fingerprint, told.status, told.recurs) == ("pagerduty", "disk/web-1", "firing", True)
    assert (told.resource, told.resource_from, told.severity) == ("payments-service", "component", "SEV2")
    assert told.link == "https://graphs.shop.example/disk"
    assert told.alert_id == ids.derive("alert", "shop", "pagerduty", "disk/web-1")


async def test_a_trigger_without_a_key_is_given_one(client, sender) -> None:
    status, answer = await send(client, {k: v for k, v in TRIGGER.items() if k != "dedup_key"})
    assert status == 202
    assert answer["dedup_key"] == said(sender)[0].fingerprint


async def test_resolve_and_acknowledge_need_the_key_only(client, sender) -> None:
    for action in ("acknowledge", "resolve"):
        body = {"routing_key": KEY, "event_action": action, "dedup_key": "disk/web-1"}
        assert (await send(client, body))[0] == 202
    noted, over = said(sender)
    assert isinstance(noted, AlertAcknowledgementObserved)
    assert (over.status, over.ends_at) == ("resolved", NOW)
    assert noted.alert_id == over.alert_id


async def test_a_change_keeps_its_kind_author_and_links(client, sender) -> None:
    status, answer = await send(client, CHANGE, "/v2/change/enqueue")
    assert (status, answer) == (202, {"status": "success", "message": "Change event processed"})
    (told,) = said(sender)
    assert isinstance(told, RecordChange)
    assert (told.kind, told.resource, told.by, told.after) == ("deploy", "payments-service", "bob", "v2.3.1")
    assert told.links == ("https://ci.shop.example/42",)


async def test_a_change_told_twice_is_one_command(client, sender) -> None:
    for _ in range(2):
        await send(client, CHANGE, "/v2/change/enqueue")
    one, again = said(sender)
    assert (one.command_id, one.body_hash) == (again.command_id, again.body_hash)


async def test_a_change_of_no_known_kind_is_a_change(client, sender) -> None:
    plain = {"routing_key": KEY, "payload": {"summary": "something"}}
    assert (await send(client, plain, "/v2/change/enqueue"))[0] == 202
    assert said(sender)[0].kind == "change"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"routing_key": None}, "'routing_key' is missing or blank"),
        ({"routing_key": "nobody-has-this"}, "Invalid routing key"),
        ({"routing_key": "the-operator"}, "Invalid routing key"),
        ({"event_action": "explode"}, "'event_action'"),
        ({"dedup_key": "x" * 256}, "'dedup_key'"),
        ({"payload": None}, "'payload'"),
        ({"payload": {}}, "'payload.summary'"),
        ({"payload": TRIGGER["payload"] | {"severity": "bad"}}, "'payload.severity' is invalid"),
        ({"payload": TRIGGER["payload"] | {"summary": "x" * 1_025}}, "'payload.summary'"),
        ({"payload": TRIGGER["payload"] | {"source": "\ud800"}}, "'payload.source'"),
        ({"payload": TRIGGER["payload"] | {"timestamp": "soon"}}, "'payload.timestamp'"),
        ({"event_action": "resolve", "dedup_key": None}, "'dedup_key' is missing or blank"),
    ],
)
async def test_a_malformed_event_is_400_in_pagerdutys_words(client, sender, changes, words) -> None:
    status, answer = await send(client, TRIGGER | changes)
    assert status == 400
    assert (answer["status"], answer["message"]) == ("invalid event", "Event object is invalid")
    assert any(words in error for error in answer["errors"]), answer["errors"]
    assert not sender.sent


@pytest.mark.parametrize("path", ["/v2/enqueue", "/v2/change/enqueue"])
@pytest.mark.parametrize("body", ["", "[1]", "nothing", '{"a":', "null", '{"routing_key": NaN}'])
async def test_bytes_that_are_no_event_are_400(client, sender, path, body) -> None:
    async with client.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["status"] == "invalid event"
    assert not sender.sent


async def test_a_full_queue_is_429_and_a_silent_log_503(client, sender) -> None:
    sender.behaviours = ["busy", "failed"]
    status, answer = await send(client, TRIGGER)
    assert (status, answer["status"]) == (429, "throttle exceeded")
    status, _ = await send(client, TRIGGER)
    assert status == 503
