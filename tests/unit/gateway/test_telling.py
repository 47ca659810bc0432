"""Reports, changes, alerts and people's moves over a fake sender: what goes to the log, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.http import commands
from schemas import codec, ids
from schemas.messages.incidents import (
    COMMANDS,
    AlertObserved,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    ContainIncident,
    RecordChange,
    ReopenIncident,
    ReportProblem,
)
from schemas.messages.kernel import Answer
from tests.unit.gateway.conftest import NOW, bearer

ID = bytes(range(16))
ALICE, AGENT = bearer("alice-of-shop"), bearer("agent-of-shop")
WORDS = codec.Words(COMMANDS)
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "PaymentsErrorRateHigh", "service": "payments-service", "severity": "critical"},
    "annotations": {"summary": "23 % of charges fail", "runbook_url": "javascript:alert(1)"},
    "startsAt": "2025-11-22T03:59:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "a1b2c3d4e5f60718",
}
HOOK = "/v1/integrations/alertmanager"


@pytest.fixture(autouse=True)
def _found(monkeypatch) -> None:
    async def find(services, tenant, name):
        return ID

    monkeypatch.setattr(commands, "find", find)


@pytest.fixture
def heard(services, sender):
    """What was said on the log; every command is accepted at once."""
    out = []

    def answer(output) -> None:
        message = WORDS.decode(output.value)
        out.append(message)
        if hasattr(message, "command_id"):
            services.answers.take(Answer(message.tenant, message.command_id, "accepted", (), ()))

    sender.on_sent = answer
    return out


async def ask(client, path, body, who=ALICE, **headers):
    async with client.post(path, headers=who | headers, json=body) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("verb", "kind", "body"),
    [
        ("assign", AssignIncident, {"assignee": "bob", "note": "n"}),
        ("contain", ContainIncident, {"note": "n"}),
        ("reopen", ReopenIncident, {"note": "n"}),
        ("close", CloseIncident, {"note": "n"}),
        ("severity", ChangeSeverity, {"severity": "SEV1", "note": "n"}),
    ],
)
async def test_peoples_moves(client, heard, verb, kind, body) -> None:
    status, answer = await ask(client, f"/v1/incidents/INC-1/{verb}", body)
    (sent,) = heard
    assert (status, answer["code"], type(sent)) == (200, "accepted", kind)
    assert (sent.subject, sent.incident_id, sent.note, sent.at) == ("alice", ID, "n", NOW)
    assert getattr(sent, "assignee", "bob") == "bob"
    assert getattr(sent, "severity", "SEV1") == "SEV1"
    assert (await ask(client, f"/v1/incidents/INC-1/{verb}", body, AGENT))[0] == 403


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [("assign", {}, "assignee"), ("severity", {}, "severity"), ("severity", {"severity": "high"}, "severity")],
)
async def test_what_a_move_needs_is_asked_for(client, heard, verb, body, field) -> None:
    status, problem = await ask(client, f"/v1/incidents/INC-1/{verb}", body)
    assert (status, problem["field"], heard) == (422, field, [])


async def test_another_assignee_under_the_same_key_is_another_body(client, heard) -> None:
    for assignee in ("bob", "carol"):
        await ask(client, "/v1/incidents/INC-1/assign", {"assignee": assignee}, **{"Idempotency-Key": "k"})
    assert heard[0].command_id == heard[1].command_id
    assert heard[0].body_hash != heard[1].body_hash


async def test_an_agent_reports_too(client, heard) -> None:
    body = {"resource": "payments-service", "what": "it is slow", "severity": "SEV2", "since": "2025-11-22T04:00:00Z"}
    status, answer = await ask(client, "/v1/reports", body, AGENT)
    (sent,) = heard
    assert isinstance(sent, ReportProblem)
    assert (status, answer["command_id"]) == (200, ids.text(sent.command_id))
    assert (sent.subject, sent.subject_kind, sent.severity, sent.since) == ("checkout", "agent", "SEV2", 1763784000000)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/reports", {"what": "x"}, "resource"),
        ("/v1/reports", {"resource": "x"}, "what"),
        ("/v1/reports", {"resource": "x", "what": "y", "since": "yesterday"}, "since"),
        ("/v1/reports", {"resource": "x", "what": "y", "severity": 1}, "severity"),
        ("/v1/changes", {"resource": "x"}, "kind"),
        ("/v1/changes", {"resource": "x", "kind": "party"}, "kind"),
        ("/v1/changes", {"kind": "deploy"}, "resource"),
        ("/v1/changes", {"kind": "deploy", "resource": "x", "at": "1 May"}, "at"),
        ("/v1/changes", {"kind": "deploy", "resource": "x", "reference": {"before": 1}}, "reference.before"),
        (HOOK, {"alerts": {}}, "alerts"),
        (HOOK, [], "body"),
    ],
)
async def test_bad_input_names_its_field(client, heard, path, body, field) -> None:
    status, problem = await ask(client, path, body)
    assert (status, problem["field"], heard) == (422, field, [])


async def test_a_change_is_told_with_its_references_and_who_made_it(client, heard) -> None:
    body = {"kind": "deploy", "resource": "payments-service", "reference": {"before": "v1", "after": "v2"}, "by": "ci"}
    status, _ = await ask(client, "/v1/changes", body | {"at": "2025-11-22T04:00:00Z", "id": "run-7"}, AGENT)
    await ask(client, "/v1/changes", {"kind": "flag", "resource": "x", "after": "on", "id": "run-7", "oops": 1}, AGENT)
    one, two = heard
    assert isinstance(one, RecordChange)
    assert (status, one.before, one.after, one.by, one.subject) == (200, "v1", "v2", "ci", "checkout")
    assert one.event_time == 1763784000000
    assert (two.before, two.after, two.by, two.event_time) == (None, "on", "checkout", NOW)
    assert one.command_id == two.command_id
    assert one.body_hash != two.body_hash


async def test_each_alert_has_its_own_result(client, heard, sender) -> None:
    nameless = ALERT | {"labels": {"alertname": "x"}}
    over = ALERT | {"status": "resolved", "endsAt": "2025-11-22T04:10:00Z", "labels": {"job": "j", "instance": "i:1"}}
    status, body = await ask(client, HOOK, {"version": "4", "alerts": [ALERT, nameless, over], "more": 1}, AGENT)
    assert status == 202
    first, second, third = body["results"]
    one, two = heard
    assert isinstance(one, AlertObserved)
    assert (one.name, one.resource, one.resource_from) == ("PaymentsErrorRateHigh", "payments-service", "service")
    assert (one.severity, one.summary, one.ends_at) == ("SEV2", "23 % of charges fail", None)
    assert one.link == "http://prometheus/graph"
    assert one.starts_at == 1763783940123
    assert (first["alert"], first["resource_from"]) == (ids.text(one.alert_id), "service")
    assert (second["status"], second["problem"]["code"]) == (422, "alert_without_resource")
    assert (third["resource"], two.status, two.alert_id) == ("j/i:1", "resolved", one.alert_id)
    records = {dict(o.headers)["ce_id"] for o in sender.sent}
    assert len(records) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"status": "pending"},
        {"labels": {"service": 1}},
        {"labels": {"service": "x" * 1025}},
        {"labels": {"service": "\ud800"}},
        {"labels": {f"l{n}": "v" for n in range(65)}},
        {"startsAt": None},
        {"startsAt": "never"},
        {"fingerprint": 7},
    ],
)
async def test_alerts_that_are_none_are_refused_and_nothing_is_told(client, heard, change) -> None:
    status, problem = await ask(client, HOOK, {"alerts": [ALERT | change]})
    assert (status, problem["code"], heard) == (422, "batch_refused", [])
    assert problem["results"][0]["problem"]["field"].startswith("alerts[0]")


async def test_an_alert_that_could_not_be_written_is_to_be_told_again(client, heard, sender) -> None:
    sender.behaviours = ["fine", "failed"]
    status, problem = await ask(client, HOOK, {"alerts": [ALERT, ALERT]})
    assert (status, [r["status"] for r in problem["results"]]) == (503, [202, 503])
    sender.behaviours = ["busy"]
    assert (await ask(client, HOOK, {"alerts": [ALERT]}))[0] == 503
    assert (await ask(client, HOOK, {"alerts": []}))[1] == {"results": []}
    assert (await ask(client, HOOK, {"alerts": [ALERT] * 1001}))[0] == 413


async def test_an_alert_without_a_fingerprint_is_known_by_its_labels(client, heard) -> None:
    bare = {key: value for key, value in ALERT.items() if key != "fingerprint"}
    turned = bare | {"labels": dict(reversed(ALERT["labels"].items()))}
    await ask(client, HOOK, {"alerts": [bare, turned, bare | {"labels": ALERT["labels"] | {"pod": "7"}}]})
    one, two, three = (alert.alert_id for alert in heard)
    assert one == two != three
