"""Read models over the real gateway: every list with its limits, every parameter that is none, tenants apart."""

from __future__ import annotations

import json
import re

import pytest

from gateway.http.auth import Access
from gateway.http.routes import ROUTES
from tests.integration.gateway.conftest import DOCUMENTS, OPERATOR, Gateway, hashed
from tests.integration.projections.tenants import fill

LISTS = (
    "/v1/changes",
    "/v1/timeline",
    "/v1/incidents",
    "/v1/incidents/INC-1/timeline",
    "/v1/pages",
    "/v1/cases",
    "/v1/ledger",
)


@pytest.fixture
async def filled(gateway: Gateway) -> Gateway:
    """Tenants `shop` and `bank` with stories, and a token each (`shop`, `bank`)."""
    fill(gateway.dsn)
    for tenant in ("shop", "bank"):
        tokens = [{"sha256": hashed(tenant), "subject": "alice", "kind": "person", "roles": []}]
        body = {"documents": DOCUMENTS, "tokens": tokens}
        assert (await gateway.ask("PUT", f"/v1/tenants/{tenant}/configuration", OPERATOR, body))[0] == 200
    return gateway


@pytest.mark.parametrize("path", LISTS)
async def test_pages_of_a_list_are_the_list(filled, path) -> None:
    _, whole, _ = await filled.ask("GET", path, "shop")
    assert whole["as_of"]
    assert whole["next"] is None
    found, cursor = [], ""
    for _ in range(100):
        status, part, _ = await filled.ask("GET", f"{path}?limit=2{cursor}", "shop")
        assert (status, len(part["items"]) <= 2) == (200, True)
        found += part["items"]
        if part["next"] is None:
            break
        cursor = f"&cursor={part['next']}"
    assert len(found) > (path not in ("/v1/incidents", "/v1/changes"))
    assert found == whole["items"]


async def test_filters(filled) -> None:
    _, everything, _ = await filled.ask("GET", "/v1/timeline", "shop")
    _, newest, _ = await filled.ask("GET", "/v1/timeline?order=newest", "shop")
    assert [x["event_id"] for x in newest["items"]] == [x["event_id"] for x in everything["items"]][::-1]
    last = everything["items"][-1]
    _, since, _ = await filled.ask("GET", f"/v1/timeline?since={last['appended_at']}", "shop")
    assert last in since["items"]
    assert len(since["items"]) < len(everything["items"])
    moved = last["appended_at"].replace("Z", "+00:00")  # a plus that nobody encoded is a space
    assert (await filled.ask("GET", f"/v1/timeline?since={moved}", "shop"))[1]["items"] == since["items"]
    _, his, _ = await filled.ask("GET", f"/v1/timeline?actor={last['actor']}", "shop")
    assert {x["actor"] for x in his["items"]} == {last["actor"]}
    _, open_, _ = await filled.ask("GET", "/v1/incidents?state=open", "shop")
    _, resolved, _ = await filled.ask("GET", "/v1/incidents?state=resolved", "shop")
    for world, count in (("RML1", 0), ("RML2", 1), ("RML3", 0)):
        assert len((await filled.ask("GET", f"/v1/incidents?world={world}", "shop"))[1]["items"]) == count
    status, problem, _ = await filled.ask("GET", "/v1/incidents?world=RML-3", "shop")
    assert (status, problem["field"]) == (400, "world")
    assert (len(open_["items"]), len(resolved["items"])) == (0, 1)


async def test_single_objects(filled) -> None:
    _, listed, _ = await filled.ask("GET", "/v1/incidents", "shop")
    by_name = await filled.ask("GET", "/v1/incidents/INC-1", "shop")
    by_id = await filled.ask("GET", f"/v1/incidents/{listed['items'][0]['id']}", "shop")
    assert by_name[1] == by_id[1]
    assert by_name[1]["as_of"]
    _, timeline, _ = await filled.ask("GET", "/v1/timeline", "shop")
    status, one, _ = await filled.ask("GET", f"/v1/timeline/{timeline['items'][0]['event_id']}", "shop")
    assert (status, one["event_id"]) == (200, timeline["items"][0]["event_id"])
    _, numbers, headers = await filled.ask("GET", "/v1/summary", "shop")
    assert numbers["timeline_rows"] == len(timeline["items"])
    assert headers["Cache-Control"] == "no-store"


