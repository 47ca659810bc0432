"""Who a token belongs to: a small cache over the table `tokens`, keyed by the token's SHA-256.

A token that changed is known after FRESH_S at the latest. While Postgres does not answer, known tokens go on working
for STALE_S: a token can only be taken away through Postgres, so nobody keeps what was taken meanwhile.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from gateway.http.errors import Unavailable

FRESH_S = 2.0
STALE_S = 300.0
# About 400 B each, unknown ones included: 4 MB.
CACHE_LIMIT = 10_000
LOOKUP_S = 3.0
# Longer than any token that we make (43 characters); bounds what is hashed.
TOKEN_MAX = 512
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `tenant` is None for the operator of the installation, who may only configure."""

    tenant: str | None
    subject: str
    kind: str
    roles: tuple[str, ...]
    sha256: str

    @property
    def csrf(self) -> str:
        """What a form of this person's session must send back; no secret can be read from it."""
        return hmac.new(self.sha256.encode(), b"csrf", sha256).hexdigest()


Lookup = Callable[[str], Awaitable[Principal | None]]


class Tokens:
    """`of(token)` is its principal or None; at most one look-up per token at a time."""

    def __init__(
        self, lookup: Lookup, operator_sha256: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup
        self._operator = operator_sha256
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Principal | None]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Principal | None]] = {}

    async def of(self, token: str) -> Principal | None:
        """The principal of a token, or None. Raises Unavailable `tokens_unavailable`."""
        if len(token) > TOKEN_MAX:
            return None
        digest = sha256(token.encode("utf-8", "replace")).hexdigest()
        if self._operator is not None and hmac.compare_digest(digest, self._operator):
            return Principal(None, OPERATOR, OPERATOR, (), digest)
        found = await self._cached(digest)
        return found if found is not None and hmac.compare_digest(found.sha256, digest) else None

    async def _cached(self, digest: str) -> Principal | None:
        known = self._known.get(digest)
        if known is not None and self._clock() - known[0] < FRESH_S:
            self._known.move_to_end(digest)
            return known[1]
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(asyncio.wait_for(self._lookup(digest), LOOKUP_S))
            self._asking[digest] = task
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        try:
            # Shielded: a caller that goes away must not end the look-up of the others.
            found = await asyncio.shield(task)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if known is not None and known[1] is not None and self._clock() - known[0] < STALE_S:
                return known[1]
            raise Unavailable(
                "tokens_unavailable", "your token", "it cannot be looked up now", "Come again in a moment."
            ) from error
        self._remember(digest, found)
        return found

    def _remember(self, digest: str, found: Principal | None) -> None:
        self._known[digest] = (self._clock(), found)
        self._known.move_to_end(digest)
        while len(self._known) > CACHE_LIMIT:
            self._known.popitem(last=False)
