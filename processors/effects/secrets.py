"""Signing secrets of tenants, read from Postgres (`webhook_secrets`, which the gateway fills), cached for a while."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import psycopg

from processors.effects.remembered import Remembered, first_row
from schemas.errors import MandateError

Lookup = Callable[[str], Awaitable[str | None]]


class Secrets:
    """`of(tenant)` is the tenant's secret; at most one look-up per tenant and minute."""

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered = Remembered(lookup, clock)

    async def of(self, tenant: str) -> str:
        """The secret. Raises MandateError `webhook_secret_missing`, `webhook_secret_unreadable`."""
        try:
            found = await self._remembered.of(tenant)
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise MandateError(
                "webhook_secret_unreadable",
                f"the webhook secret of tenant {tenant}",
                type(error).__name__,
                "Check that Postgres is up (`mandate status`).",
            ) from error
        if found is None:
            raise MandateError(
                "webhook_secret_missing",
                f"the webhook secret of tenant {tenant}",
                "Postgres has none",
                "Apply the tenant's configuration once more (`mandate config apply`).",
            )
        return found


def from_postgres(dsn: str) -> Lookup:
    """A look-up in the gateway's table."""

    async def lookup(tenant: str) -> str | None:
        row = await first_row(dsn, "select secret from webhook_secrets where tenant = %s", tenant)
        return None if row is None else str(row[0])

    return lookup
