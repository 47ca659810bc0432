"""A real Chromium of this machine, driven without a window, that remembers what a careful developer would see.

async with opened(PHONE) as seen:
    await seen.page.goto(...)
    seen.check("http://127.0.0.1:1234")   # no error, no other host
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page, Request, Response, ViewportSize, async_playwright, expect

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# For every single step in the browser, and for what is expected of a page; either is there in a fraction of a second.
STEP_MS = 60_000
expect.set_options(timeout=STEP_MS)
_VIOLATIONS = "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective))"


def chromium() -> str | None:
    """The path of a Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Seen:
    """One page in a browser of its own, with every complaint and every address that it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def check(self, url: str) -> None:
        """Nothing was complained of, and nobody but the gateway at `url` was asked."""
        assert self.complaints == []
        hosts = {urlsplit(address).netloc for address in self.asked}
        assert hosts == {urlsplit(url).netloc}

    async def sign_in(self, url: str, token: str, path: str) -> None:
        """Open `path` as a stranger, give the token to the form, and land on `path`."""
        await self.page.goto(url + path)
        assert urlsplit(self.page.url).path == "/login"
        await self.page.fill("input[name=token]", token)
        await self.page.click("main form button")
        await self.page.wait_for_url(url + path)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _requested(self, request: Request) -> None:
        self.asked.append(request.url)

    async def weight(self, url: str) -> int:
        """Bytes that a first visit of `url` takes over the wire, with all that the page loads."""
        answers: list[Response] = []

        def remember(answer: Response) -> None:
            answers.append(answer)

        self.page.on("response", remember)
        await self.page.goto(url)
        self.page.remove_listener("response", remember)
        sizes = [await answer.request.sizes() for answer in answers]
        return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)

    async def fits(self) -> None:
        """Nothing sticks out to the right, so nobody scrolls sideways."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{wide} px too wide at {self.page.url}"

    async def watch(self) -> None:
        """Begin to remember."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._requested)
        await self.page.add_init_script(_VIOLATIONS)


@asynccontextmanager
async def opened(viewport: ViewportSize, *, javascript: bool = True, dark: bool = False) -> AsyncIterator[Seen]:
    """A browser with an empty page of this size; closed at the end of the block."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), headless=True, args=list(FLAGS))
        try:
            context = await browser.new_context(
                viewport=viewport,
                java_script_enabled=javascript,
                color_scheme="dark" if dark else "light",
                has_touch=viewport == PHONE,
            )
            context.set_default_timeout(STEP_MS)
            seen = Seen(await context.new_page())
            await seen.watch()
            yield seen
        finally:
            await browser.close()


async def barriers(page: Page) -> list[str]:
    """What axe-core calls serious or critical on this page: `rule: element` each."""
    await page.evaluate(Axe().axe_script)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
