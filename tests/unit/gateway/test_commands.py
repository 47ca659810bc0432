"""People's commands over a fake sender: what goes to the log, and what comes back from its tail."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http import answers as answers_module
from gateway.http import commands
from gateway.http.answers import Answers, understand
from schemas import codec, ids
from schemas.envelope import record_id
from schemas.messages.incidents import AcknowledgeIncident, CommandRefused, IncidentAcknowledged, ResolveIncident
from schemas.messages.kernel import Answer
from schemas.record import Output, Record
from tests.unit.gateway.conftest import NOW, bearer

ID = bytes(range(16))
EVENT = bytes(range(16, 32))
WORDS = codec.Words((AcknowledgeIncident, ResolveIncident))
ALICE = bearer("alice-of-shop")


@pytest.fixture(autouse=True)
def _found(monkeypatch) -> None:
    async def find(services, tenant, name):
        return ID

    monkeypatch.setattr(commands, "find", find)


def message_of(output: Output) -> AcknowledgeIncident | ResolveIncident:
    message: AcknowledgeIncident | ResolveIncident = WORDS.decode(output.value)
    return message


def as_record(output: Output) -> Record:
    return Record(output.topic, 0, 0, 0, output.key, output.value, output.headers)


def answering(services, code="accepted", refused=False, tenant="shop"):
    def answer(output: Output) -> None:
        asked = message_of(output)
        if refused:
            services.answers.take(
                CommandRefused(tenant, asked.command_id, "alice", ID, "x", code, "It is over.", "Open another.", 1)
            )
        services.answers.take(Answer(tenant, asked.command_id, code, ("why",), (EVENT,)))

    return answer


async def test_an_acknowledgement_is_the_tokens_and_is_answered(client, services, sender) -> None:
    sender.on_sent = answering(services)
    async with client.post("/v1/incidents/INC-1/acknowledge", headers=ALICE) as answer:
        body = await answer.json()
    (output,) = sender.sent
    sent = message_of(output)
    assert isinstance(sent, AcknowledgeIncident)
    assert (sent.tenant, sent.subject, sent.incident_id, sent.at) == ("shop", "alice", ID, NOW)
    assert (output.topic, output.partition, output.key) == ("incidents.commands", None, b"shop")
    assert record_id(as_record(output)) == sent.command_id
    assert (answer.status, body) == (
        200,
        {
            "command_id": ids.text(sent.command_id),
            "code": "accepted",
            "reasons": ["why"],
            "events": [ids.text(EVENT)],
        },
    )


async def test_the_body_cannot_name_somebody_else(client, services, sender) -> None:
    sender.on_sent = answering(services)
    async with client.post("/v1/incidents/INC-1/resolve", headers=ALICE, json={"subject": "bob"}) as answer:
        assert answer.status == 200
        assert [w["field"] for w in (await answer.json())["warnings"]] == ["subject"]
    (output,) = sender.sent
    assert message_of(output).subject == "alice"


async def test_the_same_key_is_the_same_command_and_its_body_counts(client, services, sender) -> None:
    sender.on_sent = answering(services)
    headers = ALICE | {"Idempotency-Key": "k"}
    for note in ("done", "done", "other"):
        async with client.post("/v1/incidents/INC-1/resolve", headers=headers, json={"note": note}) as answer:
            assert answer.status == 200
    async with client.post("/v1/incidents/INC-1/acknowledge", headers=headers) as answer:
        assert answer.status == 200
    async with client.post("/v1/incidents/INC-1/resolve", headers=ALICE) as answer:
        assert answer.status == 200
    sent = [message_of(output) for output in sender.sent]
    assert len({x.command_id for x in sent[:4]}) == 1
    assert sent[4].command_id != sent[0].command_id
    assert [x.body_hash == sent[0].body_hash for x in sent[:4]] == [True, True, False, False]


@pytest.mark.parametrize(
    ("code", "status"), [("already_resolved", 409), ("idempotency_conflict", 409), ("too_many_commands", 429)]
)
@pytest.mark.parametrize("refused", [True, False])
async def test_a_refusal_is_a_problem_in_the_processors_words(client, services, sender, code, status, refused) -> None:
    sender.on_sent = answering(services, code, refused)
    async with client.post("/v1/incidents/INC-1/acknowledge", headers=ALICE) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["status"]) == (status, code, status)
    assert answer.content_type == "application/problem+json"
    assert problem["detail"] == ("It is over." if refused else "why")
    assert problem["remedy"]


async def test_without_an_answer_there_is_an_address(client, services, sender, monkeypatch) -> None:
    monkeypatch.setattr(commands, "ANSWER_S", 0.01)
    sender.on_sent = answering(services, tenant="bank")  # another tenant's answer is none
    async with client.post("/v1/incidents/INC-1/acknowledge", headers=ALICE) as answer:
        body = await answer.json()
    (output,) = sender.sent
    assert (answer.status, body) == (202, {"command": f"/v1/commands/{ids.text(message_of(output).command_id)}"})
    assert answer.headers["Location"] == body["command"]
    assert services.answers._waiting == {}


@pytest.mark.parametrize(("behaviour", "status"), [("failed", 503), ("busy", 429), ("silent", 503)])
async def test_a_command_that_is_not_on_the_log(client, services, sender, behaviour, status, monkeypatch) -> None:
    monkeypatch.setattr(commands, "ACKNOWLEDGE_S", 0.02)
    sender.behaviours = [behaviour]
    async with client.post("/v1/incidents/INC-1/acknowledge", headers=ALICE) as answer:
        assert answer.status == status
        assert "Retry-After" in answer.headers
    assert services.answers._waiting == {}


async def test_two_that_ask_under_one_id_get_their_answers_in_order() -> None:
    answers = Answers()
    first, second = answers.expect("shop", ID), answers.expect("shop", ID)
    assert first is not None
    assert second is not None
    answers.take(Answer("shop", ID, "accepted", (), ()))
    assert first.done()
    assert not second.done()
    answers.take(Answer("shop", ID, "idempotency_conflict", (), ()))
    assert [(await x).answer.code for x in (first, second)] == ["accepted", "idempotency_conflict"]
    assert answers._waiting == {}
    assert answers._count == 0


async def test_who_left_gets_no_answer_that_belongs_to_the_next() -> None:
    answers = Answers()
    first, second = answers.expect("shop", ID), answers.expect("shop", ID)
    assert first is not None
    assert second is not None
    first.cancel()
    answers.take(Answer("shop", ID, "accepted", (), ()))
    assert (await asyncio.wait_for(second, 60)).answer.code == "accepted"
    answers.forget("shop", ID, second)
    assert answers._count == 0


async def test_what_is_kept_and_who_waits_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(answers_module, "KEPT", 3)
    monkeypatch.setattr(answers_module, "WAITING", 2)
    answers = Answers()
    for n in range(9):
        answers.take(Answer("shop", bytes([n] * 16), "accepted", (), ()))
    assert [answers.get("shop", bytes([n] * 16)) is not None for n in range(9)] == [False] * 6 + [True] * 3
    assert answers.get("bank", bytes([8] * 16)) is None
    assert [answers.expect("shop", ID) is None for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"rubbish",
        codec.encode(IncidentAcknowledged("shop", ID, 1, "alice", 1, 1, 1)),
        b"\x00\xff\xff\xff\xff",
    ],
)
def test_the_tail_passes_what_is_no_answer(value) -> None:
    assert understand(Record("incidents.events", 0, 0, 0, b"shop", value)) is None
    cut = codec.encode(Answer("shop", ID, "accepted", (), ()))[:-3]
    assert understand(Record("incidents.events", 0, 0, 0, b"shop", cut)) is None


def test_the_tail_understands_answers() -> None:
    answer = Answer("shop", ID, "accepted", ("r",), (EVENT,))
    assert understand(Record("incidents.events", 0, 0, 0, b"shop", codec.encode(answer))) == answer
