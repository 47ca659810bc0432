"""History from the archive's files, and joined with a live log: the archive first, the log from where it ends.

The contract is processors/host/history.py. A reading has one file open, and of it the bytes of one row group (some MB)
and READ_RECORDS records in memory: replay has twenty readings open side by side. Every page of a file has a checksum
that is verified; whether a file is the one that was written is asked by `mandate archive verify`, and by whoever gives
a list for those that are not.

    with closing(open_history(where, manifest, LogHistory(bootstrap))) as history: ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from processors.host.history import History, check_bounds
from processors.host.history import since as since_time
from processors.host.lists import lists_of
from processors.host.places import Place
from projections.archive.files import Files
from projections.archive.manifest import ArchiveError, Entry, Manifest, refuse_removed
from projections.archive.project import RECORD_COLUMNS, records_of
from schemas.record import Record

T = TypeVar("T")
# Records made of a row group at once, 2 MB of actions; fewer where they are large, as the parts of a changelog are.
READ_RECORDS = 2_048
READ_BYTES = 2_097_152
# The hash of a file is computed by pieces of this many bytes.
HASH_BYTES = 1_048_576


class ArchiveHistory:
    """A history of what the manifest names. It does not see what is archived after the manifest was read.

    `passes`: in which topics a tenant's records may be missing that were taken out; in others `read` refuses a stretch
    with such a gap (`history_removed`), since who reads it would take what is left for all.
    """

    def __init__(
        self,
        files: Files | str,
        manifest: Manifest,
        different: list[Entry] | None = None,
        passes: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """With `different`, files that are read and have not the hash of their entry are added to it, once each."""
        self._files = Files(files) if isinstance(files, str) else files
        self._manifest = manifest
        self._hashes = None if different is None else _Hashes(different)
        self._passes = passes

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has here. Raises ArchiveError `topic_not_archived`."""
        numbers = [place.partition for place in self._manifest.places if place.topic == topic]
        if not numbers:
            raise ArchiveError(
                "topic_not_archived", topic, "the archive holds nothing of it", "See `mandate archive status`."
            )
        return max(numbers) + 1

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept position, and the end of what is archived."""
        return self._manifest.bounds(place)

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end, ascending.

        Raises MandateError: those of History, and history_removed, history_lost, archive_file_missing,
        archive_file_corrupt.
        """
        for records in self.lists(place, start, end):
            yield from records

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The same by row groups, as Listed says."""
        if start >= end:
            return
        check_bounds(place, start, end, self.bounds(place))
        if not self._passes(place.topic):
            refuse_removed(self._manifest.removals(place), start, end)
        for entry in self._manifest.cover(place, start, end):
            if entry.kind == "file":
                yield from read_entry(self._files, entry, start, end, self._hashes)

    def since(self, place: Place, time_ms: int) -> int:
        """The first offset appended at this time or later, as Timed says: by the manifest, then in one file.

        Raises ArchiveError: archive_file_missing, archive_file_corrupt.
        """
        entry = self._manifest.since(place, time_ms)
        if entry is None:
            return self.bounds(place)[1]
        if entry.first_time is None or entry.first_time >= time_ms:
            # What was taken out before it was appended earlier: nothing is missing from here on.
            gone = [e.end for e in self._manifest.removals(place) if (e.last_time or 0) < time_ms]
            return max([entry.start, *(end for end in gone if end < entry.end)])
        source = opened(self._files, entry)
        for number in range(source.num_row_groups):
            found = guarded(entry, entry.start, partial(_first_since, source, number, time_ms))
            if found is not None:
                return found
        return entry.end

    def removed(self, place: Place, start: int, end: int) -> bool:
        """Whether a tenant's records of this stretch were taken out. See processors/host/history.py."""
        return any(entry.start < end and entry.end > start for entry in self._manifest.removals(place))

    def removed_tenants(self, places: Collection[Place]) -> frozenset[str]:
        """Whose records were taken out of these places."""
        return frozenset(str(entry.tenant) for place in places for entry in self._manifest.removals(place))

    def removals(self) -> list[tuple[str, int, str]]:
        """Tenant, number of records and reason of all that was taken out, each pair of tenant and reason once."""
        counts: Counter[tuple[str, str]] = Counter()
        for place in self._manifest.places:
            for entry in self._manifest.removals(place):
                counts[str(entry.tenant), str(entry.reason)] += entry.records
        return [(tenant, records, reason) for (tenant, reason), records in sorted(counts.items())]

    def close(self) -> None:
        """Nothing stays open."""


