"""The layout for old questions: the actions of one tenant and day together, as cold/tenant=…/date=…/ files.

A second copy of what `log/` holds of the topic that the timeline shows, made when a day is over for good; `log/` stays
the truth. A day is there when its list is: `cold/days/<date>.json` is written last, names the files by tenant, and says
of which ranges it was made, so that a day that got more records (an archive that was late) is written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from projections.archive.files import Files
from projections.archive.history import corrupt, guarded, opened
from projections.archive.manifest import ArchiveError, Entry, Manifest, date_text
from projections.archive.project import SCHEMA, parquet
from schemas import ids

FOLDER = "cold"
# What the timeline shows of agents.
TOPIC = "actions.ordered"
# A day ends for all clocks and for an archive that was late by a day; what comes later writes the day again.
DAYS_AFTER = 2


Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What one pass wrote."""

    days: int = 0
    files: int = 0
    records: int = 0


def write(manifest: Manifest, files: Files, today: int, topic: str = TOPIC) -> Written:
    """Write every day that is over and not there, or not complete. Raises ArchiveError, NotReady."""
    days: dict[int, list[Entry]] = {}
    for place in manifest.places:
        if place.topic == topic:
            for entry in manifest.entries(place):
                if entry.kind == "file" and entry.day <= today - DAYS_AFTER:
                    days.setdefault(entry.day, []).append(entry)
    done = Written()
    for day, entries in sorted(days.items()):
        if (_list(files, day) or {}).get("of") == _of(entries):
            continue
        made = [file for entry in entries for file in _write_file(files, day, entry)]
        document = {"date": date_text(day), "of": _of(entries), "files": made}
        files.write(_list_name(day), memoryview(json.dumps(document, indent=1).encode()))
        done = Written(done.days + 1, done.files + len(made), done.records + sum(f["records"] for f in made))
    return done


def days(files: Files) -> list[int]:
    """The days that are there, as days since 1970, oldest first."""
    names = [name.rpartition("/")[2] for name in files.names(f"{FOLDER}/days")]
    found = [date.fromisoformat(name.removesuffix(".json")) for name in names if name.endswith(".json")]
    return [(day - date(1970, 1, 1)).days for day in found]


def counts(files: Files) -> dict[int, dict[str, int]]:
    """Records by tenant, of each day that is there."""
    out: dict[int, dict[str, int]] = {}
    for day in days(files):
        by_tenant = out.setdefault(day, {})
        for file in (_list(files, day) or {"files": []})["files"]:
            by_tenant[file["tenant"]] = by_tenant.get(file["tenant"], 0) + file["records"]
    return out


def removed(manifest: Manifest) -> dict[int, set[str]]:
    """Tenants whose records were taken out of the log's files, by day."""
    out: dict[int, set[str]] = {}
    for place in manifest.places:
        if place.topic == TOPIC:
            for entry in manifest.removals(place):
                out.setdefault(entry.day, set()).add(str(entry.tenant))
    return out


def remove(files: Files, tenant: str, before: int, at: Step = lambda _: None) -> int:
    """Take a tenant's files of days before `before` out, first of the lists and then of the folders.

    Returns how many files were deleted: also those that a run which died had only taken out of a list.
    """
    kept: set[str] = set()
    for day in days(files):
        listed = _list(files, day) or {"files": []}
        mine = [file["file"] for file in listed["files"] if file["tenant"] == tenant]
        if mine and day < before:
            others = [file for file in listed["files"] if file["tenant"] != tenant]
            files.write(_list_name(day), memoryview(json.dumps(listed | {"files": others}, indent=1).encode()))
            at("listed")
        else:
            kept.update(mine)
    gone = [name for name in files.names(f"{FOLDER}/tenant={ids.escape(tenant)}") if name not in kept]
    for name in gone:
        files.delete(name)
        at("deleted")
    return len(gone)


def read(files: Files, tenant: str, day: int, columns: Sequence[str] = SCHEMA.names) -> Iterator[pa.Table]:
    """The actions of a tenant's day, a table for each file, by append time within each; none when the day is not there.

    Raises ArchiveError: archive_file_missing, archive_file_corrupt.
    """
    for file in (_list(files, day) or {}).get("files", []):
        if file["tenant"] != tenant:
            continue
        name = file["file"]
        content = files.read(name)
        if content is None:
            if file not in (_list(files, day) or {"files": []})["files"]:
                return  # the tenant's files were removed while this one was about to be read
            raise ArchiveError(
                "archive_file_missing",
                f"the archive's file {name}",
                f"it is not there; cold/days/{date_text(day)}.json names it",
                "Delete that list and run `mandate archive compact`: the day is written again.",
            )
        entry = Entry(TOPIC, file["partition"], file["start"], file["end"], "file", day, name)
        yield guarded(entry, entry.start, partial(_parse, content, list(columns)))


def _parse(content: bytes, columns: list[str]) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read(columns, use_threads=False)


def _write_file(files: Files, day: int, entry: Entry) -> list[dict[str, Any]]:
    """The files by tenant of one file of the log; returns what the day's list says of them."""
    source = opened(files, entry)
    table = guarded(entry, entry.start, partial(_all, source))
    if table.num_rows != entry.records:
        raise corrupt(entry, entry.start, f"it holds {table.num_rows} records, the manifest says {entry.records}")
    out: list[dict[str, Any]] = []
    tenants = sorted(t for t in pc.unique(table.column("tenant")).to_pylist() if t is not None)
    for tenant in tenants:
        mine = table.filter(pc.equal(table.column("tenant"), tenant))
        content = memoryview(parquet(mine.to_batches()))
        digest = sha256(content).hexdigest()
        folder = f"{FOLDER}/tenant={ids.escape(tenant)}/date={date_text(day)}"
        name = f"{folder}/{entry.topic}-{entry.partition}-{entry.start:012d}-{digest[:12]}.parquet"
        files.write(name, content)
        out.append(
            {"tenant": tenant, "file": name, "partition": entry.partition, "start": entry.start, "end": entry.end}
            | {"records": mine.num_rows, "sha256": digest}
        )
    return out


def _all(source: pq.ParquetFile) -> pa.Table:
    return source.read(use_threads=False).cast(SCHEMA)


def _of(entries: Sequence[Entry]) -> list[list[int]]:
    """Which ranges a day was made of, whatever files they are in: [partition, first, end, records]."""
    places: dict[int, list[int]] = {}
    for entry in entries:
        known = places.setdefault(entry.partition, [entry.partition, entry.start, entry.end, 0])
        known[1], known[2] = min(known[1], entry.start), max(known[2], entry.end)
        known[3] += entry.records
    return [places[partition] for partition in sorted(places)]


def _list_name(day: int) -> str:
    return f"{FOLDER}/days/{date_text(day)}.json"


def _list(files: Files, day: int) -> dict[str, Any] | None:
    content = files.read(_list_name(day))
    if content is None:
        return None
    try:
        found: dict[str, Any] = json.loads(content)
    except ValueError:
        return None  # it is written again
    return found
