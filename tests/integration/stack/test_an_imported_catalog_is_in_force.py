"""A catalog of three sources by the command line: in force at the processor, in /v1 and on the page; then one of 5,000
services, in parts; one that does not parse changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.cli.client import Client
from gateway.demo.pager import Pager
from gateway.local.paths import CHECKOUT
from tests.support.fix_whole import Whole
from tests.support.tenants import failure
from tests.support.waiting import auntil

pytestmark = pytest.mark.timeout(200)

SEEN_S = 60.0
FILES = CHECKOUT / "tests" / "unit" / "catalog" / "files"


async def test_import_in_force_in_parts_and_refused(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant = await stack.tenant("catalog", pager)
    command = ("catalog", "import", "--tenant", "catalog", "--yes", "--json")
    done = await stack.arun(*command, *(str(FILES / n) for n in ("services.yaml", "catalog-info.yaml", "cluster.json")))
    report = done.plain
    assert (done.code, report["version"], report["counts"]["cycles"]) == (0, 1, 1)
    async with (
        tenant.client() as agent,
        tenant.client("alice") as alice,
        Client(stack.url, stack.operator_token) as operator,
    ):

        async def announced() -> bool:
            told = (await operator.get("/v1/tenants/catalog/configuration"))["announced"]
            return bool(told["catalog"])

        await auntil(announced, SEEN_S, "the catalog to be announced")
        await agent.send([failure("payments-service")])

        async def radius() -> Any:
            found = (await alice.get("/v1/incidents"))["items"]
            stated = (await alice.get("/v1/incidents/INC-1/blast-radius")) if found else {}
            return stated if stated.get("stated_at") else None

        stated = await auntil(radius, SEEN_S, "the blast radius")
        assert (stated["services"], stated["because"]) == (["payments-service"], "opened")
        assert {n["service"]: n["relation"] for n in stated["nodes"]}["user-service"] == "downstream"
        assert stated["numbers"]["failed_actions"] == 1
        assert stated["owner_graph"]["escalation_path"]
        page = await seen(stack, alice_token(tenant), "/incidents/INC-1")
        assert '<svg class="g"' in page
        assert "user-service" in page
        assert "Payments Service" in await seen(stack, alice_token(tenant), "/catalog/payments-service")

        large = tmp_path / "large.json"
        large.write_text(json.dumps(many(5_000)))
        done = await stack.arun(*command, str(large))
        assert (done.code, done.plain["version"]) == (0, 2)

        async def again() -> bool:
            return bool((await alice.get("/v1/incidents/INC-1/blast-radius"))["because"] == "catalog")

        await auntil(again, SEEN_S, "the radius by the large catalog")
        assert (await alice.get("/v1/catalog", limit=1))["counts"]["services"] == 5_000

        broken = tmp_path / "broken.yaml"
        broken.write_text("service: {id: a\n")
        done = await stack.arun(*command, str(broken))
        assert done.code == 1
        assert (await alice.get("/v1/catalog", limit=1))["version"] == 2


def many(count: int) -> dict[str, Any]:
    """Services in a ring with chords, 4 dependencies each; the first is the one that fails."""
    names = ["payments-service", *(f"service-{n:04}" for n in range(1, count))]
    needs = [[names[(n + step) % count] for step in (1, 7, 61, 499)] for n in range(count)]
    return {"services": [{"id": name, "owner": "everybody", "depends_on": needs[n]} for n, name in enumerate(names)]}


def alice_token(tenant: Any) -> str:
    return str(tenant.tokens["alice"])


async def seen(stack: Whole, token: str, path: str) -> str:
    """A page as alice sees it."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(stack.url + path) as answer:
        assert answer.status == 200
        return await answer.text()
