"""Signing secrets of tenants, read from Postgres (`webhook_secrets`, which the gateway fills), cached for a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import psycopg

from schemas.errors import MandateError

# A changed secret is in use after a minute; 1,000 secrets are under 200 KB.
FRESH_SECONDS = 60.0
CACHE_LIMIT = 1_000
# Well inside a send's 8 s, so that a page can still be sent with a remembered secret.
QUERY_SECONDS = 3

Lookup = Callable[[str], Awaitable[str | None]]


class Secrets:
    """`of(tenant)` is the tenant's secret; at most one look-up per tenant and minute."""

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def of(self, tenant: str) -> str:
        """The secret. Raises MandateError `webhook_secret_missing`, `webhook_secret_unreadable`."""
        known = self._known.get(tenant)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            self._known.move_to_end(tenant)
            return known[1]
        try:
            found = await self._lookup(tenant)
        except (psycopg.Error, OSError, TimeoutError) as error:
            # A page matters more than a rotation that happened during an outage of Postgres.
            if known is not None:
                return known[1]
            raise MandateError(
                "webhook_secret_unreadable",
                f"the webhook secret of tenant {tenant}",
                type(error).__name__,
                "Check that Postgres is up (`mandate status`).",
            ) from error
        if found is None:
            self._known.pop(tenant, None)
            raise MandateError(
                "webhook_secret_missing",
                f"the webhook secret of tenant {tenant}",
                "Postgres has none",
                "Apply the tenant's configuration once more (`mandate config apply`).",
            )
        self._known[tenant] = (self._clock(), found)
        self._known.move_to_end(tenant)
        if len(self._known) > CACHE_LIMIT:
            self._known.popitem(last=False)
        return found


def from_postgres(dsn: str) -> Lookup:
    """A look-up over a connection of its own: once per tenant and minute, so none is kept open between them."""

    async def lookup(tenant: str) -> str | None:
        connection = await psycopg.AsyncConnection.connect(
            dsn,
            connect_timeout=QUERY_SECONDS,
            options=f"-c statement_timeout={QUERY_SECONDS}s",
            application_name="mandate-effects",
        )
        async with connection:
            cursor = await connection.execute("select secret from webhook_secrets where tenant = %s", (tenant,))
            row = await cursor.fetchone()
        return None if row is None else str(row[0])

    return lookup
