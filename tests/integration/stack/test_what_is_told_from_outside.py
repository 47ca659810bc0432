"""What would break: a report that pages nobody, an alert that opens a second incident, a deploy that is not blamed."""

from __future__ import annotations

import time
from typing import Any

from gateway.cli.client import Client
from gateway.cli.commands import give
from gateway.demo.pager import Pager
from schemas.envelope import rfc3339
from tests.support.fix_whole import Whole
from tests.support.tenants import failure
from tests.support.waiting import auntil

SEEN_S = 60.0


def alert(status: str) -> dict[str, Any]:
    """Alertmanager's webhook about one service."""
    one = {"status": status, "labels": {"alertname": "SearchDown", "service": "search"}, "fingerprint": "f00"}
    times = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"}
    return {"version": "4", "groupKey": "g", "status": status, "alerts": [one | times]}


async def until_it_says(client: Client, name: str, **wanted: object) -> dict[str, Any]:
    """The incident, as soon as these fields of it are so."""

    async def seen() -> dict[str, Any]:
        items = (await client.get("/v1/incidents"))["items"]
        found = next((i for i in items if i["name"] == name), None)
        if found is None or any(found[key] != value for key, value in wanted.items()):
            return {}
        return await client.get(f"/v1/incidents/{name}")

    found: dict[str, Any] = await auntil(seen, SEEN_S, f"{name} with {wanted}")
    return found


async def test_a_report_pages_an_alert_ends_what_it_opened_and_a_deploy_is_the_cause(
    stack: Whole, pager: Pager
) -> None:
    tenant = await stack.tenant("told", pager, steps=(("alice", 600), ("bob", 600)))
    async with tenant.client() as agent, tenant.client("bob") as bob:
        body = {"resource": "checkout", "what": "customers cannot pay", "severity": "SEV1"}
        answer = await give(bob, "/v1/reports", body, "r-1", "report", "checkout")
        await auntil(lambda: pager.paged("alice"), SEEN_S, "the page of the report")
        found = await until_it_says(bob, "INC-1", trigger="report", report_count=1)
        assert (found["severity"], found["reports"][0]["what"]) == ("SEV1", "customers cannot pay")

        async def named() -> bool:
            known = await bob.get(f"/v1/commands/{answer['command_id']}")
            return bool(known["incident"] == "INC-1")

        if "command_id" in answer:
            await auntil(named, SEEN_S, "the command to name its incident")

        for status in ("firing", "firing", "resolved"):
            _, taken = await agent.request("POST", "/v1/integrations/alertmanager", body=alert(status))
            assert [r["status"] for r in taken["results"]] == [202]
        found = await until_it_says(bob, "INC-2", state="resolved")
        assert (found["trigger"], found["resolved_by"], found["alert_count"]) == ("alert", "alertmanager", 1)
        assert [a["firing"] for a in found["alerts"]] == [False]

        at = rfc3339(time.time_ns() // 1_000_000 - 1_000)
        change = {"kind": "deploy", "resource": "payments", "before": "v1", "after": "v2", "by": "ci", "at": at}
        await give(agent, "/v1/changes", change, "c-1", "change", "payments")
        await agent.send([failure("payments")])

        async def blamed() -> dict[str, Any]:
            one = await until_it_says(bob, "INC-3")
            return one if one["cause"] and one["cause"]["candidate"] else {}

        found = await auntil(blamed, SEEN_S, "INC-3 with a likely cause")
        candidate = found["cause"]["candidate"]
        assert (candidate["kind"], candidate["reference"]) == ("deploy", {"before": "v1", "after": "v2"})
        assert candidate["actor"] == "ci"

        await moves(bob)
        kinds = [entry["kind"] for entry in (await bob.get("/v1/incidents/INC-3/timeline"))["items"]]
        wanted = {"ChangeRecorded", "CauseSuggested", "IncidentAssigned", "IncidentContained", "IncidentReopened"}
        assert wanted <= set(kinds)


async def moves(bob: Client) -> None:
    """Every move of people on INC-3, each answered."""
    steps: list[tuple[str, dict[str, str]]] = [
        ("assign", {"assignee": "alice"}),
        ("severity", {"severity": "SEV2"}),
        ("contain", {"note": "rolled back"}),
        ("resolve", {}),
        ("reopen", {}),
        ("resolve", {}),
        ("close", {}),
    ]
    for n, (verb, body) in enumerate(steps):
        await give(bob, f"/v1/incidents/INC-3/{verb}", body, f"m-{n}", verb, "INC-3")
    found = await until_it_says(bob, "INC-3", state="closed")
    assert (found["severity"], found["contained_by"], found["closed_by"]) == ("SEV2", "bob", "bob")
    assert [move["to"] for move in found["severities"]][-1] == "SEV2"
