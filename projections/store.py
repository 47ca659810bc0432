"""A projection's store in Postgres: positions and rows, moved together or not at all.

The order inside one transaction: positions first (their row locks hold back a second writer), then rows. A crash or an
error anywhere leaves the state before or the state after; which of the two is read back from the positions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import psycopg

from processors.host.places import Place
from projections import migrate, positions
from projections.catalog import Projection, Writer
from projections.postgres import writer
from projections.reading import Rejected, Said, understand
from projections.tables import Table
from projections.writing import Connection, append
from schemas.record import Record

T = TypeVar("T")

REJECTS = Table(
    "projection_rejects",
    (
        ("projection", "text"),
        ("topic", "text"),
        ("partition", "int8"),
        ("offset", "int8"),
        ("append_time", "int8"),
        ("code", "text"),
        ("detail", "text"),
        ("original", "bytea"),
    ),
)


class Store(Protocol):
    """What the runner needs of a store. Errors: PositionLost, NotReady, Refused, and those of the store's client."""

    def open(self) -> None:
        """Connect and check that the store is this program's."""

    def positions(self) -> Mapping[Place, int]:
        """The stored positions."""

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one."""

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """All of it in one transaction; returns how many records could not be read. Raises PositionLost."""

    def close(self) -> None:
        """Give up the connection; never raises."""


class PostgresStore:
    """The real one. One thread."""

    def __init__(self, dsn: str, projection: Projection, streams: Mapping[str, str]) -> None:
        self._dsn = dsn
        self._projection = projection
        self._streams = streams
        self._connection: Connection | None = None
        self._writer: Writer = projection.writer()

    def open(self) -> None:
        """Connect and check tables and role. Raises psycopg.Error, NotReady, Refused."""
        self.close()
        self._connection = writer(self._dsn, self._projection.name)
        self._writer = self._projection.writer()
        with self._connection.transaction():
            migrate.require(self._connection)

    def positions(self) -> Mapping[Place, int]:
        """The stored positions."""
        return self._in_transaction(lambda c: positions.load(c, self._projection.name))

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one."""
        self._in_transaction(lambda c: positions.begin(c, self._projection.name, lows))

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Positions and rows in one transaction. Raises PositionLost, Refused, psycopg.Error."""
        said, rejected = understand(records, self._streams)
        times = {Place(r.topic, r.partition): r.append_time for r in records}

        def batch(connection: Connection) -> None:
            positions.move(connection, self._projection.name, before, after, times)
            self.rows(connection, said, rejected)

        if said:
            self._writer.prepare(self._open, said)
        self._in_transaction(batch)
        return len(rejected)

    def rows(self, connection: Connection, said: Sequence[Said], rejected: Sequence[Rejected]) -> None:
        """The rows of a batch, inside its transaction."""
        if said:
            self._writer.write(connection, said)
        append(connection, REJECTS, [self._reject(each) for each in rejected])

    def close(self) -> None:
        """Give up the connection; never raises."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):  # it is given up either way
                self._connection.close()
            self._connection = None

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise psycopg.OperationalError("the store is not open")
        return self._connection

    def _in_transaction(self, do: Callable[[Connection], T]) -> T:
        connection = self._open
        with connection.transaction():
            return do(connection)

    def _reject(self, each: Rejected) -> tuple[Any, ...]:
        record = each.record
        place = (record.topic, record.partition, record.offset, record.append_time)
        return (self._projection.name, *place, each.code, each.detail, record.value)
