"""A projection's store in Postgres: positions and rows, moved together or not at all.

The order inside one transaction: positions first (their row locks hold back a second writer), then rows. A crash or an
error anywhere leaves the state before or the state after; which of the two is read back from the positions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import psycopg

from processors.host import points
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
    """The real one. One thread. It writes the tables that serve, or with `beside` those of that version beside them."""

    def __init__(self, dsn: str, projection: Projection, streams: Mapping[str, str], beside: int | None = None) -> None:
        self._dsn = dsn
        self._projection = projection
        self._streams = streams
        self._beside = beside
        self._name = projection.name if beside is None else beside_name(projection.name, beside)
        self._version = beside or positions.FIRST_VERSION
        self._connection: Connection | None = None
        self._writer: Writer = projection.writer()

    def open(self) -> None:
        """Connect and check tables and role. Raises psycopg.Error, NotReady, Refused."""
        self.close()
        self._connection = writer(self._dsn, self._projection.name, None if self._beside is None else self._name)
        self._writer = self._projection.writer()
        with self._connection.transaction():
            migrate.require(self._connection)
            # Rows and positions that a crash of Postgres sets back by some tenths of a second are read from the log
            # again: no batch need wait for the disk.
            self._connection.execute("set synchronous_commit to off")
            if self._beside is None:
                migrate.require_shape(self._connection, self._name)

    def positions(self) -> Mapping[Place, int]:
        """The stored positions. After a swap the version is another one: what the connection knew is forgotten."""
        found, version = self._in_transaction(
            lambda c: (positions.load(c, self._name), positions.version(c, self._name))
        )
        if self._beside is None and version != self._version:
            self._version = version
            self.open()
        return found

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one."""
        self._in_transaction(lambda c: positions.begin(c, self._name, lows, self._version))

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Positions and rows in one transaction. Raises PositionLost, Refused, psycopg.Error."""
        said, rejected = understand(records, self._streams)
        times = {Place(r.topic, r.partition): r.append_time for r in records}

        def batch(connection: Connection) -> None:
            positions.move(connection, self._name, before, after, times, self._version)
            points.reached("projection.moved")
            self.rows(connection, said, rejected)
            points.reached("projection.written")

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
        return (self._name, *place, each.code, each.detail, record.value)


def beside_name(projection: str, version: int) -> str:
    """What a version that does not serve is called: its schema, and the name of its positions."""
    return f"{projection}_v{version}"
