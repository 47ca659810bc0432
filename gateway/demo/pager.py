"""The pagers of the story's people: a real webhook receiver on a free port of this machine.

It believes nobody: each delivery's Standard Webhooks signature is checked. It is idempotent by `webhook-id`:
a page that comes twice is counted and acted on once. It remembers every delivery for the accounts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

# Standard Webhooks: five minutes either way.
CLOCK_TOLERANCE_S = 300
BODY_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted delivery; `age_s`: seconds since the page had been requested."""

    age_s: float
    notification_id: str
    person: str
    page: Mapping[str, Any]


@dataclass
class Pager:
    """Start it, put its address into the configuration, give it the tenant's secret, then look at `acted`."""

    secret: str = ""
    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    acted: dict[str, Delivery] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free loopback port; `url` is then set."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/{person}", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def paged(self, person: str) -> Delivery | None:
        """The first page that this person got, or None."""
        return next((d for d in self.acted.values() if d.person == person), None)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        problem = verify(self.secret, request.headers, body, time.time())
        if problem is not None:
            self.refused.append(problem)
            return web.Response(status=401, text=problem)
        try:
            page = json.loads(body)
            data, requested = page["data"], datetime.fromisoformat(page["timestamp"])
        except (ValueError, KeyError, TypeError):
            self.refused.append("the body is no page")
            return web.Response(status=400, text="the body is no page")
        person = request.match_info["person"]
        age = (datetime.now(UTC) - requested).total_seconds()
        delivery = Delivery(age, request.headers["webhook-id"], person, data)
        self.deliveries.append(delivery)
        self.acted.setdefault(delivery.notification_id, delivery)
        return web.Response(status=204)


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Why a delivery is not believed, or None. `secret` is `whsec_` and base64, `now` seconds since 1970."""
    message_id, stamp, signatures = (
        headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not secret:
        return "no secret is known yet"
    if not message_id or not stamp.isdigit():
        return "webhook-id or webhook-timestamp is missing"
    if abs(now - int(stamp)) > CLOCK_TOLERANCE_S:
        return "the timestamp is too old or too new"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = base64.b64encode(digest).decode()
    for signature in signatures.split():
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value, expected):
            return None
    return "no signature fits"