class Live(History, Protocol):
    """The history of a live log: it is closed after use."""

    def close(self) -> None:
        """Leave."""


class JoinedHistory:
    """Archive and live log as one. What both hold is read from the archive, which compaction does not touch."""

    def __init__(self, archive: ArchiveHistory, live: Live) -> None:
        self._archive = archive
        self._live = live

    def partitions(self, topic: str) -> int:
        """As the log says. Raises MandateError."""
        return self._live.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        """From the first that either keeps to the end of the log."""
        low, high = self._live.bounds(place)
        first, archived = self._archive.bounds(place)
        return (min(low, first) if first < archived else low), max(high, archived)

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Committed records with start <= offset < end, ascending.

        Raises MandateError: those of History; `history_hole` when the log no longer keeps what the archive has not yet.
        """
        for records in self.lists(place, start, end):
            yield from records

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The same in lists, as Listed says."""
        if start >= end:
            return
        check_bounds(place, start, end, self.bounds(place))
        first, archived = self._archive.bounds(place)
        if start < first < archived:  # the archive was begun later than the log
            yield from lists_of(self._live, place, start, min(first, end))
        yield from self._archive.lists(place, max(start, first), min(end, archived))
        rest = max(start, archived)
        if rest < end:
            low, _ = self._live.bounds(place)
            if rest < low:
                raise ArchiveError(
                    "history_hole",
                    f"{place.topic}[{place.partition}]@{rest}",
                    f"the archive ends at {archived} and the log keeps only from {low}",
                    "Records between the two are lost: see why the archive was late; `mandate archive accept-loss`.",
                )
            yield from lists_of(self._live, place, rest, end)

    def since(self, place: Place, time_ms: int) -> int:
        """The first offset appended at this time or later, as Timed says: the manifest and the broker are asked."""
        first, archived = self._archive.bounds(place)
        low, _ = self._live.bounds(place)
        if first < archived:
            if low < first:  # the archive was begun later than the log
                found = since_time(self._live, place, time_ms)
                if found < first:
                    return found
            found = self._archive.since(place, time_ms)
            if found < archived:
                return found
        return max(archived, since_time(self._live, place, time_ms))

    def removed(self, place: Place, start: int, end: int) -> bool:
        """Whether a tenant's records of this stretch were taken out of the archive."""
        return self._archive.removed(place, start, end)

    def removed_tenants(self, places: Collection[Place]) -> frozenset[str]:
        """Whose records were taken out of these places in the archive."""
        return self._archive.removed_tenants(places)

    def removals(self) -> list[tuple[str, int, str]]:
        """What was taken out of the archive, as ArchiveHistory says."""
        return self._archive.removals()

    def close(self) -> None:
        """Leave the log."""
        self._archive.close()
        self._live.close()


class _Hashes:
    """Which files are not those that were written; each is asked once."""

    def __init__(self, different: list[Entry]) -> None:
        self._different = different
        self._seen: set[str | None] = set()

    def look(self, entry: Entry, source: pa.NativeFile) -> None:
        """Note a file whose hash is another one; its place in the file is put back to the beginning."""
        if entry.file in self._seen:
            return
        self._seen.add(entry.file)
        digest = sha256()
        while piece := source.read(HASH_BYTES):
            digest.update(piece)
        source.seek(0)
        if digest.hexdigest() != entry.sha256:
            self._different.append(entry)


