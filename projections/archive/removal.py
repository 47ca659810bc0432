"""A tenant's records are taken out of the archive: of every file of the log, and of the layout by tenant and date.

Called by `mandate archive remove --tenant`, and by the upkeep for what a tenant's settings say (retention). The order,
so that a death between any two steps leaves nothing undone:

    asked      the request is in Postgres: whoever does the upkeep next finishes it
    rewritten  a file without the tenant's records is there, and nobody knows of it (removed by the next sweep)
    replaced   one transaction: the row of the old file gives way to the new one's, with an entry that says what is gone
    mirrored   the copy of the day's rows is written (else by the next upkeep)
    listed     the list of a cold day no longer names the tenant's files
    deleted    those files are gone; an old file of the log goes an hour later, since a reader may be at it
    done       the request is done

Positions do not change: the range is still held by the file, and the entry over it says what was taken out and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from processors.host.places import Place
from projections.archive import cold
from projections.archive.files import Files
from projections.archive.history import corrupt, guarded, opened
from projections.archive.manifest import Entry
from projections.archive.project import SCHEMA, parquet
from projections.archive.store import write_content, write_mirror
from projections.archive.tenants import Tenants
from schemas.topology import Topology

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """Take out the tenant's records that were appended on days before `before` (days since 1970).

    `retention`: only of topics that are not kept for ever and hold no state; else of all.
    """

    number: int
    tenant: str
    before: int
    retention: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What was done: the entries that say what is gone from the log's files, and how many cold files are gone."""

    entries: tuple[Entry, ...]
    cold_files: int


class Removing(Protocol):
    """What removal needs of the manifest; upkeep.Upkeep is the real one. Only one at a time, anywhere."""

    def files_before(self, request: Request) -> Sequence[Entry]:
        """The files that may hold what is to be removed."""

    def replace(self, before: Sequence[Entry], after: Entry, over: Sequence[Entry] = ()) -> bool:
        """One row for these, if they are still the same, and what lies over it. False: nothing was changed."""

    def copying(self, place: Place, day: int) -> AbstractContextManager[Sequence[Entry]]:
        """The entries of a place's day, while nobody else writes its copy; at the end the copy is written."""

    def done(self, request: Request) -> None:
        """The request is done."""


def remove(ledger: Removing, files: Files, topology: Topology, request: Request, at: Step = lambda _: None) -> Removed:
    """Do what was asked; what is done already is not done again.

    Raises ArchiveError (a file is missing or corrupt: what is done stays done, the request stays open), NotReady,
    psycopg.Error.
    """
    tenants = Tenants(topology)
    topics = frozenset(t.name for t in topology.topics.values() if t.cleanup == "delete" and t.retention_ms != -1)
    out: list[Entry] = []
    for entry in ledger.files_before(request):
        if not request.retention or entry.topic in topics:
            out += _rewrite(ledger, files, tenants, entry, request, at)
    gone = cold.remove(files, request.tenant, request.before, at)
    ledger.done(request)
    at("done")
    return Removed(tuple(out), gone)


def _rewrite(ledger: Removing, files: Files, tenants: Tenants, entry: Entry, request: Request, at: Step) -> list[Entry]:
    source = opened(files, entry)
    mine = guarded(entry, entry.start, partial(_mine, source, tenants, entry.topic, request.tenant))
    if mine is None:
        return []
    table, theirs = mine
    if table.num_rows != entry.records:
        raise corrupt(entry, entry.start, f"it holds {table.num_rows} records, the manifest says {entry.records}")
    gone, kept = table.filter(theirs), table.filter(pc.invert(theirs))
    after = replace(entry, kind="empty", file=None, records=0, bytes=0, sha256=None, first_time=None, last_time=None)
    if kept.num_rows:
        first, last = _times(kept)
        content = memoryview(parquet(kept.to_batches()))
        after = write_content(
            files, entry.place, entry.day, entry.start, entry.end, content, kept.num_rows, first, last
        )
    at("rewritten")
    first, last = _times(gone)
    offsets = gone.column("offset")
    said = Entry(
        *entry.place, offsets[0].as_py(), offsets[-1].as_py() + 1, "removed", entry.day, records=gone.num_rows,
        first_time=first, last_time=last, reason=request.reason, tenant=request.tenant,
    )  # fmt: skip
    if not ledger.replace([entry], after, [said]):
        if after.file is not None:
            files.delete(after.file)
        return []
    at("replaced")
    with ledger.copying(entry.place, entry.day) as entries:
        write_mirror(files, entry.place, entry.day, entries)
    at("mirrored")
    return [said]


def _mine(source: pq.ParquetFile, tenants: Tenants, topic: str, tenant: str) -> tuple[pa.Table, pa.ChunkedArray] | None:
    """All of a file with its tenants known, and which records are the tenant's; None when none is.

    Files from before a tenant was told by more than key and head have none in the column: it is told now.
    """
    known = source.read(["tenant"], use_threads=False).column(0)
    if known.null_count == 0 and not pc.any(pc.equal(known, tenant)).as_py():
        return None
    table = source.read(use_threads=False).cast(SCHEMA)
    if known.null_count:
        keys, values = table.column("key").to_pylist(), table.column("value").to_pylist()
        told = [
            was if was is not None else tenants.of(topic, key, value)
            for was, key, value in zip(known.to_pylist(), keys, values, strict=True)
        ]
        known = pa.chunked_array([pa.array(told, pa.string())])
        table = table.set_column(SCHEMA.get_field_index("tenant"), SCHEMA.field("tenant"), known)
    theirs = pc.fill_null(pc.equal(known, tenant), False)
    return (table, theirs) if pc.any(theirs).as_py() else None


def _times(table: pa.Table) -> tuple[int, int]:
    found = pc.min_max(table.column("append_time").cast(pa.int64())).as_py()
    return found["min"], found["max"]
