"""Actions that Postgres no longer holds, from the archive's files by tenant and date: the timeline's cold tier.

Called by queries.py for a page that reaches below the oldest day that has a table. Days are read one at a time until
the page is full; a day of a tenant is in memory while it is read (a file is at most 16 MB packed).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from processors.host.places import Place
from projections.paging import CLOCK_SLACK_MS, Marks
from projections.timeline.project import DAY_MS, day_of
from schemas.envelope import flags

# How long it is believed which days there are: they are written once a day.
DAYS_SECONDS = 60.0

Row = dict[str, Any]


class Cold(Protocol):
    """What a page needs of the files."""

    def days(self) -> list[int]:
        """The days that are there, as days since 1970, oldest first."""

    def rows(self, tenant: str, day: int) -> Iterable[Row]:
        """The actions of a tenant's day, with the columns of the timeline's table."""


class ColdFiles:
    """The real one, at a directory or URL. Safe for several threads. pyarrow is imported when there is a day."""

    def __init__(self, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._lock = Lock()
        self._days: list[int] = []
        self._looked = float("-inf")

    def days(self) -> list[int]:
        """The days that are there. Raises NotReady `archive_unreachable`."""
        if "://" not in self._where and not (Path(self._where) / "cold" / "days").is_dir():
            return []
        from projections.archive import cold
        from projections.archive.files import Files

        with self._lock:
            if self._clock() - self._looked > DAYS_SECONDS:
                self._days, self._looked = cold.days(Files(self._where)), self._clock()
            return self._days

    def rows(self, tenant: str, day: int) -> Iterable[Row]:
        """The actions of a tenant's day. Raises NotReady, ArchiveError (a file is missing or corrupt)."""
        from projections.archive import cold
        from projections.archive.files import Files

        for table in cold.read(Files(self._where), tenant, day):
            for found in table.to_pylist():
                if found["event_id"] is not None:
                    yield _row(found)


def _row(found: Mapping[str, Any]) -> Row:
    appended: datetime = found["append_time"]
    headers = tuple((pair["name"], pair["value"]) for pair in found["headers"])
    same = ("topic", "partition", "offset", "actor", "session", "sequence", "received_at", "traits", "resource", "type")
    return {name: found[name] for name in same} | {
        "append_time": round(appended.timestamp() * 1000),
        "event_id": UUID(bytes=found["event_id"]),
        "event_time": found["timestamp"],
        "flags": ",".join(flags(headers)),
        "error_type": None,
        "error_message": None,
        "original": found["value"],
        # When it was projected went with the table; the log had it then.
        "processed_at": appended.astimezone(UTC),
    }


def gather(
    cold: Cold,
    tenant: str,
    floor: int,
    marks: Marks,
    wanted: int,
    newest: bool,
    given: Mapping[str, Any],
) -> list[Row]:
    """At least `wanted` rows (fewer at the end) of days below `floor`, beyond the marks, narrowed by `given`.

    `given`: actor, resource, since (append time in ms); None is any.
    """
    # Pages are merged by append time: what was not given yet is not earlier (for newest first: later) than what was.
    times = [mark.append_time for mark in marks.values()] or [0]
    low = max(0 if newest else day_of(max(0, max(times) - CLOCK_SLACK_MS)), day_of(given["since"] or 0))
    high = min(floor - 1, day_of(min(times) + CLOCK_SLACK_MS) if newest else floor - 1)
    out: list[Row] = []
    for day in sorted((d for d in cold.days() if low <= d <= high), reverse=newest):
        out += [row for row in cold.rows(tenant, day) if _in(row, marks, newest, given)]
        if len(out) >= wanted:
            break
    return out


def _in(row: Row, marks: Marks, newest: bool, given: Mapping[str, Any]) -> bool:
    mark = marks.get(Place(row["topic"], row["partition"]))
    if mark is None or not (row["offset"] < mark.offset if newest else row["offset"] > mark.offset):
        return False
    if given["since"] is not None and row["append_time"] < given["since"]:
        return False
    return all(given[name] in (None, row[name]) for name in ("actor", "resource"))


def first_day(names: Iterable[str]) -> int | None:
    """The oldest day among names of day tables (`…_YYYYMMDD`), or None."""
    digits = [name[-8:] for name in names]
    if not digits:
        return None
    found = datetime.strptime(min(digits), "%Y%m%d").replace(tzinfo=UTC)
    return int(found.timestamp() * 1000) // DAY_MS
