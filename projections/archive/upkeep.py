"""The archive's upkeep: merging, the cold layout and removal, on a connection of its own; one at a time anywhere.

Called by `mandate archive compact` and by a thread of the running archive (`Night`). It never moves a position.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from types import TracebackType
from typing import cast

import psycopg

from processors.host.places import Place
from projections import migrate
from projections.archive import cold, ledger, removal
from projections.archive.files import Files
from projections.archive.ledger import KEPT_SECONDS, LOCK, copying, insert, not_mirrored, select, whole
from projections.archive.manifest import GONE, Entry, Manifest
from projections.archive.merge import Merged, merge
from projections.archive.project import day_of
from projections.archive.removal import Removed, Request, Step
from projections.archive.store import write_mirror
from projections.errors import NotReady
from projections.postgres import writer
from projections.timeline import partitions
from schemas.configuration import Retention, parse_document
from schemas.errors import ConfigurationError
from schemas.topology import Topology

log = logging.getLogger("mandate.archive")

NAME = "archive-upkeep"
# The document of a tenant's settings that says how long its records are kept here.
DOCUMENT = "retention"
# A pass over days without anything to merge reads the manifest only: 50 ms at 100,000 rows.
LOOK_SECONDS = 600.0
# Low load: fewer records a second than this since the last look. Later than a day it runs at any load.
CALM_RECORDS = 500.0
WAIT_SECONDS_MAX = 86_400.0


# The entries of a range, not what lies over them.
_WITHIN = 'topic = %s and partition = %s and start >= %s and "end" <= %s and tenant is null'


class Upkeep:
    """The manifest for whoever merges or removes. A context manager: nobody else does meanwhile.

    Raises NotReady `archive_busy` when somebody else is at it, psycopg.Error, Refused.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[object] | None = None

    def __enter__(self) -> Upkeep:
        connection = self._connection = writer(self._dsn, NAME)
        with connection.transaction():
            migrate.require(connection)
            got = connection.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if got is None or not got[0]:
            connection.close()
            raise NotReady(
                "archive_busy", "the archive", "another process merges or removes its files", "Try again later."
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(psycopg.Error):  # the lock goes with the connection, however it ends
            self.connection.close()

    @property
    def connection(self) -> psycopg.Connection[object]:
        """The open one."""
        if self._connection is None:
            raise psycopg.OperationalError("the archive's upkeep is not open")
        return self._connection

    def manifest(self) -> Manifest:
        """All of it."""
        return whole(self.connection)

    def replace(self, before: Sequence[Entry], after: Entry, over: Sequence[Entry] = ()) -> bool:
        """One row for these, if they are still the same; their files are superseded. False: nothing was changed.

        `over`: what was taken out of the file, by tenant.
        """
        range_ = (*after.place, after.start, after.end)
        with self.connection.transaction():
            found = select(self.connection, f"where {_WITHIN}", range_)
            if found == list(before):
                self.connection.execute(f"delete from archive_manifest where {_WITHIN}".encode(), range_)
                insert(self.connection, [after, *over])
                with self.connection.cursor() as cursor:
                    cursor.executemany(
                        "insert into archive_superseded (file) values (%s) on conflict (file) do nothing",
                        [(entry.file,) for entry in before if entry.file not in (None, after.file)],
                    )
        return found == list(before)

    def copying(self, place: Place, day: int) -> contextlib.AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""
        return copying(self.connection, place, day)

    def not_mirrored(self) -> Sequence[tuple[Place, int]]:
        """Places and days whose copy is older than the manifest."""
        return not_mirrored(self.connection)

    # --- a tenant's removal

    def ask(self, tenant: str, before: int, reason: str, retention: bool = False) -> Request:
        """Write down what shall be removed; from now on it is finished by whoever does the upkeep."""
        with self.connection.transaction():
            found = self.connection.execute(
                "insert into archive_removals (tenant, before, retention, reason) values (%s, %s, %s, %s) returning id",
                (tenant, before, retention, reason),
            ).fetchone()
        assert isinstance(found, tuple)  # an insert gives its row
        return Request(int(found[0]), tenant, before, retention, reason)

    def open_requests(self) -> Sequence[Request]:
        """What was asked and is not done, in the order of asking."""
        with self.connection.transaction():
            found = self.connection.execute(
                "select id, tenant, before, retention, reason from archive_removals where done_at is null order by id"
            ).fetchall()
        return [Request(*row) for row in found if isinstance(row, tuple)]

    def files_before(self, request: Request) -> Sequence[Entry]:
        """The files that may hold what is to be removed. Retention looks at no file twice."""
        where = "where kind = 'file' and day < %s"
        values: tuple[object, ...] = (request.before,)
        if request.retention:
            where += (
                " and not exists (select 1 from archive_removals r where r.tenant = %s and r.retention"
                " and r.done_at is not null and archive_manifest.day < r.before"
                " and archive_manifest.written_at < r.asked_at)"
            )
            values += (request.tenant,)
        with self.connection.transaction():
            return select(self.connection, where, values)

    def done(self, request: Request) -> None:
        """The request is done; of a tenant's retention the newest is remembered."""
        with self.connection.transaction():
            self.connection.execute("update archive_removals set done_at = now() where id = %s", (request.number,))
            self.connection.execute(
                "delete from archive_removals where tenant = %s and retention and %s and id < %s",
                (request.tenant, request.retention, request.number),
            )

    def retentions(self, today: int) -> Sequence[tuple[str, int, str]]:
        """Tenant, first day that is kept, and the reason, where a tenant's settings ask for more than was done."""
        with self.connection.transaction():
            exists = self.connection.execute("select to_regclass('configuration')").fetchone()
            if not isinstance(exists, tuple) or exists[0] is None:
                return []
            found = self.connection.execute(
                "select distinct on (tenant) tenant, version, body from configuration where document = %s"
                " order by tenant, version desc",
                (DOCUMENT,),
            ).fetchall()
            reached = self.connection.execute(
                "select tenant, max(before) from archive_removals where retention group by tenant"
            ).fetchall()
        asked = {row[0]: row[1] for row in reached if isinstance(row, tuple)}
        out = []
        for tenant, version, body in [row for row in found if isinstance(row, tuple)]:
            try:
                days = cast(Retention, parse_document(DOCUMENT, bytes(body))).days
            except ConfigurationError as error:  # of a newer version of this program; others' retention goes on
                log.warning("tenant %s: %s", tenant, error)
                continue
            if days and asked.get(tenant, -1) < today - days:
                out.append((tenant, today - days, f"retention: {days} days (settings version {version})"))
        return out

    # --- superseded files

    def expired(self) -> Sequence[str]:
        """Superseded files that no reader is at any more."""
        with self.connection.transaction():
            found = self.connection.execute(
                "select s.file from archive_superseded s where s.since < now() - make_interval(secs => %s)"
                " and not exists (select 1 from archive_manifest m where m.file = s.file) order by 1",
                (KEPT_SECONDS,),
            ).fetchall()
        return [str(row[0]) for row in found if isinstance(row, tuple)]

    def forget(self, files: Sequence[str]) -> None:
        """They are deleted."""
        with self.connection.transaction():
            self.connection.execute("delete from archive_superseded where file = any(%s)", (list(files),))


def compact(dsn: str, files: Files, now: float, topology: Topology) -> tuple[Merged, cold.Written]:
    """One pass of all upkeep: what was asked to be removed, merging, the cold layout, the timeline's old tables.

    `now`: seconds since 1970. Raises NotReady, Refused, ArchiveError, psycopg.Error.
    """
    today = day_of(int(now * 1000))
    with Upkeep(dsn) as upkeep:
        for place, day in upkeep.not_mirrored():
            with upkeep.copying(place, day) as entries:
                write_mirror(files, place, day, entries)
        finish(upkeep, files, topology, today)
        merged = merge(upkeep, files, today)
        manifest = upkeep.manifest()
        written = cold.write(manifest, files, today, cold.TOPIC)
        dropped = partitions.retire(upkeep.connection, cold.counts(files), cold.removed(manifest))
        if dropped:
            log.info("days of the timeline that are answered from the archive now: %s", dropped)
        return merged, written


def finish(upkeep: Upkeep, files: Files, topology: Topology, today: int) -> None:
    """Finish what was asked to be removed, and ask for what the tenants' settings say. Raises as `compact`."""
    for tenant, before, reason in upkeep.retentions(today):
        upkeep.ask(tenant, before, reason, retention=True)
    for request in upkeep.open_requests():
        done = removal.remove(upkeep, files, topology, request)
        records = sum(entry.records for entry in done.entries)
        log.info("tenant %s: %d records removed (%s)", request.tenant, records, request.reason)


def remove_tenant(
    upkeep: Upkeep, files: Files, topology: Topology, tenant: str, before: int, reason: str, at: Step = lambda _: None
) -> Removed:
    """Take a tenant's records of all days before `before` out of all topics. Raises as removal.remove.

    What it leaves undone when it ends early is finished by the next `compact`.
    """
    request = upkeep.ask(tenant, before, reason)
    at("asked")
    return removal.remove(upkeep, files, topology, request, at)


def accept_loss(upkeep: Upkeep, files: Files, place: Place, to: int, low: int, reason: str, now: float) -> Entry:
    """Say that what the log has dropped before it was archived is lost. `low`: where the log begins.

    Raises Refused `loss_nothing`, PositionLost, NotReady.
    """
    entry = ledger.accept_loss(upkeep.connection, place, to, day_of(int(now * 1000)), reason, low)
    with upkeep.copying(place, entry.day) as entries:
        write_mirror(files, place, entry.day, entries)
    return entry


def remove(upkeep: Upkeep, files: Files, topic: str, before: int, reason: str) -> Removed:
    """Take the records of a topic's days before `before` (days since 1970) out; returns the entries that say so.

    The files are deleted by the next pass of upkeep, an hour later.
    """
    out: list[Entry] = []
    manifest = upkeep.manifest()
    for entry in [e for place in manifest.places if place.topic == topic for e in manifest.entries(place)]:
        if entry.day >= before or entry.kind in GONE:
            continue
        gone = changed(entry, kind="removed", file=None, records=0, bytes=0, sha256=None, reason=reason)
        if upkeep.replace([entry], gone):
            out.append(gone)
    for place, day in sorted({(entry.place, entry.day) for entry in out}):
        with upkeep.copying(place, day) as entries:
            write_mirror(files, place, day, entries)
    return Removed(tuple(out), 0)


class Night:
    """A thread that keeps the running archive in order when little comes. Errors are logged; it tries again later."""

    def __init__(
        self,
        work: Callable[[], object],
        written: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._written = written
        self._clock = clock
        self._seen = written()
        self._looked = self._done = clock()
        self._thread = threading.Thread(target=self._run, name="archive-upkeep", daemon=True)

    def start(self) -> None:
        """Run in a thread of its own."""
        self._thread.start()

    def look(self) -> bool:
        """Do the work if little came since the last look, or if it was put off for too long; says whether it did."""
        now, written = self._clock(), self._written()
        rate = (written - self._seen) / max(1.0, now - self._looked)
        self._seen, self._looked = written, now
        if rate > CALM_RECORDS and now - self._done < WAIT_SECONDS_MAX:
            return False
        self._done = now
        try:
            self._work()
        except Exception as error:  # whatever it is (a full disk): the archive goes on, and so does the next look
            log.warning("the archive's upkeep is tried again in %.0f s: %s", LOOK_SECONDS, error)
        return True

    def _run(self) -> None:
        while True:  # a daemon: what it does may be cut off at any point
            time.sleep(LOOK_SECONDS)
            self.look()
