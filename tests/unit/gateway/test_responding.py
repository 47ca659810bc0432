"""Commands of people who work together over a fake sender: each becomes its message, and bad bodies become 4xx."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.http import commands
from gateway.http.responding import WISHES
from schemas import codec, ids
from schemas.messages import incidents as said
from schemas.messages.kernel import Answer
from tests.unit.gateway.conftest import bearer

ID = bytes(range(16))
CHANGE = ids.derive("change", 1)
WORDS = codec.Words(said.COMMANDS)
ALICE = bearer("alice-of-shop")
BODIES: dict[str, tuple[dict[str, Any], Any]] = {
    "false-alarm": ({"note": "a test"}, said.MarkFalseAlarm),
    "postmortem": ({"link": "https://wiki.example/1"}, said.StartPostmortem),
    "escalate": ({}, said.EscalateIncident),
    "mute": ({"minutes": 10}, said.MuteIncident),
    "join": ({}, said.JoinIncident),
    "leave": ({}, said.LeaveIncident),
    "handoff": ({"to": "bob"}, said.HandOffIncident),
    "rollback": ({"change_id": ids.text(CHANGE)}, said.RequestRollback),
    "communicate": ({"text": "We are on it."}, said.CommunicateIncident),
    "commander": ({"commander": "dana"}, said.AssignCommander),
    "release-commander": ({}, said.ReleaseCommander),
    "approve": ({"approval": 1, "role": "legal"}, said.ApproveAction),
    "decline": ({"approval": 1}, said.DeclineAction),
}


@pytest.fixture(autouse=True)
def _found(monkeypatch) -> None:
    async def find(services, tenant, name):
        return ID

    monkeypatch.setattr(commands, "find", find)


@pytest.mark.parametrize("verb", WISHES)
async def test_each_command_is_the_tokens_and_is_answered(client, services, sender, verb) -> None:
    def answer(output):
        services.answers.take(Answer("shop", WORDS.decode(output.value).command_id, "accepted", ("why",), ()))

    sender.on_sent = answer
    body, kind = BODIES[verb]
    async with client.post(f"/v1/incidents/INC-1/{verb}", json=body, headers=ALICE) as answered:
        assert (answered.status, (await answered.json())["code"]) == (200, "accepted")
    (output,) = sender.sent
    sent = WORDS.decode(output.value)
    assert type(sent) is kind
    assert (sent.tenant, sent.subject, sent.incident_id) == ("shop", "alice", ID)
    for name, value in body.items():
        assert getattr(sent, name) == (CHANGE if name == "change_id" else value)


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("handoff", {}, "field_required"),
        ("handoff", {"to": ""}, "field_required"),
        ("rollback", {"change_id": "INC-1"}, "field_malformed"),
        ("postmortem", {"link": "javascript:alert(1)"}, "field_malformed"),
        ("communicate", {"text": "x" * 1001}, "field_too_long"),
        ("commander", {"commander": 7}, "field_not_text"),
        ("approve", {}, "field_required"),
        ("approve", {"approval": "1"}, "field_not_integer"),
        ("decline", {"approval": 0}, "field_out_of_range"),
    ],
)
async def test_a_bad_body_is_refused_and_nothing_is_sent(client, sender, verb, body, code) -> None:
    async with client.post(f"/v1/incidents/INC-1/{verb}", json=body, headers=ALICE) as answered:
        assert answered.status in (400, 422)
        assert (await answered.json())["code"] == code
    assert sender.sent == []


async def test_an_acknowledgement_says_where_it_was_said(client, sender) -> None:
    body = {"channel": "slack", "reference": "1706123445.000123"}
    async with client.post("/v1/incidents/INC-1/acknowledge", json=body, headers=ALICE):
        pass
    sent = WORDS.decode(sender.sent[0].value)
    assert (sent.channel, sent.reference) == ("slack", "1706123445.000123")


async def test_the_same_key_with_another_body_has_another_hash(client, sender) -> None:
    for to in ("bob", "carol"):
        headers = ALICE | {"Idempotency-Key": "k"}
        async with client.post("/v1/incidents/INC-1/handoff", json={"to": to}, headers=headers):
            pass
    one, other = (WORDS.decode(output.value) for output in sender.sent)
    assert one.command_id == other.command_id
    assert one.body_hash != other.body_hash
