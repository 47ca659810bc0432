"""Merging: the small files of a place's day become one, and files that nobody names any more are deleted.

Called by `mandate archive compact` and by the running archive at low load (upkeep.py). The order, so that a death
between any two steps leaves the archive as it was or as it shall be:

    merged      the new file is there, and nobody knows of it (removed by the next sweep)
    replaced    one transaction: the rows of the small files give way to one row, if they are still the same
    mirrored    the copy of the day's rows is written
    deleted     the small files, an hour later, since a reader may be at them

Only the position's owner appends rows, and only at a place's end, so merging what lies before needs no run of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from processors.host.places import Place
from projections.archive.files import Files
from projections.archive.history import corrupt, guarded, opened
from projections.archive.manifest import GONE, Entry, Manifest
from projections.archive.project import SCHEMA, parquet
from projections.archive.store import write_content, write_mirror

# A merged file: 16 MB are about 80 MB as columns, which merging holds at once. From the half there is nothing to gain.
MERGED_BYTES = 16_777_216
LARGE_BYTES = 8_388_608
# Of a day that is not over: 60 files are an hour of a busy place.
FILES_OPEN_DAY = 60

Step = Callable[[str], None]


class Merging(Protocol):
    """What merging needs of the manifest; ledger.Upkeep is the real one. Only one at a time, anywhere."""

    def manifest(self) -> Manifest:
        """All of it."""

    def replace(self, before: Sequence[Entry], after: Entry) -> bool:
        """One row for these, if they are still the same; their files are superseded. False: nothing was changed."""

    def copying(self, place: Place, day: int) -> AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""

    def expired(self) -> Sequence[str]:
        """Superseded files that no reader is at any more."""

    def forget(self, files: Sequence[str]) -> None:
        """They are deleted."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What one pass did."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    deleted: int = 0


def merge(ledger: Merging, files: Files, today: int, at: Step = lambda _: None) -> Merged:
    """Merge what is small, delete what is superseded. `today`: days since 1970, the day that is not over.

    Raises ArchiveError (a file is missing or corrupt: nothing is replaced), NotReady, psycopg.Error.
    """
    before = after = bytes_before = bytes_after = 0
    for group in groups(ledger.manifest(), today):
        made = _merge(ledger, files, group, at)
        if made is not None:
            before, after = before + len([e for e in group if e.kind == "file"]), after + 1
            bytes_before, bytes_after = bytes_before + sum(e.bytes for e in group), bytes_after + made.bytes
    expired = ledger.expired()
    for name in expired:
        files.delete(name)
    ledger.forget(expired)
    return Merged(before, after, bytes_before, bytes_after, len(expired))


def groups(manifest: Manifest, today: int) -> Iterator[list[Entry]]:
    """Neighbours of one place and day that shall become one file: at least two, together not too large."""
    for place in manifest.places:
        entries = manifest.entries(place)
        for day in sorted({entry.day for entry in entries}):
            mine = [entry for entry in entries if entry.day == day and entry.kind not in GONE]
            found = list(_neighbours(mine))
            small = sum(len(group) for group in found)
            if day < today or small >= FILES_OPEN_DAY:
                yield from found


def _neighbours(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    size = 0
    for entry in entries:
        large = entry.bytes >= LARGE_BYTES
        if group and (large or group[-1].end != entry.start or size + entry.bytes > MERGED_BYTES):
            if sum(e.kind == "file" for e in group) > 1:
                yield group
            group, size = [], 0
        if not large:
            group.append(entry)
            size += entry.bytes
    if sum(e.kind == "file" for e in group) > 1:
        yield group


def _merge(ledger: Merging, files: Files, group: Sequence[Entry], at: Step) -> Entry | None:
    first, last = group[0], group[-1]
    batches = _batches(files, group)
    content = memoryview(parquet(batches))
    records = sum(batch.num_rows for batch in batches)
    times = [t for e in group for t in (e.first_time, e.last_time) if t is not None]
    made = write_content(files, first.place, first.day, first.start, last.end, content, records, min(times), max(times))
    at("merged")
    if not ledger.replace(group, made):
        files.delete(str(made.file))
        return None
    at("replaced")
    with ledger.copying(made.place, made.day) as entries:
        write_mirror(files, made.place, made.day, entries)
    at("mirrored")
    return made


def _batches(files: Files, group: Sequence[Entry]) -> list[pa.RecordBatch]:
    out: list[pa.RecordBatch] = []
    for entry in group:
        if entry.kind != "file":
            continue
        source = opened(files, entry)
        table = guarded(entry, entry.start, partial(_table, source))
        if table.num_rows != entry.records:
            raise corrupt(entry, entry.start, f"it holds {table.num_rows} records, the manifest says {entry.records}")
        out += table.to_batches()
    return out


def _table(source: pq.ParquetFile) -> pa.Table:
    return source.read(use_threads=False).cast(SCHEMA)
