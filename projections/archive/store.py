"""The archive's half of the runner: records gathered by place, then files, then one move of manifest and positions.

    gathered   a batch is in memory, and counts as read
    written    its files are there, and nobody knows of them
    moved      the positions have moved in an open transaction
    listed     the rows are there, in the same transaction
    published  it is committed: now the records are in the archive, and not before
    mirrored   the copy of the rows beside the files is written

They are points (processors/host/points.py) named `archive.gathered` and so on.
A death between any two steps leaves the state of one of `gathered` (read again from the stored position; files without
a row are removed when the next run begins) or `published` (the copy is written when the next run begins).
Flushed is what is large or old (FLUSH_RECORDS, FLUSH_BYTES, FLUSH_SECONDS), and once at the beginning what was on the
log already: a run that died had gathered it, and it shall not wait for another minute.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby

import psycopg

from processors.host.places import Ends, Place
from processors.host.reader import Batch
from projections.archive.files import Files
from projections.archive.ledger import Ledger
from projections.archive.manifest import FOLDER, Entry, file_name, mirror_name, of_plain, plain
from projections.archive.project import Columns, day_of, parquet
from projections.errors import NotReady, PositionLost, Refused
from projections.runner import LogSource
from schemas.errors import MandateError
from schemas.record import Record

LOG = logging.getLogger("mandate.archive")

# In memory at once: 200,000 records are 80 MB of objects, 64 MB of their bytes, and the file in the making.
FLUSH_RECORDS = 200_000
FLUSH_BYTES = 67_108_864
# Young enough for the alarm (5 min) and for compaction (10 min, KERNEL 18); a file a minute and busy place is merged.
FLUSH_SECONDS = 60.0
# KERNEL 18: later than this, and a changelog may be compacted before it was archived soon.
ALARM_SECONDS = 300.0

Step = Callable[[str], None]
Flushed = Callable[[int, int, float], None]


class ArchiveStore:
    """A Store for the runner. One thread, except `behind`, which the server of /healthz reads."""

    def __init__(
        self,
        ledger: Ledger,
        files: Files,
        columns: Columns,
        *,
        flushed: Flushed = lambda files, bytes_, seconds: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        at: Step = lambda _: None,
        flush_records: int = FLUSH_RECORDS,
    ) -> None:
        self._ledger = ledger
        self._files = files
        self._columns = columns
        self._flushed = flushed
        self._clock = clock
        self._wall = wall
        self._at = at
        self._flush_records = flush_records
        self._stored: dict[Place, int] = {}
        self._records: dict[Place, list[Record]] = {}
        self._reached: dict[Place, int] = {}
        self._count = self._bytes = 0
        self._since = 0.0
        self._oldest: int | None = None
        self._seen = clock()
        self._loss: str | None = None
        # Records published by this store, ever.
        self.archived = 0

    # --- the runner's store

    def open(self) -> None:
        """Begin a run: no earlier one can publish, and what the last one left behind is put in order."""
        self._drop()
        self._ledger.open()
        self._adopt()
        for place, day in self._ledger.not_mirrored():
            self._mirror([(place, day)])
        self._sweep()
        self._stored = dict(self._ledger.positions())

    def positions(self) -> Mapping[Place, int]:
        """Stored positions, and beyond them what is gathered here; what is gathered is dropped when they moved."""
        found = dict(self._ledger.positions())
        if found != self._stored:
            self._drop()
            self._stored = found
        return found | self._reached

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one."""
        self._ledger.begin(lows)

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Gather a batch, and flush when enough is gathered. Raises PositionLost, NotReady, psycopg.Error."""
        for place, position in before.items():
            if self._reached.get(place, self._stored.get(place)) != position:
                self._drop()
                raise PositionLost(
                    "position_lost", "the archive", f"{place} is not at {position}", "The positions are read again."
                )
        if not self._reached:
            self._since = self._clock()
        for record in records:
            self._records.setdefault(Place(record.topic, record.partition), []).append(record)
            self._bytes += len(record.value or b"") + len(record.key or b"")
        if records:
            first = min(record.append_time for record in records)
            self._oldest = first if self._oldest is None else min(self._oldest, first)
        self._count += len(records)
        self._reached.update(after)
        self._at("archive.gathered")
        if self._count >= self._flush_records or self._bytes >= FLUSH_BYTES:
            self.flush()
        return 0

    def close(self) -> None:
        """Flush what is gathered, if that can be done, and give up the connection; never raises."""
        try:
            if self._reached:
                self.flush()
        except (MandateError, psycopg.Error) as error:
            LOG.warning("what was gathered is read again by the next run: %s", error)
        self._drop()
        self._ledger.close()

    # --- flushing

    def tick(self, caught_up: bool = False) -> None:
        """Called before every read: flush what has waited long enough, or what the run before may have gathered."""
        self._seen = self._clock()
        self._loss = None  # what is read begins inside the log
        if self._reached and (caught_up or self._clock() - self._since >= FLUSH_SECONDS):
            try:
                self.flush()
            except PositionLost as lost:
                # The runner finds other positions than it believes, and begins again from them.
                LOG.warning("%s", lost)

    def flush(self) -> None:
        """All that is gathered into files, and then into the manifest. Raises PositionLost, NotReady, psycopg.Error."""
        began = self._clock()
        before = {place: self._stored[place] for place in self._reached}
        after, records = self._reached, self._records
        try:
            entries: list[Entry] = []
            for place in sorted(after):
                # Popped: what is in a file is no longer in memory.
                entries += self._write_place(place, records.pop(place, []), before[place], after[place])
            self._at("archive.written")
            self._ledger.publish(before, after, entries)
        except BaseException:
            self._drop()
            raise
        self._stored.update(after)
        self._drop()
        self._at("archive.published")
        self._mirror(sorted({(entry.place, entry.day) for entry in entries}))
        self._at("archive.mirrored")
        self.archived += sum(entry.records for entry in entries)
        made = [entry.bytes for entry in entries if entry.kind == "file"]
        self._flushed(len(made), sum(made), self._clock() - began)

    def _write_place(self, place: Place, records: Sequence[Record], start: int, end: int) -> list[Entry]:
        """The files of a place: one for each stretch of records of the same day, their ranges touching."""
        if not records:
            return [Entry(*place, start, end, "empty", day_of(int(self._wall() * 1000)))]
        out: list[Entry] = []
        runs = [(day, list(run)) for day, run in groupby(records, key=lambda r: day_of(r.append_time))]
        for i, (day, run) in enumerate(runs):
            until = runs[i + 1][1][0].offset if i + 1 < len(runs) else end
            out.append(write_file(self._files, self._columns, place, day, run, start, until))
            start = until
        return out

    def _mirror(self, places: Sequence[tuple[Place, int]]) -> None:
        for place, day in places:
            with self._ledger.copying(place, day) as entries:
                write_mirror(self._files, place, day, entries)

    def _adopt(self) -> None:
        """A database without a manifest beside files with one: the copies are the manifest again."""
        if not self._ledger.empty():
            return
        entries = read_mirrors(self._files)
        if entries:
            LOG.warning("the manifest is empty; %d entries are taken from the copies beside the files", len(entries))
            self._ledger.adopt(entries)

    def _sweep(self) -> None:
        """Delete files that no row names: what a run that died had written and not published."""
        with self._ledger.sweeping() as named:
            if named is None:
                return
            for name in self._files.names(FOLDER):
                if not name.endswith(".json") and name not in named:
                    LOG.info("deleting %s, which was never published", name)
                    self._files.delete(name)

    def _drop(self) -> None:
        self._records, self._reached = {}, {}
        self._count = self._bytes = 0
        self._oldest = None

    # --- how late it is

    def behind(self) -> float:
        """Seconds since the oldest record was appended that was read and is in no file yet, or since the last sign."""
        silent = self._clock() - self._seen
        oldest = self._oldest
        waiting = 0.0 if oldest is None else self._wall() - oldest / 1000
        return max(0.0, waiting, silent if silent > FLUSH_SECONDS else 0.0)

    def lost(self, place: Place, position: int, low: int) -> NotReady:
        """The log has dropped what was not archived. The archive waits until a person has accepted it."""
        command = f"mandate archive accept-loss {place.topic} {place.partition} --to {low} --reason TEXT"
        error = NotReady(
            "archive_behind_log",
            f"the archive at {place.topic}[{place.partition}]",
            f"it stands at {position}, the log keeps only from {low}: what lies between is lost to it",
            f"Nothing more is archived until the loss is accepted: {command}",
        )
        self._loss = str(error)
        return error

    def alarm(self) -> str | None:
        """Why a person should look, or None."""
        if self._loss is not None:
            return self._loss
        seconds = self.behind()
        if seconds <= ALARM_SECONDS:
            return None
        return (
            f"the archive is {seconds:.0f} s behind; after 600 s changelogs are compacted before they are archived. "
            "See the log of this process; check the space and rights of MANDATE_ARCHIVE. Once the log has dropped what "
            "is not archived, nothing more is archived until it is accepted: mandate archive accept-loss."
        )


def write_file(
    files: Files, columns: Columns, place: Place, day: int, records: Sequence[Record], start: int, end: int
) -> Entry:
    """One file of records of one place and day, written and not yet published; returns its entry."""
    return write_content(
        files,
        place,
        day,
        start,
        end,
        memoryview(parquet([columns.of(*place, records)])),
        len(records),
        min(r.append_time for r in records),
        max(r.append_time for r in records),
    )


def write_content(
    files: Files,
    place: Place,
    day: int,
    start: int,
    end: int,
    content: memoryview,
    records: int,
    first_time: int | None,
    last_time: int | None,
) -> Entry:
    """A file that is already made, written and not yet published; returns its entry."""
    digest = sha256(content).hexdigest()
    name = file_name(place, day, start, end, digest)
    files.write(name, content)
    return Entry(*place, start, end, "file", day, name, records, content.nbytes, digest, first_time, last_time)


def write_mirror(files: Files, place: Place, day: int, entries: Sequence[Entry]) -> None:
    """The copy of a place's day of the manifest, beside its files."""
    document = {"topic": place.topic, "partition": place.partition, "day": day, "entries": [plain(e) for e in entries]}
    files.write(mirror_name(place, day), memoryview(json.dumps(document, indent=1).encode()))


