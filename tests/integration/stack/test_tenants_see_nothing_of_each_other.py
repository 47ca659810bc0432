"""Two tenants on one stack: a token of one finds nothing of the other, on any route of the table."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import aiohttp

from gateway.cli.client import Client
from gateway.cli.commands import decide
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from gateway.http.auth import Access
from gateway.http.routes import ROUTES
from tests.support.fix_whole import Whole
from tests.support.tenants import Tenant, failure
from tests.support.waiting import auntil

SEEN_S = 60.0
PAGES = (
    "/incidents",
    "/incidents/rows",
    "/incidents/news",
    "/incidents/{incident}",
    "/incidents/{incident}/now",
    "/incidents/{incident}/news",
    "/incidents/{incident}/story",
    "/incidents/{incident}/pages",
    "/cases",
    "/cases/{case}",
    "/actions?id={id}",
    "/health",
    "/health/now",
)


# A body that every command on an incident takes.
WISH = {"assignee": "alice", "severity": "SEV1"}


async def test_a_token_finds_nothing_of_another_tenant(stack: Whole, pager: Pager) -> None:
    # Names that appear in no other text, so that a leak of any field is seen.
    theirs = await stack.tenant("secretive", pager, steps=(("xantippe", 600),), agents=("quasimodo",))
    event, incident, command, case = await something_happens(theirs, pager)
    ours = await stack.tenant("curious", pager)
    words = ("secretive", "xantippe", "quasimodo", "hidden-vault", event, incident, case)
    places = {"event": event, "id": event, "incident": incident, "command": command, "case": case}
    places["tenant"] = theirs.name
    asked = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for token in (ours.tokens["agent"], ours.tokens["alice"]):
            for method, path in every_address(places):
                # As a program, and as a browser.
                for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"mandate_session={token}"}):
                    asked.append(path)
                    async with session.request(
                        method,
                        stack.url + path,
                        headers=headers,
                        json=WISH if method != "GET" else None,
                        allow_redirects=False,
                    ) as response:
                        text = await response.text()
                        if path.startswith("/v1/commands/"):
                            # As for an id that nobody has used: pending, for all that they can see.
                            assert json.loads(text)["state"] == "pending", text
                        elif path.endswith("/fate"):
                            assert json.loads(text)["fate"] == "unknown", text
                        elif path.startswith("/actions?"):
                            assert response.status in (200, 303), (path, response.status)
                        elif any(place in path for place in places.values()):
                            assert response.status in (303, 401, 403, 404, 409, 422), (
                                method,
                                path,
                                response.status,
                                text,
                            )
                        # What was asked for may be said again; nothing else of theirs.
                        leaked = [word for word in words if word in text and word not in path]
                        assert not leaked, (method, path, text)
    assert len(asked) > 40
    async with theirs.client("xantippe") as owner:
        found = await Watch(owner).incidents()
        assert [(i["state"], i["assignee"]) for i in found] == [("investigating", "xantippe")], (
            "nobody took or ended it"
        )


async def something_happens(tenant: Tenant, pager: Pager) -> tuple[str, str, str, str]:
    """An incident, a page, the owner's answer and a case; ids of event, incident, command and case."""
    async with tenant.client("quasimodo") as agent, tenant.client("xantippe") as owner:
        effect = {"kind": "quasimodo's payout", "amount": "1", "currency": "EUR"}
        broken = failure("hidden-vault", actor="quasimodo", effect=effect, labels={"world": "RML3"})
        await agent.send([broken])
        await auntil(lambda: pager.paged("xantippe"), SEEN_S, "the owner's page")
        watch = Watch(owner)
        found = await auntil(watch.incidents, SEEN_S, "the incident")
        await auntil(watch.rows, SEEN_S, "the timeline's row")
        answer = await decide(owner, "acknowledge", "INC-1", None, "mine")

        async def case() -> str:
            return "".join(str(c["id"]) for c in (await owner.get("/v1/cases"))["items"])

        theirs = await auntil(case, SEEN_S, "the case")
        return broken["id"], str(found[0]["id"]), str(answer["command_id"]), theirs


def every_address(places: dict[str, str]) -> list[tuple[str, str]]:
    """Every guarded route of the table and the pages', filled with what is theirs."""
    table = [(r.method, r.path) for r in ROUTES if r.access is not Access.OPEN]
    table += [("GET", path) for path in PAGES]

    # What a theme names (a service, a suggestion) is nobody's here: it is asked for by the action's id.
    def filled(path: str) -> str:
        return re.sub(r"{(\w+)}", lambda found: quote(places.get(found[1], places["id"])), path)

    return [(method, filled(path)) for method, path in table]


async def test_a_token_of_nobody_opens_no_route(stack: Whole) -> None:
    places = {"event": "1", "id": "1", "incident": "INC-1", "command": "1", "case": "CASE-1", "tenant": "secretive"}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for method, path in every_address(places):
            for headers in ({}, {"Authorization": "Bearer invented"}, {"Cookie": "mandate_session=invented"}):
                async with session.request(
                    method, stack.url + path, headers=headers, allow_redirects=False
                ) as response:
                    assert response.status in (303, 401), (method, path, headers, response.status)


async def test_an_incidents_number_is_its_tenants(stack: Whole, pager: Pager) -> None:
    """INC-1 of two tenants are two incidents: a number is resolved within the token's tenant."""
    first = await stack.tenant("numbers-1", pager)
    await incident_of(first.client(), "left")
    second = await stack.tenant("numbers-2", pager)
    await incident_of(second.client(), "right")
    for tenant, resource in ((first, "left"), (second, "right")):
        async with tenant.client("alice") as alice:
            assert (await alice.get("/v1/incidents/INC-1"))["resource"] == resource
            assert [p["incident"] for p in await Watch(alice).pages()] == ["INC-1"]


async def incident_of(client: Client, resource: str) -> None:
    """Open the tenant's first incident, on this resource, and wait for its page."""
    async with client:
        await client.send([failure(resource)])
        watch = Watch(client)
        await auntil(watch.incidents, SEEN_S, "the incident")
        await auntil(watch.pages, SEEN_S, "its page")
