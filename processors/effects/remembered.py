"""What is read from Postgres per tenant, remembered for a while: a page matters more than a look-up that fails."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

import psycopg

T = TypeVar("T")
Lookup = Callable[[str], Awaitable[T | None]]

# What was changed is in use after a minute; 1,000 values of a few hundred bytes.
FRESH_SECONDS = 60.0
LIMIT = 1_000
# Well inside a send's 8 s, so that a page can still be sent with what is remembered.
QUERY_SECONDS = 3


class Remembered(Generic[T]):
    """`of(tenant)`: at most one look-up per tenant and minute; None is not remembered."""

    def __init__(self, lookup: Lookup[T], clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[T | None]] = {}

    async def of(self, tenant: str) -> T | None:
        """The value, or None when Postgres has none. Raises psycopg.Error, OSError when it never answered before."""
        known = self._known.get(tenant)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            self._known.move_to_end(tenant)
            return known[1]
        try:
            found = await self._ask(tenant)
        except (psycopg.Error, OSError, TimeoutError):
            # A page matters more than a change that happened during an outage of Postgres.
            if known is not None:
                return known[1]
            raise
        if found is None:
            self._known.pop(tenant, None)
            return None
        self._known[tenant] = (self._clock(), found)
        self._known.move_to_end(tenant)
        if len(self._known) > LIMIT:
            self._known.popitem(last=False)
        return found

    async def _ask(self, tenant: str) -> T | None:
        """One look-up at a time for a tenant: after a start all lanes ask at once, each over its own connection."""
        task = self._asking.get(tenant)
        if task is None:
            task = self._asking[tenant] = asyncio.create_task(_called(self._lookup, tenant))
            task.add_done_callback(partial(self._answered, tenant))
        # Who is cut off by its deadline must not end the look-up of the others.
        return await asyncio.shield(task)

    def _answered(self, tenant: str, task: asyncio.Task[T | None]) -> None:
        del self._asking[tenant]
        if not task.cancelled():
            task.exception()  # looked at here, should all who asked be gone


async def _called(lookup: Lookup[T], tenant: str) -> T | None:
    return await lookup(tenant)


async def first_row(dsn: str, query: str, tenant: str) -> tuple[object, ...] | None:
    """The first row of a query that takes one tenant, over a connection of its own: once a minute, so none is kept."""
    connection = await psycopg.AsyncConnection.connect(
        dsn,
        connect_timeout=QUERY_SECONDS,
        options=f"-c statement_timeout={QUERY_SECONDS}s",
        application_name="mandate-effects",
    )
    async with connection:
        cursor = await connection.execute(query.encode(), (tenant,))
        return await cursor.fetchone()
