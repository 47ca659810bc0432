"""The manifest and the positions in Postgres, moved together by compare-and-set; the only writer of `archive_*` tables.

A run begins by taking the next number; whoever commits holds the row of that number, so a run that was taken for dead
and comes back finds another number and publishes nothing. It waits then, as long as the newer one is seen: two that
overtake each other again and again would both publish nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import psycopg

from processors.host.places import Place
from projections import migrate, positions
from projections.archive.manifest import NAMES, Entry, Manifest
from projections.errors import NotReady, Refused
from projections.postgres import writer

NAME = "archive"
# One lock for all who delete files or replace rows; arbitrary, never changed.
LOCK = 7_221_340_156
# One for all who write copies of the manifest.
COPY_LOCK = 7_221_340_157
# A reader of the manifest is done with a file after at most this long; then what was merged into another is deleted.
KEPT_SECONDS = 3_600
# The runner asks for positions every 5 s; a flush in between takes some.
UNSEEN_SECONDS = 20

_COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
_INSERT = f"insert into archive_manifest ({_COLUMNS}) values ({', '.join(['%s'] * len(NAMES))})"
_SELECT = f"select {_COLUMNS} from archive_manifest"

Connection = psycopg.Connection[Any]
Step = Callable[[str], None]


class Ledger(Protocol):
    """What the store needs. Errors: PositionLost, NotReady, Refused, psycopg.Error."""

    def open(self) -> None:
        """Connect and begin a run: from now on no earlier run can publish."""

    def positions(self) -> Mapping[Place, int]:
        """Where the archive goes on, by place."""

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one."""

    def publish(self, before: Mapping[Place, int], after: Mapping[Place, int], entries: Sequence[Entry]) -> None:
        """Move the positions and add the entries, or neither. Raises PositionLost."""

    def not_mirrored(self) -> Sequence[tuple[Place, int]]:
        """Places and days whose copy is older than the manifest."""

    def copying(self, place: Place, day: int) -> contextlib.AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""

    def empty(self) -> bool:
        """Is there no entry at all?"""

    def manifest(self) -> Manifest:
        """All of it."""

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Take over what the copies beside the files say, into a manifest without entries."""

    def sweeping(self) -> contextlib.AbstractContextManager[frozenset[str] | None]:
        """The files that must stay, while nobody else deletes or merges; None when somebody does."""

    def close(self) -> None:
        """Give up the connection; never raises."""


class PostgresLedger:
    """The real one. One thread. `at` is called at the named steps of a commit (tests stop there)."""

    def __init__(self, dsn: str, at: Step = lambda _: None) -> None:
        self._dsn = dsn
        self._at = at
        self._connection: Connection | None = None
        self._run = 0
        self._overtaken = False

    def open(self) -> None:
        """Connect and begin a run. Raises psycopg.Error, NotReady (`archive_elsewhere` and others), Refused."""
        self.close()
        connection = self._connection = writer(self._dsn, NAME)
        with connection.transaction():
            migrate.require(connection)
            found = connection.execute(
                "update archive_run set run = run + 1, seen = now()"
                " where not %s or seen < now() - make_interval(secs => %s) returning run",
                (self._overtaken, UNSEEN_SECONDS),
            ).fetchone()
        if found is None:
            raise NotReady(
                "archive_elsewhere",
                "the archive",
                "another process of it has begun since, and is at work",
                "This one waits until that one ends. Run one archive, not two.",
            )
        self._run, self._overtaken = int(found[0]), False

    def positions(self) -> Mapping[Place, int]:
        """Where the archive goes on, by place. Says that this run is alive."""
        connection = self.connection
        with connection.transaction():
            connection.execute("update archive_run set seen = now() where run = %s", (self._run,))
            return positions.load(connection, NAME)

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one. Raises NotReady `archive_overtaken`."""
        connection = self.connection
        with connection.transaction():
            self._hold(connection)
            positions.begin(connection, NAME, lows)

    def publish(self, before: Mapping[Place, int], after: Mapping[Place, int], entries: Sequence[Entry]) -> None:
        """Move the positions and add the entries, or neither. Raises PositionLost, NotReady `archive_overtaken`."""
        connection = self.connection
        times = {entry.place: entry.last_time for entry in entries if entry.last_time is not None}
        with connection.transaction():
            self._hold(connection)
            positions.move(connection, NAME, before, after, times)
            self._at("archive.moved")
            insert(connection, entries)
            self._at("archive.listed")

    def not_mirrored(self) -> Sequence[tuple[Place, int]]:
        """Places and days whose copy is older than the manifest."""
        return not_mirrored(self.connection)

    def copying(self, place: Place, day: int) -> contextlib.AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""
        return copying(self.connection, place, day)

    def empty(self) -> bool:
        """Is there no entry at all?"""
        connection = self.connection
        with connection.transaction():
            return connection.execute("select 1 from archive_manifest limit 1").fetchone() is None

    def manifest(self) -> Manifest:
        """All of it, in one snapshot."""
        return whole(self.connection)

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Take over what the copies beside the files say, when the manifest is empty. Raises NotReady."""
        connection = self.connection
        ends: dict[Place, int] = {}
        for entry in entries:
            ends[entry.place] = max(entry.end, ends.get(entry.place, 0))
        with connection.transaction():
            self._hold(connection)
            insert(connection, entries)
            connection.execute("delete from projection_offsets where projection = %s", (NAME,))
            positions.begin(connection, NAME, ends)

    @contextlib.contextmanager
    def sweeping(self) -> Any:
        """The files that must stay, while nobody else deletes or merges; None when somebody does."""
        connection = self.connection
        with connection.transaction():
            self._hold(connection)
            got = connection.execute("select pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()
            if got is None or not got[0]:
                yield None
                return
            yield named(connection)

    def close(self) -> None:
        """Give up the connection; never raises."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):  # it is given up either way
                self._connection.close()
            self._connection = None

    @property
    def connection(self) -> Connection:
        """The open one."""
        if self._connection is None:
            raise psycopg.OperationalError("the archive's manifest is not open")
        return self._connection

    def _hold(self, connection: Connection) -> None:
        # Shared: it is the next run's update that must wait for us, or we for it.
        found = connection.execute("select run from archive_run for share").fetchone()
        if found is None or found[0] != self._run:
            self._overtaken = True
            raise NotReady(
                "archive_overtaken",
                f"run {self._run} of the archive",
                "a newer one has begun since",
                "Nothing was written; this process waits until that one ends.",
            )


