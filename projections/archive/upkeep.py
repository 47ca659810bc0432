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

import psycopg

from processors.host.places import Place
from projections import migrate
from projections.archive import cold
from projections.archive.files import Files
from projections.archive.ledger import KEPT_SECONDS, LOCK, copying, insert, select, whole
from projections.archive.manifest import Entry, Manifest
from projections.archive.merge import Merged, merge
from projections.archive.project import day_of
from projections.archive.store import write_mirror
from projections.errors import NotReady
from projections.postgres import writer
from projections.timeline import partitions

log = logging.getLogger("mandate.archive")

NAME = "archive-upkeep"
# A pass over days without anything to merge reads the manifest only: 50 ms at 100,000 rows.
LOOK_SECONDS = 600.0
# Low load: fewer records a second than this since the last look. Later than a day it runs at any load.
CALM_RECORDS = 500.0
WAIT_SECONDS_MAX = 86_400.0


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

    def replace(self, before: Sequence[Entry], after: Entry) -> bool:
        """One row for these, if they are still the same; their files are superseded. False: nothing was changed."""
        place = after.place
        range_ = (*place, after.start, after.end)
        with self.connection.transaction():
            found = select(
                self.connection, 'where topic = %s and partition = %s and start >= %s and "end" <= %s', range_
            )
            if found == list(before):
                self.connection.execute(
                    'delete from archive_manifest where topic = %s and partition = %s and start >= %s and "end" <= %s',
                    range_,
                )
                insert(self.connection, [after])
                with self.connection.cursor() as cursor:
                    cursor.executemany(
                        "insert into archive_superseded (file) values (%s) on conflict (file) do nothing",
                        [(entry.file,) for entry in before if entry.file not in (None, after.file)],
                    )
        return found == list(before)

    def copying(self, place: Place, day: int) -> contextlib.AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""
        return copying(self.connection, place, day)

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


def compact(dsn: str, files: Files, now: float) -> tuple[Merged, cold.Written]:
    """One pass of all upkeep: merge, the cold layout, then the timeline's old tables. `now`: seconds since 1970.

    Raises NotReady, Refused, ArchiveError, psycopg.Error.
    """
    today = day_of(int(now * 1000))
    with Upkeep(dsn) as upkeep:
        merged = merge(upkeep, files, today)
        written = cold.write(upkeep.manifest(), files, today)
        dropped = partitions.retire(upkeep.connection, cold.counts(files))
        if dropped:
            log.info("days of the timeline that are answered from the archive now: %s", dropped)
        return merged, written


def remove(upkeep: Upkeep, files: Files, topic: str, before: int, reason: str) -> list[Entry]:
    """Take the records of a topic's days before `before` (days since 1970) out; returns the entries that say so.

    The files are deleted by the next pass of upkeep, an hour later.
    """
    out: list[Entry] = []
    manifest = upkeep.manifest()
    for entry in [e for place in manifest.places if place.topic == topic for e in manifest.entries(place)]:
        if entry.day >= before or entry.kind == "removed":
            continue
        gone = changed(entry, kind="removed", file=None, records=0, bytes=0, sha256=None, reason=reason)
        if upkeep.replace([entry], gone):
            out.append(gone)
    for place, day in sorted({(entry.place, entry.day) for entry in out}):
        with upkeep.copying(place, day) as entries:
            write_mirror(files, place, day, entries)
    return out


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
