"""The channel `webhook`: one signed POST, by Standard Webhooks. The target's status line decides, nothing after it.

- 2xx: delivered.
- 3xx, 4xx, 5xx, never connected: failed. A redirect is not followed: it would carry the page to an unchecked place.
- Not allowed to be reached (addresses.py, guard.py): failed, with its code in the detail. Checked at every attempt.
- Time-out, or closed before an answer: unknown. The target may have acted on it; it knows the repeat by webhook-id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from processors.effects import addresses, guard, page, signing
from processors.effects.addresses import Rules
from processors.effects.channels import Verdict
from processors.effects.secrets import Secrets
from processors.effects.targets import Targets
from schemas import ids
from schemas.errors import MandateError
from schemas.messages.notifications import Request

CONNECT_SECONDS = 5.0
# One connection per lane at most (lanes.LANES_MAX): nobody waits for somebody else's connection.
CONNECTIONS = 256
# What is read of an answer's body, and for how long: only so that a polite target can finish writing a short one.
BODY_BYTES = 65_536
BODY_SECONDS = 1.0
CHUNK_BYTES = 16_384


class Webhook:
    """Signed POSTs from one bounded pool. Create inside a running loop; `close` at the end."""

    def __init__(
        self,
        secrets: Secrets,
        targets: Targets,
        link_base: str,
        *,
        rules: Rules,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._link_base = link_base
        self._targets = targets
        self._rules = rules
        self._clock = clock
        self._session = aiohttp.ClientSession(
            connector=guard.connector(CONNECTIONS, resolver),
            # The lane's deadline is the total; this only tells "never connected" from "no answer".
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The reader is paused at twice this, so an endless answer costs 64 KB.
            read_bufsize=BODY_BYTES // 2,
        )

    async def send(self, request: Request) -> Verdict:
        """POST one attempt. Never raises, except for being cancelled."""
        url = request.channel.address
        body = page.body(request, self._link_base)
        try:
            allowed = await self._targets.of(request.tenant)
            reason = addresses.refusal(url, self._rules, allowed)
            if reason is not None:
                return _refused(reason)
            secret = await self._secrets.of(request.tenant)
            headers = signing.headers(ids.text(request.notification_id), int(self._clock()), body, secret)
        except MandateError as error:
            return Verdict("failed", f"not sent: {error.what}: {error.why} [{error.code}]")
        headers |= {"content-type": "application/json", "user-agent": "mandate-effects/1"}
        with guard.attempt(self._rules, allowed, urlsplit(url).hostname or "") as attempt:
            verdict = await self._try(url, body, headers)
        return verdict if attempt.refusal is None else _refused(attempt.refusal)

    async def _try(self, url: str, body: bytes, headers: dict[str, str]) -> Verdict:
        try:
            return await self._post(url, body, headers)
        except aiohttp.ConnectionTimeoutError:
            return Verdict("failed", f"no connection within {CONNECT_SECONDS:g} s")
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            return Verdict("failed", f"no connection: {type(error).__name__}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return Verdict("unknown", f"no answer: {type(error).__name__}")

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Verdict:
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            status = response.status
            if not 200 <= status < 300:
                return Verdict("failed", f"HTTP {status}" + (" (redirects are not followed)" if status < 400 else ""))
            await _drain(response)
            return Verdict("delivered", f"HTTP {status}")


def _refused(reason: addresses.Refusal) -> Verdict:
    return Verdict("failed", f"not sent: {reason}")


async def _drain(response: aiohttp.ClientResponse) -> None:
    left = BODY_BYTES
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while left > 0 and (chunk := await response.content.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # The status line has said it; what follows changes nothing.
