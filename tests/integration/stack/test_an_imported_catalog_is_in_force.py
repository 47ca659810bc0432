"""A catalog of three sources by the command line: in force at the processor, in /v1 and on the page; then one of 5,000
services, in parts; one that does not parse changes nothing.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.cli.client import Client, Refused
from gateway.demo.pager import Pager
from gateway.local.paths import CHECKOUT
from tests.support.fix_whole import Whole
from tests.support.tenants import failure
from tests.support.waiting import auntil

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
        await by_the_doors(stack, operator, alice_token(tenant))


async def by_the_doors(stack: Whole, operator: Client, token: str) -> None:
    """The same by HTTP and by the page's form: looked at, refused, taken."""
    path = "/v1/tenants/catalog/catalog/import"
    files = [{"name": "own.yaml", "content": "service: {id: payments-service, owner: nobody, depends_on: [gone]}\n"}]
    _, checked = await operator.request("POST", path, body={"files": files, "dry_run": True})
    assert (checked["changed"], checked["version"], checked["dry_run"]) == (True, 3, True)
    assert checked["unknown_dependencies"] == [{"service": "payments-service", "depends_on": "gone"}]
    for bad, status, code in (
        ({"files": [{"name": "b.yaml", "content": "service: {id: a\n"}]}, 422, "catalog_syntax"),
        ({"files": files, "expected": 1}, 409, "configuration_conflict"),
        ({"files": []}, 422, "field_required"),
    ):
        with pytest.raises(Refused) as met:
            await operator.request("POST", path, body=bad)
        assert (met.value.status, met.value.code) == (status, code)
    admin = {"sha256": sha256(token.encode()).hexdigest(), "subject": "alice", "kind": "person", "roles": ["admin"]}
    await operator.request("PUT", "/v1/tenants/catalog/configuration", body={"tokens": [admin]})

    async def form() -> str:
        page = await seen(stack, token, "/catalog")
        return page if 'name="files"' in page else ""

    page = await auntil(form, SEEN_S, "the form of an admin")
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    for csrf, what, content, wanted in (
        ("old", "import", "service: {id: a}", (403, "The form was too old")),
        (found[1], "import", "service: {id: a", (422, "Not imported; the catalog is as it was")),
        (found[1], "check", "service: {id: a}", (200, "Checked, nothing is changed")),
        (found[1], "import", "service: {id: a}", (200, "Version 3 of the catalog is accepted")),
    ):
        assert await posted(stack, token, csrf, what, content) == wanted


async def posted(stack: Whole, token: str, csrf: str, what: str, content: str) -> tuple[int, str]:
    """What the page's form answers: its status, and its first heading below the page's own, or the problem's."""
    form = aiohttp.FormData({"csrf": csrf, "what": what, "repository": ""})
    form.add_field("files", content.encode(), filename="own.yaml", content_type="application/yaml")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(stack.url + "/catalog", data=form) as answer,
    ):
        page = await answer.text()
    headings = re.findall(r"<h[12][^>]*>([^<]+)</h[12]>", page)
    return answer.status, next(h for h in headings if h != "Services")


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
