"""A receiver of webhooks as a careful user would write it: it checks signatures and acts once per webhook-id.

Paths tell it how to behave: /ok, /hang, /500, /redirect, /huge (an endless body), /cut (closes in the middle of a
body), /reset (closes without an answer), /slow (answers when `slow` is set).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections import Counter
from hashlib import sha256

from aiohttp import web

from processors.effects import signing


class Receiver:
    """Counts what it got; `acted` holds each webhook-id once, in order of arrival per path."""

    def __init__(self, secret: str) -> None:
        self._key = signing.key_of(secret)
        self.calls: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()
        self.acted: dict[str, list[str]] = {}
        self.forged: list[str] = []
        self.huge_bytes = 0
        self.slow = asyncio.Event()
        self.base = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Serve on a free port of the loopback."""
        app = web.Application()
        app.router.add_route("*", "/{behaviour}", self._take)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"

    async def close(self) -> None:
        """Stop serving; what hangs is let go."""
        self.slow.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def ids(self, behaviour: str) -> list[str]:
        """What was acted on at one path."""
        return self.acted.get(behaviour, [])

    def reached(self, posts: int) -> bool:
        """Have there been this many genuine POSTs in all?"""
        return self.posts.total() >= posts

    async def _take(self, request: web.Request) -> web.StreamResponse:
        behaviour = request.match_info["behaviour"]
        self.calls[behaviour] += 1
        body = await request.read()
        message = request.headers.get("webhook-id", "")
        if not self._genuine(request, message, body):
            self.forged.append(behaviour)
            return web.Response(status=401)
        if json.loads(body)["data"]["notification_id"] != message:
            self.forged.append(behaviour)
        self.posts[message] += 1
        if self.posts[message] == 1:
            self.acted.setdefault(behaviour, []).append(message)
        return await self._answer(behaviour, request)

    def _genuine(self, request: web.Request, message: str, body: bytes) -> bool:
        signed = f"{message}.{request.headers.get('webhook-timestamp', '')}.".encode() + body
        made = "v1," + base64.b64encode(hmac.new(self._key, signed, sha256).digest()).decode()
        return hmac.compare_digest(made, request.headers.get("webhook-signature", ""))

    async def _answer(self, behaviour: str, request: web.Request) -> web.StreamResponse:
        if behaviour in ("hang", "slow"):
            await self.slow.wait()
        if behaviour == "500":
            return web.Response(status=500)
        if behaviour == "redirect":
            raise web.HTTPTemporaryRedirect(f"{self.base}/elsewhere")
        transport = request.transport
        if behaviour == "reset" and transport is not None:
            transport.abort()
        if behaviour in ("huge", "cut"):
            return await self._body(request, behaviour)
        return web.Response(text="ok")

    async def _body(self, request: web.Request, behaviour: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(1 << 30)})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
                self.huge_bytes += 65_536
                if behaviour == "cut" and request.transport is not None:
                    request.transport.abort()
        except (ConnectionError, OSError):
            return response
