"""Announces accepted configuration on the log: read what is pending, produce, wait for all replicas, mark.

One gateway runs it at a time (an advisory lock of its session). A crash at any step only announces again: processors
ignore a version that is not newer than their own. Nothing is marked before it is acknowledged.

A version that takes the place of another is a change like a deploy, and may be why pages no longer arrive: that there
is one is told to the incidents processor too, as a change of `configuration/<document>` (seed 20.5). Told twice it is
one change: its id follows from tenant, document and version.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import psycopg

from gateway.configuration.store import CONNECT_SECONDS, STATEMENT_MS, Connection, Pending, Tables
from processors.host import points
from processors.host.places import Placed
from schemas import codec, ids
from schemas.announcing import announcements, place_in
from schemas.envelope import headers_of
from schemas.errors import MandateError
from schemas.messages.incidents import ChangeObserved
from schemas.record import Output

log = logging.getLogger("gateway.outbox")

# Of them together at most store.PENDING_BYTES, so that some large catalogs at once are not all in memory.
BATCH = 64
# How often a gateway that was not woken looks, and how often one without the lock tries to get it.
LOOK_EVERY_S = 1.0
# After an error; the broker or the database is back within seconds.
AGAIN_S = 0.5
# Advisory, of the session; must never change. …153 are migrations, …154 the partitions of the timeline (projections).
LOCK = 7_221_340_155


class Sender(Protocol):
    """Where announcements go (processors.host.sender.Sender)."""

    async def send(self, output: Output) -> Placed:
        """Write one record; returns when all replicas have it. Raises HostError."""


def announcement(pending: Pending, now_ms: int) -> list[Output]:
    """The records of one announcement, a large document's parts before what activates it.

    Their ids are the same however often it is announced.
    """
    if pending.what == "change":
        return [changed(pending, now_ms)]
    key = ids.key_of(pending.tenant)
    about = (pending.tenant, pending.document, pending.version, pending.topic, pending.partition)
    out = []
    for message in announcements(pending.tenant, pending.document, pending.version, pending.hash, pending.body):
        record_id = ids.derive("announced", *about, *place_in(message))
        headers = headers_of(record_id, type(message).__name__, "gateway", key, now_ms)
        out.append(Output(pending.topic, pending.partition, key.encode(), codec.encode(message), headers))
    return out


def changed(pending: Pending, now_ms: int) -> Output:
    """That a document is another version now. Its content is not told: not every document may be read by all."""
    key = ids.key_of(pending.tenant)
    change_id = ids.derive("configured", pending.tenant, pending.document, pending.version)
    before, after = f"version {pending.version - 1}", f"version {pending.version}"
    message = ChangeObserved(
        tenant=pending.tenant,
        resource=f"configuration/{pending.document}",
        kind="configuration",
        before=before if pending.version > 1 else None,
        after=after,
        summary=f"{pending.document} is {after}",
        actor=pending.by,
        action_id=change_id,
        event_time=pending.at,
    )
    headers = headers_of(change_id, type(message).__name__, "gateway", key, now_ms)
    return Output(pending.topic, pending.partition, key.encode(), codec.encode(message), headers)


class Outbox:
    """`run` works until cancelled; `wake` makes it look at once."""

    def __init__(
        self,
        dsn: str,
        sender: Sender,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        report: Callable[[int], None] = lambda pending: None,
    ) -> None:
        self._dsn = dsn
        self._sender = sender
        self._clock = clock
        self._report = report
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was accepted."""
        self._woken.set()

    async def run(self) -> None:
        """Hold the lock and announce what is pending, again and again. Ends only by cancellation."""
        failing = False
        while True:
            try:
                async with await self._connect() as connection:
                    if await _locked(connection):
                        failing = failing and not await self.drain(connection)
                        await self._announce_forever(connection)
            except (MandateError, psycopg.Error, OSError, TimeoutError) as error:
                # Once a change, not twice a second during an outage.
                if not failing:
                    log.warning("announcing configuration begins again: %s: %s", type(error).__name__, error)
                failing = True
                await asyncio.sleep(AGAIN_S)
                continue
            await asyncio.sleep(LOOK_EVERY_S)

    async def drain(self, connection: Connection) -> int:
        """Announce one batch of what is pending; returns how many. Raises HostError, psycopg.Error."""
        async with connection.transaction():
            tables = Tables(connection)
            found = await tables.pending(BATCH)
            self._report(len(found) if len(found) < BATCH else await tables.count_pending())
        if not found:
            return 0
        points.reached("outbox.taken")
        done: list[int] = []
        # One after the other: versions of a document reach a partition in their order. Volume is people's typing.
        try:
            for pending in found:
                for output in announcement(pending, self._clock()):
                    await self._sender.send(output)
                done.append(pending.id)
                points.reached("outbox.sent")
        finally:
            if done:
                async with connection.transaction():
                    await Tables(connection).mark(done)
                points.reached("outbox.marked")
        return len(done)

    async def _announce_forever(self, connection: Connection) -> None:
        while True:
            self._woken.clear()
            while await self.drain(connection):
                pass
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _connect(self) -> Connection:
        return await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="mandate-outbox",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            options=f"-c statement_timeout={STATEMENT_MS}",
        )


async def _locked(connection: Connection) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))
    row = await cursor.fetchone()
    return bool(row and row[0])