def not_mirrored(connection: Connection) -> list[tuple[Place, int]]:
    """Places and days whose copy is older than the manifest."""
    with connection.transaction():
        found = connection.execute(
            "select distinct topic, partition, day from archive_manifest where not mirrored order by 1, 2, 3"
        ).fetchall()
    return [(Place(topic, partition), day) for topic, partition, day in found]


@contextlib.contextmanager
def copying(connection: Connection, place: Place, day: int) -> Iterator[Sequence[Entry]]:
    """The entries of a place's day, while nobody else writes its copy; at the end the copy is written.

    One at a time: of two who read, replace and write, the one that read first must not write last.
    """
    which = "where topic = %s and partition = %s and day = %s"
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (COPY_LOCK,))
        yield select(connection, which, (*place, day))
        connection.execute(f"update archive_manifest set mirrored = true {which} and not mirrored", (*place, day))


def accept_loss(connection: Connection, place: Place, to: int, day: int, reason: str, low: int) -> Entry:
    """Say that what the log has dropped before the archive had it is lost, up to `to`; the archive goes on from there.

    `low`: where the log begins; `day`: today. Commits by itself. Raises Refused `loss_nothing`, PositionLost.
    """
    with connection.transaction():
        stands = positions.load(connection, NAME).get(place)
        if stands is None or not stands < to <= low:
            why = "nothing of it was archived yet" if stands is None else f"the archive stands at {stands}"
            raise Refused(
                "loss_nothing",
                f"{place.topic}[{place.partition}]@{to}",
                f"{why}, and the log keeps everything from {low}",
                "Only what lies between the two can be lost: --to is above the first and at most the second.",
            )
        entry = Entry(*place, stands, to, "lost", day, reason=reason)
        positions.move(connection, NAME, {place: stands}, {place: to}, {})
        insert(connection, [entry])
    return entry


def insert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add rows to the manifest, inside the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, [tuple(getattr(entry, name) for name in NAMES) for entry in entries])


def select(connection: Connection, where: str, values: Sequence[Any]) -> list[Entry]:
    """Rows of the manifest in order, inside the caller's transaction. `where` is a literal of the caller."""
    query = f"{_SELECT} {where} order by topic, partition, start, coalesce(tenant, '')".encode()
    return [Entry(*row) for row in connection.execute(query, tuple(values)).fetchall()]


def named(connection: Connection) -> frozenset[str]:
    """Every file that the manifest names, or named until a short while ago."""
    found = connection.execute(
        "select file from archive_manifest where file is not null union select file from archive_superseded"
    ).fetchall()
    return frozenset(file for (file,) in found)


def whole(connection: Connection) -> Manifest:
    """The manifest and the positions in one snapshot."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return Manifest(select(connection, "", ()), positions.load(connection, NAME))


def load(dsn: str) -> Manifest | None:
    """The manifest of a database, or None where no archive has ever stood. Raises NotReady `postgres_silent`."""
    try:
        with psycopg.connect(dsn, connect_timeout=5, autocommit=True, application_name="mandate-archive") as connection:
            exists = connection.execute("select to_regclass('archive_manifest')").fetchone()
            if exists is None or exists[0] is None:
                return None
            found = whole(connection)
    except psycopg.OperationalError as error:
        raise NotReady(
            "postgres_silent", "the archive's manifest", str(error).strip(), "Check MANDATE_POSTGRES; mandate status."
        ) from error
    return found if found.places else None
