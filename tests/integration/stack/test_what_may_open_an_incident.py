"""What would break: a door that takes an observation, a PagerDuty event or a calendar and nothing comes of it."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from gateway.cli.client import Client, Refused
from gateway.cli.commands import give
from gateway.demo.pager import Pager
from schemas.envelope import rfc3339
from tests.support.fix_whole import Whole
from tests.support.tenants import Tenant, commanded, failure
from tests.support.waiting import auntil

SEEN_S = 60.0
DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def seen(client: Client, path: str, wanted: Any, what: str) -> Any:
    async def look() -> Any:
        return wanted(await client.get(path))

    return await auntil(look, SEEN_S, what)


def incident(**fields: Any) -> Any:
    def find(found: Any) -> Any:
        return next((i for i in found["items"] if all(i[k] == v for k, v in fields.items())), None)

    return find


async def configured(stack: Whole, tenant: Tenant) -> None:
    incidents = {
        "thresholds": [{"name": "spend", "resource": "warehouse", "above": "1000", "severity": "SEV2"}],
        "triggers": [{"match": "search", "pattern": True}],
        "suggestions": {"healed": 1},
    }
    calendar = {
        "maintenance_windows": [
            {
                "name": "Always",
                "start": rfc3339(now_ms() - DAY_MS),
                "end": rfc3339(now_ms() + DAY_MS),
                "resources": ["ledger"],
            }
        ],
        "change_freezes": [
            {"name": "Nightly", "cron": "0 0 * * *", "duration_s": 86_400, "resources": ["ledger"], "message": "No."}
        ],
    }
    path = f"/v1/tenants/{tenant.name}/configuration"
    async with Client(tenant.url, stack.operator_token) as operator:
        body: dict[str, Any] = {"documents": {"incidents": incidents, "calendar": calendar}}
        _, answer = await operator.request("PUT", path, body=body)
        assert {c["document"] for c in answer["changed"]} == {"incidents", "calendar", "occurrences"}
        await seen(operator, path, lambda f: all(f["announced"].values()), "the announcement")
        found = await operator.get(path)
        assert found["next_windows"][0]["name"] in ("Always", "Nightly")
        assert "occurrences" not in found["documents"]
        bad = {"documents": {"calendar": {"maintenance_windows": [{"name": "x", "cron": "no", "duration_s": 60}]}}}
        with pytest.raises(Refused) as met:
            await operator.request("PUT", path, body=bad)
        assert (met.value.status, met.value.code) == (422, "cron_malformed")
        with pytest.raises(Refused) as met:
            await operator.request("PUT", path, body={"documents": {"occurrences": {}}})
        assert met.value.code == "configuration_unknown"
        assert (await operator.get(path))["versions"]["calendar"] == 1


async def crosses_a_threshold(agent: Client, alice: Client) -> None:
    # A threshold crossed, and recovered.
    for value in ("5000", "900"):
        body = {"name": "spend", "resource": "warehouse", "value": value, "unit": "EUR", "actor": "importer-1"}
        status, _ = await agent.request("POST", "/v1/observations", body=body)
        assert status == 202
    found = await seen(alice, "/v1/incidents", incident(trigger="threshold"), "the threshold's incident")
    assert (found["severity"], found["trigger_confidence"]) == ("SEV2", "medium")

    def back(one: Any) -> bool:
        return bool(one["breaches"] and one["breaches"][0]["recovered_at"])

    await seen(alice, f"/v1/incidents/{found['name']}", back, "the value to be back")


async def speaks_as_pagerduty(tenant: Tenant, alice: Client) -> None:
    # PagerDuty's events, without any header of ours.
    async with aiohttp.ClientSession(tenant.url) as anybody:
        key = {"routing_key": tenant.tokens["agent"], "dedup_key": "disk/web-1"}
        payload = {"summary": "disk full", "source": "web-1", "severity": "critical"}
        for action in ("trigger", "acknowledge", "resolve"):
            event = key | {"event_action": action, "payload": payload}
            async with anybody.post("/v2/enqueue", json=event) as answered:
                assert answered.status == 202
                assert (await answered.json())["dedup_key"] == "disk/web-1"
        change = {"routing_key": key["routing_key"], "payload": {"summary": "v2", "source": "ledger"}}
        async with anybody.post("/v2/change/enqueue", json=change) as answered:
            assert (answered.status, await answered.json()) == (
                202,
                {"status": "success", "message": "Change event processed"},
            )
        async with anybody.post("/v2/enqueue", json=key | {"routing_key": "nobody"}) as answered:
            assert answered.status == 400
    over = await seen(alice, "/v1/incidents", incident(trigger="alert", state="resolved"), "PagerDuty's alert to end")
    story = await alice.get(f"/v1/incidents/{over['name']}/timeline", limit=100)
    assert "AlertNoted" in [entry["kind"] for entry in story["items"]]


async def fails_in_a_window(agent: Client, alice: Client) -> None:
    # A failure in a window: marked, and its change flagged.
    await agent.request("POST", "/v1/actions", body={"actions": [failure("ledger")]})
    quiet = await seen(alice, "/v1/incidents", incident(resource="ledger"), "the incident in maintenance")
    assert quiet["in_maintenance"] == "Always"

    def frozen(found: Any) -> bool:
        return any(e["details"].get("freeze") == "Nightly" for e in found["items"])

    await seen(alice, f"/v1/incidents/{quiet['name']}/timeline", frozen, "the flagged change")


async def resembles_the_past(agent: Client, alice: Client) -> None:
    # What heals as before an incident is suggested, and a person decides, once.
    await agent.request("POST", "/v1/actions", body={"actions": [failure("search", message="slow")]})
    past = await seen(alice, "/v1/incidents", incident(resource="search"), "the incident to resemble")
    await give(alice, f"/v1/incidents/{past['name']}/resolve", {}, "resolve-1", "resolve", past["name"])
    again = {"type": "PaymentError", "message": "slow"}
    same = {"actor": "agent", "type": "work.do", "resource": "search"}
    for n, error in enumerate((again, None)):
        one = same | {"id": f"heal-{n}"} | ({"error": error, "retryable": True} if error else {})
        await agent.request("POST", "/v1/actions", body={"actions": [one]})
    named = await seen(alice, "/v1/suggestions", lambda f: f["items"][0] if f["items"] else None, "the suggestion")
    assert (named["name"], named["past"], named["confidence"]) == ("SUG-1", past["name"], "medium")
    await give(alice, "/v1/suggestions/SUG-1/accept", {"note": "as before"}, "accept-1", "accept", "SUG-1")
    opened = await seen(alice, "/v1/incidents", incident(trigger="suggestion"), "the accepted incident")
    with pytest.raises(Refused) as met:
        await commanded(alice, "/v1/suggestions/SUG-1/dismiss", reason="no")
    assert (met.value.status, met.value.code) == (409, "suggestion_decided")
    with pytest.raises(Refused) as met:
        await commanded(alice, "/v1/suggestions/SUG-99/accept")
    assert (met.value.status, met.value.code) == (404, "suggestion_unknown")
    kept = await seen(alice, "/v1/suggestions/SUG-1", lambda f: f if f["state"] == "accepted" else None, "the decision")
    assert (kept["incident"], kept["counts"]["accepted"]) == (opened["name"], 1)


async def test_observations_pagerduty_suggestions_and_windows_by_the_doors(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("doors", pager, steps=(("alice", 600),))
    await configured(stack, tenant)
    async with tenant.client() as agent, tenant.client("alice") as alice:
        await crosses_a_threshold(agent, alice)
        await speaks_as_pagerduty(tenant, alice)
        await fails_in_a_window(agent, alice)
        await resembles_the_past(agent, alice)