async def test_who_has_the_answer_is_told_so_and_only_what_is_said_counts(filled) -> None:
    _, said, headers = await filled.ask("GET", "/v1/incidents/INC-1", "shop")
    again = f'"other", {headers["ETag"]}'
    status, body, kept = await filled.ask("GET", "/v1/incidents/INC-1", "shop", If_None_Match=again)
    assert (status, body, kept["ETag"]) == (304, None, headers["ETag"])
    status, other, _ = await filled.ask("GET", "/v1/incidents/INC-1", "bank", If_None_Match=again)
    assert (status, other["title"] == said["title"]) == (200, False)


async def test_incidents_by_who_failed_and_when(filled) -> None:
    _, everything, _ = await filled.ask("GET", "/v1/incidents", "shop")
    one = everything["items"][0]
    for query, count in (
        (f"actor={one['actor']}", 1),
        ("actor=nobody", 0),
        (f"since={one['opened_at']}", 1),
        (f"until={one['opened_at']}", 0),
    ):
        found = (await filled.ask("GET", f"/v1/incidents?{query}", "shop"))[1]["items"]
        assert len(found) == count, query


async def test_a_timeline_by_kind_is_the_timeline_in_three(filled) -> None:
    _, whole, _ = await filled.ask("GET", "/v1/incidents/INC-1/timeline", "shop")
    parts = {}
    for kind in ("action", "notification", "human"):
        _, part, _ = await filled.ask("GET", f"/v1/incidents/INC-1/timeline?kind={kind}", "shop")
        parts[kind] = part["items"]
    assert all(parts.values())
    assert sorted(str(x) for items in parts.values() for x in items) == sorted(str(x) for x in whole["items"])
    assert (await filled.ask("GET", "/v1/incidents/INC-1/timeline?kind=all", "shop"))[0] == 400


async def test_a_change_with_what_it_changed(filled) -> None:
    _, listed, _ = await filled.ask("GET", "/v1/changes", "shop")
    one = listed["items"][0]
    status, same, _ = await filled.ask("GET", f"/v1/changes/{one['id']}", "shop")
    assert (status, {k: v for k, v in same.items() if k != "as_of"}) == (200, one)
    assert (one["before"], one["after"]) == tuple(one["difference"]["lines"][0][side] for side in ("before", "after"))
    for query, count in ((f"resource={one['resource']}", 1), ("kind=flag", 0), (f"until={one['changed_at']}", 0)):
        found = (await filled.ask("GET", f"/v1/changes?{query}", "shop"))[1]["items"]
        assert (one in found) == bool(count), query
    assert (await filled.ask("GET", f"/v1/changes/{one['id']}", "bank"))[0] == 404


BAD = (
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=x",
    "limit=%D9%A3",
    "cursor=x",
    "cursor=W10",
    "more=1",
    "limit=1&limit=2",
)


@pytest.mark.parametrize("path", LISTS)
async def test_parameters_that_are_none(filled, path) -> None:
    # All of them on one gateway: each would make a database of its own.
    for query in (*BAD, "cursor=%00", "%00=1", "cursor=" + "e" * 5_000):
        status, problem, _ = await filled.ask("GET", f"{path}?{query}", "shop")
        assert status in (400, 422), (query, problem)
        assert problem["field"], query


async def test_parameters_of_the_timeline_that_are_none(filled) -> None:
    for query in ("since=yesterday", "order=random", "actor=%00", "resource=" + "x" * 1_025, "since=2026-01-01"):
        status, problem, _ = await filled.ask("GET", f"/v1/timeline?{query}", "shop")
        assert (status in (400, 422), bool(problem["field"])) == (True, True), (query, problem)


async def test_nothing_of_one_tenant_reaches_another(filled) -> None:
    _, theirs, _ = await filled.ask("GET", "/v1/timeline", "shop")
    _, incidents, _ = await filled.ask("GET", "/v1/incidents", "shop")
    event, title = theirs["items"][0]["event_id"], incidents["items"][0]["title"]
    # Both tenants have an incident with this very id and number: each sees its own.
    incident = incidents["items"][0]["id"]
    own = {(await filled.ask("GET", "/v1/incidents/INC-1", "bank"))[1]["title"]}
    assert own == {"another tenant's"}
    named = {"tenant": "shop", "incident": incident, "case": "CASE-1"}
    for route in ROUTES:
        if route.method != "GET" or route.access is Access.OPEN:
            continue
        path = re.sub(r"\{(\w+)\}", lambda name: str(named.get(name[1], event)), route.path)
        status, answer, _ = await filled.ask("GET", path, "bank")
        text = json.dumps(answer).replace(path, "")
        assert title not in text, path
        if "{event}" in route.path or "{tenant}" in route.path:
            assert status in (403, 404), path
