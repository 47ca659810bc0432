"""The rows behind configuration: versions, tokens, secrets, outbox. All SQL of gateway.configuration is here.

A `Tables` works inside one transaction of one connection; the caller begins and ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from gateway.configuration.request import Token

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

CONNECT_SECONDS = 5
STATEMENT_MS = 5_000
# Bodies that wait to be announced and are read at once; one catalog is at most 4 MB.
PENDING_BYTES = 16_777_216
# The first key of advisory locks by tenant: two numbers never meet the migrations' single one.
TENANT_LOCK = 7_221_341


@dataclass(frozen=True, slots=True)
class Version:
    """A version in force: its number, the hash and the canonical JSON of its body."""

    version: int
    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """One announcement that is still to be made. `body` and `hash` are the version's.

    `what` is `document`, or `change`: then that there is this version is told, made by `by` at `at` (ms), not its body.
    """

    id: int
    tenant: str
    document: str
    version: int
    topic: str
    partition: int
    hash: str
    body: bytes
    what: str = "document"
    by: str = ""
    at: int = 0


def store_pool(dsn: str) -> Pool:
    """A pool for this package; open it inside the running loop."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=4,
        open=False,
        name="configuration",
        timeout=CONNECT_SECONDS,
        kwargs={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "mandate-gateway",
            "options": f"-c statement_timeout={STATEMENT_MS} -c client_min_messages=warning",
        },
    )


class Tables:
    """The statements, on a connection that is inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, tenant: str) -> None:
        """One writer of a tenant's configuration at a time, until the transaction ends."""
        await self._connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (TENANT_LOCK, tenant))

    async def current(self, tenant: str) -> dict[str, Version]:
        """The newest version of each document."""
        found = await self._connection.execute(
            "select distinct on (document) document, version, hash, body from configuration"
            " where tenant = %s order by document, version desc",
            (tenant,),
        )
        return {row[0]: Version(row[1], row[2], bytes(row[3])) async for row in found}

    async def newest(self, tenant: str, documents: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Version and hash of the newest version of these documents, of which there is one."""
        found = await self._connection.execute(
            "select distinct on (document) document, version, hash from configuration"
            " where tenant = %s and document = any(%s) order by document, version desc",
            (tenant, list(documents)),
        )
        return {row[0]: (row[1], row[2]) async for row in found}

    async def body(self, tenant: str, document: str, version: int) -> bytes:
        """The canonical JSON of a version that exists."""
        found = await self._connection.execute(
            "select body from configuration where tenant = %s and document = %s and version = %s",
            (tenant, document, version),
        )
        row = await found.fetchone()
        assert row is not None
        return bytes(row[0])

    async def tenants_with(self, document: str) -> list[str]:
        """The tenants that have ever had this document, in order."""
        found = await self._connection.execute(
            "select distinct tenant from configuration where document = %s order by tenant", (document,)
        )
        return [str(row[0]) async for row in found]

    async def announced(self, tenant: str) -> dict[tuple[str, int], bool]:
        """(document, version) -> are all its announcements on the log?"""
        found = await self._connection.execute(
            "select document, version, bool_and(announced_at is not null) from configuration_outbox"
            " where tenant = %s and what = 'document' group by document, version",
            (tenant,),
        )
        return {(row[0], row[1]): row[2] async for row in found}

    async def add(self, tenant: str, document: str, version: Version, by: str) -> None:
        """A new version."""
        await self._connection.execute(
            "insert into configuration (tenant, document, version, hash, body, created_by)"
            " values (%s, %s, %s, %s, %s, %s)",
            (tenant, document, version.version, version.hash, version.body, by),
        )

    async def enqueue(self, tenant: str, document: str, version: int, places: Sequence[tuple[str, int]]) -> None:
        """The announcements of a version, in the transaction that accepts it."""
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                "insert into configuration_outbox (tenant, document, version, topic, partition)"
                " values (%s, %s, %s, %s, %s)",
                [(tenant, document, version, topic, partition) for topic, partition in places],
            )

    async def enqueue_change(self, tenant: str, document: str, version: int, place: tuple[str, int]) -> None:
        """That there is this version, as a change; in the transaction that accepts it."""
        await self._connection.execute(
            "insert into configuration_outbox (tenant, document, version, topic, partition, what)"
            " values (%s, %s, %s, %s, %s, 'change')",
            (tenant, document, version, *place),
        )

    async def replace_tokens(self, tenant: str, tokens: Sequence[Token]) -> bool:
        """Make these the tenant's tokens. False (and nothing usable) when one of them is another tenant's."""
        await self._connection.execute("delete from tokens where tenant = %s", (tenant,))
        async with self._connection.cursor() as cursor:
            try:
                await cursor.executemany(
                    "insert into tokens (sha256, tenant, subject, kind, roles) values (%s, %s, %s, %s, %s)",
                    [(t.sha256, tenant, t.subject, t.kind, list(t.roles)) for t in tokens],
                )
            except psycopg.errors.UniqueViolation:
                return False
        return True

    async def keep_secret(self, tenant: str, secret: str) -> None:
        """The tenant's webhook secret, unless it has one."""
        await self._connection.execute(
            "insert into webhook_secrets (tenant, secret) values (%s, %s) on conflict do nothing", (tenant, secret)
        )

    async def secret(self, tenant: str) -> str | None:
        """The tenant's webhook secret."""
        found = await self._connection.execute("select secret from webhook_secrets where tenant = %s", (tenant,))
        row = await found.fetchone()
        return None if row is None else str(row[0])

    async def token(self, sha256: str) -> Mapping[str, Any] | None:
        """tenant, subject, kind, roles of a token's hash."""
        found = await self._connection.execute(
            "select tenant, subject, kind, roles from tokens where sha256 = %s", (sha256,)
        )
        row = await found.fetchone()
        return None if row is None else {"tenant": row[0], "subject": row[1], "kind": row[2], "roles": tuple(row[3])}

    async def pending(self, limit: int) -> list[Pending]:
        """The oldest announcements that are still to be made, in the order of acceptance.

        Of those at most `limit`, and after the first at most PENDING_BYTES.
        """
        found = await self._connection.execute(
            "select id, tenant, document, version, topic, partition, hash, body, what, created_by, at from ("
            "  select o.*, c.hash, c.body, c.created_by, (extract(epoch from c.created_at) * 1000)::bigint as at,"
            "         sum(octet_length(c.body)) over (order by o.id) as bytes, row_number() over (order by o.id) as nth"
            "    from (select * from configuration_outbox where announced_at is null order by id limit %s) o"
            "    join configuration c using (tenant, document, version)) p"
            " where nth = 1 or bytes <= %s order by id",
            (limit, PENDING_BYTES),
        )
        return [Pending(r[0], r[1], r[2], r[3], r[4], r[5], r[6], bytes(r[7]), r[8], r[9], r[10]) async for r in found]

    async def count_pending(self) -> int:
        """How many announcements are still to be made."""
        found = await self._connection.execute("select count(*) from configuration_outbox where announced_at is null")
        row = await found.fetchone()
        return 0 if row is None else int(row[0])

    async def mark(self, ids: Sequence[int]) -> None:
        """These announcements are on the log."""
        await self._connection.execute(
            "update configuration_outbox set announced_at = now() where id = any(%s)", (list(ids),)
        )