def read_mirrors(files: Files) -> list[Entry]:
    """What the copies beside the files say. Raises Refused `archive_mirror_broken`."""
    out: list[Entry] = []
    for name in files.names(FOLDER):
        if not name.endswith(".json"):
            continue
        content = files.read(name)
        try:
            out += [of_plain(value) for value in json.loads(content or b"")["entries"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(
                "archive_mirror_broken",
                f"the archive's file {name}",
                f"{type(error).__name__}: {error}",
                "Bring it back from a backup; it says which records are in the files beside it.",
            ) from error
    return out


class Gathering:
    """A source for the runner that lets the store flush between two reads: by age, and once when it has caught up."""

    def __init__(self, source: LogSource, store: ArchiveStore) -> None:
        self._source = source
        self._store = store
        self._ends: Mapping[Place, Ends] = {}
        # Places that are not yet where the log ended when they were assigned; None once that was told.
        self._behind: dict[Place, int] | None = None

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read these places from these positions from now on. The ends asked for last are what is caught up with."""
        self._source.assign(positions)
        known = {place: self._ends[place].stable for place in positions if place in self._ends}
        self._behind = {place: end for place, end in known.items() if (positions[place] or 0) < end}

    def read(self, limit: int, seconds: float) -> Batch:
        """Up to `limit` committed records, after what is old enough was flushed."""
        caught_up = self._behind is not None and not self._behind
        if caught_up:
            self._behind = None
        self._store.tick(caught_up)
        batch = self._source.read(limit, seconds)
        for place, at in batch.positions.items():
            if self._behind and at >= self._behind.get(place, at + 1):
                del self._behind[place]
        return batch

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """Where the log begins and ends."""
        self._ends = self._source.ends(places)
        return self._ends

    def lag(self) -> Mapping[Place, int]:
        """Records not yet read, by place."""
        return self._source.lag()

    def close(self) -> None:
        """Leave."""
        self._source.close()
