"""Connections to Postgres: one a writer, and scoped reading for the doors.

    async with scoped(pool, tenant) as scope:      # one read-only transaction, one snapshot
        await timeline.queries.timeline(scope, limit=50)

Inside `scoped` the role is `mandate_reader` (NOLOGIN; the gateway logs in as it likes and must be allowed to
`set role mandate_reader`), row-level security sees one tenant, and a statement ends after READ_TIMEOUT_MS.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import IsolationLevel, sql

from projections.errors import Refused

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

READER = "mandate_reader"
READ_TIMEOUT_MS = 5_000
CONNECT_SECONDS = 5
# For a connection, free or new. A request may ask twice and has 28 s in all (the gateway's REQUEST_S): that the store
# is away must be said before that time is over, or the caller is only told that nothing answered.
POOL_SECONDS = 6.0
# A batch of 5,000 rows takes 40 ms; a writer stopped in mid-transaction must not hold the positions' locks longer.
WRITE_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 15_000
IDLE_TIMEOUT_MS = 15_000

Pool: TypeAlias = "AsyncConnectionPool[psycopg.AsyncConnection[Any]]"


@dataclass(frozen=True, slots=True)
class Scope:
    """A connection that sees one tenant, in one snapshot. `tenant` is also given to queries, to choose partitions."""

    connection: psycopg.AsyncConnection[Any]
    tenant: str

    async def rows(self, query: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows as dicts. `query` is a literal of a queries.py; values go in `params` only."""
        async with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            await cursor.execute(query, params)
            return await cursor.fetchall()

    async def row(self, query: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """The first row, or None."""
        found = await self.rows(query, params)
        return found[0] if found else None


def reading_pool(dsn: str, *, size: int = 8) -> Pool:
    """A pool for `scoped`; open it with `await pool.open(wait=True)` inside the running loop."""
    # Not for the processes that only write.
    from psycopg_pool import AsyncConnectionPool

    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        open=False,
        name="read-models",
        timeout=POOL_SECONDS,
        kwargs={"connect_timeout": CONNECT_SECONDS, "application_name": "mandate-reader"},
    )


@asynccontextmanager
async def scoped(pool: Pool, tenant: str) -> AsyncIterator[Scope]:
    """One read-only transaction as the reading role, seeing `tenant` only."""
    async with pool.connection() as connection:
        # Repeatable read: what an answer shows and what it says it is as of come from one snapshot.
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        try:
            async with connection.transaction():
                await connection.execute(
                    "select set_config('role', %s, true), set_config('mandate.tenant', %s, true),"
                    " set_config('statement_timeout', %s, true)",
                    (READER, tenant, str(READ_TIMEOUT_MS)),
                )
                yield Scope(connection, tenant)
        finally:
            if not connection.closed:
                await connection.set_isolation_level(None)
                await connection.set_read_only(None)


def writer(dsn: str, projection: str, schema: str | None = None) -> psycopg.Connection[Any]:
    """A connection for one projection's writes. Raises psycopg.Error, Refused `writer_role`.

    `schema`: where its tables are, when they are not those that serve; what is shared stays where it is.
    """
    connection: psycopg.Connection[Any] = psycopg.connect(
        dsn,
        connect_timeout=CONNECT_SECONDS,
        application_name=f"mandate-projection-{projection}",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        options=f"-c statement_timeout={WRITE_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c client_min_messages=warning",
    )
    with connection.transaction():
        found = connection.execute(
            "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
        ).fetchone()
    if found is None or not found[0]:
        connection.close()
        raise Refused(
            "writer_role",
            "the database user of MANDATE_POSTGRES",
            "row-level security is forced on every tenant table and COPY is refused to a role that it binds",
            "Give the projections a role with BYPASSRLS that owns the tables; readers use mandate_reader.",
        )
    if schema is not None:
        with connection.transaction():
            path = sql.SQL("set search_path to {}, {}").format(sql.Identifier(schema), sql.Identifier(base(connection)))
            connection.execute(path)
    return connection


def base(connection: psycopg.Connection[Any]) -> str:
    """The schema in which the tables that serve are."""
    found = connection.execute("select current_schema()").fetchone()
    assert found is not None  # one row by construction
    return str(found[0])
