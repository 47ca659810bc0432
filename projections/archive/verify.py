"""Is the archive whole? Ranges touch, files are there, are the ones that were written, and hold what they should.

Called by `mandate archive verify` and tests. It reads every file once; one is in memory at a time.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from projections.archive.files import Files
from projections.archive.history import guarded
from projections.archive.manifest import GONE, ArchiveError, Entry, Manifest, mirror_name, of_plain, order


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: a stable code, the file (or None), the position as topic[partition]@offset, and why."""

    code: str
    file: str | None
    at: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what was found. `gone`: entries that say what is not there, and why; no faults."""

    files: int
    records: int
    faults: tuple[Fault, ...]
    gone: tuple[Entry, ...] = ()


def no_archive() -> ArchiveError:
    """The error of a stack that has no archive yet."""
    return ArchiveError(
        "no_archive",
        "the archive",
        "nothing was archived from this database's log yet",
        "Start the stack (mandate up): `python -m projections archive` is part of it.",
    )


def summary(manifest: Manifest) -> list[dict[str, Any]]:
    """Per topic: {topic, partitions, records, files, bytes, removed (ranges), newest (append time in ms or None)}."""
    out: dict[str, dict[str, Any]] = {}
    for place in manifest.places:
        row = out.setdefault(
            place.topic,
            {"topic": place.topic, "partitions": 0}
            | {"records": 0, "files": 0, "bytes": 0, "removed": 0, "newest": None},
        )
        row["partitions"] += 1
        for entry in manifest.entries(place):
            row["records"] += entry.records
            row["bytes"] += entry.bytes
            row["files"] += entry.kind == "file"
            row["removed"] += entry.kind in GONE
            if entry.last_time is not None:
                row["newest"] = max(row["newest"] or 0, entry.last_time)
        row["removed"] += len(manifest.removals(place))
    return list(out.values())


def verify(manifest: Manifest, files: Files) -> Report:
    """Check all of it. Raises NotReady `archive_unreachable`."""
    faults: list[Fault] = []
    gone: list[Entry] = []
    count = records = 0
    for place in manifest.places:
        entries, removals = manifest.entries(place), manifest.removals(place)
        gone += [entry for entry in sorted([*entries, *removals], key=order) if entry.kind in GONE]
        faults += _ranges(entries, manifest.position(place))
        for entry in entries:
            if entry.kind == "file":
                count += 1
                found, wrong = _file(files, entry, removals)
                records += found
                faults += wrong
        listed = sorted([*entries, *removals], key=order)
        for day in sorted({entry.day for entry in listed}):
            faults += _mirror(files, [entry for entry in listed if entry.day == day])
    return Report(count, records, tuple(faults), tuple(gone))


def _ranges(entries: Sequence[Entry], position: int) -> Iterator[Fault]:
    for before, after in pairwise(entries):
        if before.end != after.start:
            kind = "nothing holds" if before.end < after.start else "two entries hold"
            yield Fault("archive_hole", after.file, _at(before, before.end), f"{kind} up to {after.start}")
    if entries and entries[-1].end != position:
        why = f"the stored position is {position}, the last entry ends at {entries[-1].end}"
        yield Fault("archive_hole", entries[-1].file, _at(entries[-1], entries[-1].end), why)


def _file(files: Files, entry: Entry, removals: Sequence[Entry]) -> tuple[int, list[Fault]]:
    """Records found in a file, and what is wrong with it. `removals`: what was taken out at its place."""
    assert entry.file is not None  # entries of kind `file` have one
    content = files.read(entry.file)
    if content is None:
        return 0, [Fault("archive_file_missing", entry.file, _at(entry, entry.start), "it is not there")]
    wrong: list[Fault] = []
    digest = sha256(content).hexdigest()
    if digest != entry.sha256:
        why = f"its hash is {digest[:12]}, the manifest says {(entry.sha256 or '')[:12]}"
        wrong.append(Fault("archive_file_different", entry.file, _at(entry, entry.start), why))
    try:
        offsets, tenants = guarded(entry, entry.start, lambda: _offsets(content))
    except ArchiveError as error:
        return 0, [*wrong, Fault(error.code, entry.file, _at(entry, entry.start), error.why)]
    if len(offsets) != entry.records:
        why = f"it holds {len(offsets)} records, the manifest says {entry.records}"
        wrong.append(Fault("archive_file_corrupt", entry.file, _at(entry, entry.start), why))
    last = entry.start - 1
    for offset in offsets:
        if not last < offset < entry.end:
            wrong.append(Fault("archive_file_corrupt", entry.file, _at(entry, offset), "it is out of order or range"))
            break
        last = offset
    for gone in removals:
        inside = range(bisect_left(offsets, gone.start), bisect_left(offsets, gone.end))
        left = next((offsets[i] for i in inside if tenants[i] == gone.tenant), None)
        if left is not None:
            why = f"a record of tenant {gone.tenant} is there, which the manifest says was removed"
            wrong.append(Fault("archive_tenant_left", entry.file, _at(entry, left), why))
            break
    return len(offsets), wrong


def _offsets(content: bytes) -> tuple[list[int], list[str | None]]:
    # Every column, so that every page's checksum is verified.
    table = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read(use_threads=False)
    return table.column("offset").to_pylist(), table.column("tenant").to_pylist()


def _mirror(files: Files, entries: Sequence[Entry]) -> Iterator[Fault]:
    first = entries[0]
    name = mirror_name(first.place, first.day)
    content = files.read(name)
    if content is None:
        yield Fault("archive_mirror_different", name, _at(first, first.start), "the copy of the manifest is missing")
        return
    try:
        copied = [of_plain(value) for value in json.loads(content)["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        why = f"the copy of the manifest cannot be read: {error}"
        yield Fault("archive_mirror_different", name, _at(first, first.start), why)
        return
    if sorted(copied, key=order) != list(entries):
        yield Fault("archive_mirror_different", name, _at(first, first.start), "the copy is not what the manifest says")


def _at(entry: Entry, offset: int) -> str:
    return f"{entry.topic}[{entry.partition}]@{offset}"
