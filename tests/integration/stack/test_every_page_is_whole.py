"""Every page in a real Chromium, on desk and phone, light and dark: no barrier, light on the wire, nothing sticks out;
what a woken person needs is in the first view of a phone; filters, keys and paper work.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.browser import DESKTOP, PHONE, Seen, barriers, chromium, opened
from tests.support.fix_whole import Whole
from tests.support.tenants import Json, Tenant, failure, work
from tests.support.waiting import auntil

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine (apt-get install chromium)"),
]

SEEN_S = 60.0
# The issue's own limit, of a first visit with style, scripts and icon.
WEIGHT_MAX = 60_000
STEPS = (("alice", 600), ("bob", 600))


def charge(reference: str) -> Json:
    """A charge of customer 8812, as the books of somebody else know it."""
    effect = {
        "kind": "charge",
        "amount": "4900",
        "currency": "EUR",
        "counterparty": "customer-8812",
        "external_reference": reference,
        "reversibility": "compensable",
    }
    return work("payments-service", on_behalf_of="customer-8812", effect=effect)


async def broken(stack: Whole, pager: Pager, name: str) -> tuple[Tenant, str]:
    """A tenant with an incident that alice was paged for, a second charge that is a case, and an action's id."""
    tenant = await stack.tenant(name, pager, steps=STEPS)
    async with tenant.client() as agent:
        await agent.send([failure("payments-service", on_behalf_of="customer-1")])
        sent = await agent.send([charge("re_1"), charge("re_2")])

        async def shown() -> bool:
            watch = Watch(agent)
            cases = (await agent.get("/v1/cases"))["items"]
            return bool(cases) and [p["outcome"] for p in await watch.pages()] == ["delivered"]

        await auntil(shown, SEEN_S, "the page and the case to be readable")
    return tenant, str(sent.receipts[0].event_id)


async def test_no_page_has_a_barrier_is_heavy_or_sticks_out(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant, action = await broken(stack, pager, "whole")
    addresses = {
        "list": "/incidents",
        "nothing": "/incidents?q=no-such-word",
        "incident": "/incidents/INC-1",
        "cases": "/cases",
        "case": "/cases/CASE-1",
        "search": "/actions",
        "fate": f"/actions?id={action}",
        "health": "/health",
        "unknown": "/incidents/INC-99",
    }
    for view, dark in ((DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)):
        async with opened(view, dark=dark) as seen:
            await seen.sign_in(stack.url, tenant.tokens["alice"], "/health")
            for name, path in addresses.items():
                weight = await seen.weight(stack.url + path)
                assert weight <= WEIGHT_MAX, f"{path} takes {weight} bytes"
                await seen.fits()
                assert await barriers(seen.page) == [], f"{name}, {'dark' if dark else 'light'}, {view['width']} px"
                file = f"{name}-{view['width']}-{'dark' if dark else 'light'}.png"
                await seen.page.screenshot(path=tmp_path / file, full_page=True)
            seen.complaints = [c for c in seen.complaints if "404 (Not Found)" not in c]
            seen.check(stack.url)


async def in_first_view(page: Page, what: str) -> None:
    """It is inside the window without scrolling, and nothing lies over its middle."""
    box = await page.locator(what).first.bounding_box()
    assert box is not None, what
    bar = await page.locator(".acts").bounding_box()
    assert bar is not None
    assert box["y"] >= 0, what
    assert box["y"] + box["height"] <= bar["y"], f"{what} ends under the buttons"


async def test_a_woken_person_sees_on_a_phone_what_matters_without_scrolling(stack: Whole, pager: Pager) -> None:
    tenant, _ = await broken(stack, pager, "woken")
    async with opened(PHONE) as seen:
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents/INC-1")
        page = seen.page
        assert await page.evaluate("scrollY") == 0
        for what in (
            ".head .tag:has-text('SEV')",
            ".head .tag:has-text('Detected')",
            "dt:has-text('Likely cause') + dd b",
            "dd .who",
        ):
            await in_first_view(page, what)
        button = await page.get_by_role("button", name="Acknowledge").bounding_box()
        assert button is not None
        assert button["height"] >= 44
        assert button["y"] + button["height"] <= PHONE["height"]
        seen.check(stack.url)


async def texts(seen: Seen) -> list[str]:
    """The lines of the timeline."""
    return await seen.page.locator("#timeline li .x").all_inner_texts()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
async def test_the_timeline_is_told_in_groups_and_the_list_narrows(stack: Whole, pager: Pager, scripts: bool) -> None:
    tenant, _ = await broken(stack, pager, f"groups-{'on' if scripts else 'off'}")
    async with opened(DESKTOP, javascript=scripts) as seen:
        page = seen.page
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/incidents/INC-1")
        everything = await texts(seen)
        await page.click("#timeline .seg >> text=Notifications")
        await expect(page.locator("#timeline .seg [aria-current]")).to_have_text("Notifications")
        told = await texts(seen)
        assert any("@alice is paged" in line and "first page that reached anyone" in line for line in told), told
        assert not any("failed" in line for line in told)
        await page.click("#timeline .seg >> text=Human responses")
        await expect(page.locator("#timeline")).to_contain_text("Nothing of this kind yet.")
        assert len(everything) > len(told)

        await page.goto(f"{stack.url}/incidents")
        await page.click("text=No one on it")
        await expect(page.locator("#rows tbody tr")).to_have_count(1)
        await page.select_option("select[name=severity]", "SEV1")
        await page.click("text=Filter >> visible=true")
        await expect(page.locator("main")).to_contain_text("No incidents match.")
        await page.click("text=Clear the filter")
        await page.fill("input[name=q]", "POOL")
        await page.keyboard.press("Enter")
        await expect(page.locator("#rows tbody tr")).to_have_count(1)
        seen.check(stack.url)


async def test_keys_alone_acknowledge_and_paper_has_no_buttons(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant, _ = await broken(stack, pager, "keys")
    async with opened(DESKTOP) as seen:
        page = seen.page
        await seen.sign_in(stack.url, tenant.tokens["alice"], "/cases/CASE-1")
        await page.emulate_media(media="print")
        await expect(page.locator(".top")).to_be_hidden()
        await expect(page.locator("#ledger")).to_contain_text("49.00 EUR")
        await page.screenshot(path=tmp_path / "case-paper.png", full_page=True)
        await page.emulate_media(media="screen")

        await page.goto(f"{stack.url}/incidents/INC-1")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.innerText") == "Skip to the content"
        pressed = await tabbed_to(page, "Acknowledge")
        assert pressed
        await page.keyboard.press("Enter")
        await expect(page.locator("#now")).to_contain_text("@alice")
        seen.check(stack.url)


async def tabbed_to(page: Page, words: str, most: int = 40) -> bool:
    """Press Tab until the focus is on what says so; the focus must be visible there."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.innerText.trim()") == words:
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            return bool(outline != "none")
    return False