def read_entry(
    files: Files, entry: Entry, start: int, end: int, hashes: _Hashes | None = None
) -> Iterator[Sequence[Record]]:
    """The records of one file with start <= offset < end by row groups. Raises ArchiveError: missing, corrupt."""
    source = opened(files, entry, hashes)
    seen, at = 0, entry.start
    for number in range(source.num_row_groups):
        count, low, high = guarded(entry, at, partial(_offsets, source, number))
        seen += count
        if high < start:
            continue
        if low >= end:
            return
        at_once = _at_once(source.metadata.row_group(number).total_byte_size, count)
        batches = source.iter_batches(at_once, row_groups=[number], columns=list(RECORD_COLUMNS), use_threads=False)
        while (found := guarded(entry, at, partial(_next, batches, entry, start, end))) is not None:
            yield found
            at = found[-1].offset + 1 if found else at
    if seen != entry.records:
        raise corrupt(entry, at, f"it holds {seen} records, the manifest says {entry.records}")


def _offsets(source: pq.ParquetFile, number: int) -> tuple[int, int, int]:
    """How many records a row group has, its first offset and its last.

    Not by its statistics: of a footer with one wrong bit they end the process.
    """
    offsets = source.read_row_group(number, ["offset"], use_threads=False).column("offset")
    return (len(offsets), offsets[0].as_py(), offsets[-1].as_py()) if len(offsets) else (0, 0, -1)


def _at_once(size: int, count: int) -> int:
    """How many of a row group's `count` records, `size` bytes together, are made at once."""
    return max(1, min(READ_RECORDS, READ_BYTES * count // max(1, size)))


def _next(batches: Iterator[pa.RecordBatch], entry: Entry, start: int, end: int) -> list[Record] | None:
    """The next records with start <= offset < end; None after the last batch."""
    batch = next(batches, None)
    if batch is None:
        return None
    offsets = batch.column("offset")
    if batch.num_rows == 0 or offsets[-1].as_py() < start or offsets[0].as_py() >= end:
        return []
    if offsets[0].as_py() < start or offsets[-1].as_py() >= end:
        batch = batch.filter(pc.and_(pc.greater_equal(offsets, start), pc.less(offsets, end)))
    return records_of(entry.topic, entry.partition, {name: batch.column(name) for name in RECORD_COLUMNS})


def _first_since(source: pq.ParquetFile, number: int, time_ms: int) -> int | None:
    """The offset of a row group's first record appended at this time or later; None: all were appended before."""
    columns = source.read_row_group(number, ["offset", "append_time"], use_threads=False)
    late = pc.greater_equal(columns.column("append_time").cast(pa.int64()), time_ms)
    at = pc.index(late, True).as_py()
    return None if at < 0 else int(columns.column("offset")[at].as_py())


def opened(files: Files, entry: Entry, hashes: _Hashes | None = None) -> pq.ParquetFile:
    """A file, ready to be read; without threads, here and wherever a file of the archive is read: a process that ended
    while pyarrow's own were being born was ended by SIGABRT, its work done and its exit code lost.

    Raises ArchiveError: archive_file_missing, archive_file_corrupt.
    """
    assert entry.file is not None  # entries of kind `file` have one
    source = files.open(entry.file)
    if source is None:
        raise ArchiveError(
            "archive_file_missing",
            f"the archive's file {entry.file}",
            f"it is not there; it holds {entry.range}",
            "Bring it back from a backup, or see whether MANDATE_ARCHIVE is the right place.",
        )
    if hashes is not None:
        guarded(entry, entry.start, lambda: hashes.look(entry, source))
    return guarded(entry, entry.start, lambda: pq.ParquetFile(source, page_checksum_verification=True))


def guarded(entry: Entry, at: int, read: Callable[[], T]) -> T:
    """What `read` gives, or ArchiveError `archive_file_corrupt` naming file and position."""
    try:
        return read()
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise corrupt(entry, at, str(error).splitlines()[0][:200] or type(error).__name__) from error


def corrupt(entry: Entry, at: int, why: str) -> ArchiveError:
    """The error of a file that cannot be read as it should."""
    return ArchiveError(
        "archive_file_corrupt",
        f"the archive's file {entry.file} at {entry.topic}[{entry.partition}]@{at}",
        why,
        "Bring it back from a backup; `mandate archive verify` finds all such files.",
    )
