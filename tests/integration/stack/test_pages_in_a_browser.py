"""The pages in a real Chromium: Acknowledge under the thumb, with and without scripts; news without a reload."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import expect

from gateway.cli.client import Client
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.browser import DESKTOP, PHONE, chromium, opened
from tests.support.fix_whole import Whole
from tests.support.tenants import Json, Tenant, failure
from tests.support.waiting import auntil

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine (apt-get install chromium)"),
]

SEEN_S = 60.0
STEPS = (("alice", 600), ("bob", 600))


async def broken(stack: Whole, pager: Pager, name: str, *resources: str) -> Tenant:
    """A tenant with an incident on each resource, which alice has been paged for."""
    tenant = await stack.tenant(name, pager, steps=STEPS)
    async with tenant.client() as agent:
        for number, resource in enumerate(resources, start=1):
            await agent.send([charge(resource, f"customer-{i}") for i in range(2 * number - 1)])
            await auntil(partial(paged, pager, number), SEEN_S, f"a page of {resource}")
        await auntil(partial(shown, Watch(agent), len(resources)), SEEN_S, "what happened to be readable")
    return tenant


def charge(resource: str, customer: str) -> Json:
    """A charge that failed, of the same problem whatever its numbers."""
    message = f"connection pool exhausted (order {len(customer)}042, waited 5003 ms)"
    return failure(resource, message=message, on_behalf_of=customer)


def paged(pager: Pager, times: int) -> bool:
    """Have there been so many pages?"""
    return len(pager.acted) >= times


async def stopped(client: Client) -> bool:
    """Does the timeline of INC-2 know of the answer and of what followed from it?"""
    items = (await client.get("/v1/incidents/INC-2/timeline", limit=200))["items"]
    return {"IncidentAcknowledged", "EscalationStopped"} <= {entry["kind"] for entry in items}


async def shown(watch: Watch, times: int) -> bool:
    """Do the read models know of as many incidents, paged with success?"""
    return len(await watch.incidents()) == [p["outcome"] for p in await watch.pages()].count("delivered") == times


async def test_on_a_desk_the_page_follows_what_happens_without_a_reload(
    stack: Whole, pager: Pager, tmp_path: Path
) -> None:
    tenant = await broken(stack, pager, "desk", "payments-service", "search-service")
    async with opened(DESKTOP) as seen, tenant.client() as agent:
        page = seen.page
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents")
        await expect(page.locator("#rows tbody tr")).to_have_count(2)
        await seen.fits()
        await page.screenshot(path=tmp_path / "list-desktop.png", full_page=True)
        await page.evaluate("window.unloaded = false")
        await agent.send([charge("inventory-service", "customer-9")])
        await expect(page.locator("#news")).to_contain_text("1 new incident")
        assert await page.evaluate("window.unloaded") is False

        await page.click("a[href='/incidents/INC-2']")
        await expect(page.locator("#now")).to_contain_text("no one yet")
        await expect(page.locator("#pages")).to_contain_text("delivered")
        await expect(page.locator(".btn.go")).to_have_count(1)
        await page.screenshot(path=tmp_path / "incident-new-desktop.png", full_page=True)
        await page.click("text=Acknowledge")
        await expect(page.locator("#now")).to_contain_text("Investigating")
        await expect(page.locator("#now")).to_contain_text("@alice")

        # Its own events are shown, once the read models have all of them; then one more arrives.
        await auntil(partial(stopped, agent), SEEN_S, "the end of the escalation to be readable")
        await page.goto(f"{stack.url}/incidents/INC-2")
        await expect(page.locator("#timeline")).to_contain_text("cknowledge")
        await page.evaluate("window.unloaded = false")
        before = await page.locator("#timeline li").count()
        await agent.send([charge("search-service", "customer-9")])
        await expect(page.locator("#now dl")).to_contain_text("4 failures4 customers")
        await expect(page.locator("#news")).to_contain_text("1 new event")
        assert await page.locator("#timeline li").count() == before, "nothing moves under the reader"
        await page.click("#news a")
        await expect(page.locator("#timeline li")).to_have_count(before + 1)
        await expect(page.locator("#news")).not_to_contain_text("new event")
        assert await page.evaluate("window.unloaded") is False
        await page.screenshot(path=tmp_path / "incident-desktop.png", full_page=True)
        await seen.fits()
        seen.check(stack.url)


async def test_on_a_phone_acknowledge_is_under_the_thumb(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant = await broken(stack, pager, "phone", "payments-service", "search-service")
    async with opened(PHONE) as seen:
        page = seen.page
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents")
        await seen.fits()
        await page.screenshot(path=tmp_path / "list-phone.png", full_page=True)
        await page.goto(f"{stack.url}/incidents/INC-1")
        button = page.get_by_role("button", name="Acknowledge")
        box = await button.bounding_box()
        assert box is not None
        assert await page.evaluate("scrollY") == 0
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= PHONE["height"]
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["height"] >= 44
        top = "([x, y]) => document.elementFromPoint(x, y).closest('button')?.innerText"
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert await page.evaluate(top, middle) == "Acknowledge", "nothing lies over it"
        await seen.fits()
        await page.screenshot(path=tmp_path / "incident-new-phone.png")
        await page.screenshot(path=tmp_path / "incident-new-phone-whole.png", full_page=True)
        await button.tap()
        await expect(page.locator("#now")).to_contain_text("@alice")
        await page.screenshot(path=tmp_path / "incident-phone.png", full_page=True)
        await seen.fits()
        seen.check(stack.url)
    async with opened(PHONE, dark=True) as seen:
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents/INC-2")
        await seen.page.screenshot(path=tmp_path / "incident-new-phone-dark.png", full_page=True)
        seen.check(stack.url)


@pytest.mark.parametrize("place", ["desk", "phone"])
async def test_without_scripts_a_plain_form_acknowledges_and_resolves(stack: Whole, pager: Pager, place: str) -> None:
    tenant = await broken(stack, pager, f"plain-{place}", "payments-service")
    async with opened(PHONE if place == "phone" else DESKTOP, javascript=False) as seen:
        page = seen.page
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents")
        await page.click("a[href='/incidents/INC-1']")
        for button, said, state in (
            ("Acknowledge", "You have it.", "investigating"),
            ("Mark contained", "It is contained.", "contained"),
            ("Resolve", "It is resolved.", "resolved"),
            ("Close", "It is closed.", "closed"),
        ):
            await expect(page.locator(".btn.go")).to_have_text(button)
            await page.click(".btn.go")
            # An answer that takes more than a second is not waited for; what becomes of it is in the read model.
            await expect(page.locator("#now")).to_contain_text(re.compile(f"{re.escape(said)}|It is on its way"))
            await remembered(tenant, state)
            await page.goto(f"{stack.url}/incidents/INC-1")
        await expect(page.locator("#now")).to_contain_text("alice was in control")
        await expect(page.locator(".btn.go")).to_have_count(0)
        seen.check(stack.url)


async def remembered(tenant: Tenant, state: str) -> None:
    """Wait until the read model says so."""
    async with tenant.client("alice") as alice:

        async def reached() -> bool:
            return bool((await alice.get("/v1/incidents/INC-1"))["state"] == state)

        await auntil(reached, SEEN_S, f"the state {state}")
