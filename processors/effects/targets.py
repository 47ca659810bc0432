"""What a tenant says about where its webhooks may go: the document `targets`, read from the gateway's table.

It is no input of a processor, so it is not announced on the log: it decides nothing but whether a hand may reach out.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import cast

import psycopg

from processors.effects.remembered import Remembered, first_row
from schemas.configuration import Targets as Document
from schemas.configuration import parse_document
from schemas.errors import MandateError

Lookup = Callable[[str], Awaitable[tuple[str, ...] | None]]
DOCUMENT = "targets"
_NEWEST = f"select body from configuration where tenant = %s and document = '{DOCUMENT}' order by version desc limit 1"


class Targets:
    """`of(tenant)` is the tenant's list (empty: every public target); at most one look-up per tenant and minute."""

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered = Remembered(lookup, clock)

    async def of(self, tenant: str) -> tuple[str, ...]:
        """The list. Raises MandateError `targets_unreadable`: without it nothing is sent."""
        try:
            return await self._remembered.of(tenant) or ()
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise MandateError(
                "targets_unreadable",
                f"the document {DOCUMENT} of tenant {tenant}",
                type(error).__name__,
                "Check that Postgres is up (`mandate status`).",
            ) from error


def from_postgres(dsn: str) -> Lookup:
    """A look-up in the gateway's table of configuration."""

    async def lookup(tenant: str) -> tuple[str, ...] | None:
        row = await first_row(dsn, _NEWEST, tenant)
        if row is None:
            return ()
        return cast(Document, parse_document(DOCUMENT, bytes(cast(bytes, row[0])))).webhooks

    return lookup
