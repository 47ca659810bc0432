"""What is in which file: entries by place, in the order of the log. Plain values; no database, no files.

The ranges of a place touch: each entry begins where the one before ends. An entry says of its range [from, to)

    file      its committed records are in this file
    empty     it holds none: markers and aborted records only
    removed   they were taken out on purpose, and why (retention)
    lost      the log had dropped them before the archive had them, and a person has accepted it, and why

Over these lie entries `removed` with a tenant: its records of that range were taken out of the files that hold it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal

from processors.host.places import Place
from schemas.envelope import rfc3339
from schemas.errors import MandateError

Kind = Literal["file", "empty", "removed", "lost"]
# Nothing of such a range is there, and somebody has said why.
GONE: frozenset[Kind] = frozenset({"removed", "lost"})
# Everything of the archive as it was written; `cold/` beside it is the layout by tenant and date.
FOLDER = "log"


class ArchiveError(MandateError):
    """Files and manifest contradict each other, or what is asked for is not there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One range of one place. Times are append times in ms of the first and last record; None without records.

    `records` are those that the file holds; of an entry with a tenant, those that were taken out.
    """

    topic: str
    partition: int
    start: int
    end: int
    kind: Kind
    day: int
    file: str | None = None
    records: int = 0
    bytes: int = 0
    sha256: str | None = None
    first_time: int | None = None
    last_time: int | None = None
    reason: str | None = None
    tenant: str | None = None

    @property
    def place(self) -> Place:
        """Its partition of its topic."""
        return Place(self.topic, self.partition)

    @property
    def range(self) -> str:
        """`topic[partition] from to`, as errors and people write it."""
        return f"{self.topic}[{self.partition}] {self.start} to {self.end}"


NAMES = tuple(field.name for field in fields(Entry))


def date_text(day: int) -> str:
    """The folder of a day: YYYY-MM-DD of days since 1970 (any day that a broker's clock can say)."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def folder(topic: str, day: int) -> str:
    """Where the files of a topic's day lie."""
    return f"{FOLDER}/{topic}/{date_text(day)}"


def file_name(place: Place, day: int, start: int, end: int, sha256: str) -> str:
    """The name of a file. With a part of its hash: who writes the same name again writes the same bytes."""
    return f"{folder(place.topic, day)}/{place.partition}-{start:012d}-{end:012d}-{sha256[:12]}.parquet"


def mirror_name(place: Place, day: int) -> str:
    """The name of the manifest's copy for a place and day."""
    return f"{folder(place.topic, day)}/manifest-{place.partition}.json"


def plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON has it."""
    return asdict(entry)


def of_plain(value: Mapping[str, Any]) -> Entry:
    """An entry from JSON; copies from before tenants were removed do not name one. Raises KeyError, TypeError."""
    return Entry(**{name: value[name] for name in NAMES if name != "tenant"}, tenant=value.get("tenant"))


def order(entry: Entry) -> tuple[str, int, int, str]:
    """The order of the manifest: by place and position, a tenant's behind the one whose file it was in."""
    return entry.topic, entry.partition, entry.start, entry.tenant or ""


class Manifest:
    """The entries of every place. `positions`: where the archive stands, also at places without a record yet."""

    def __init__(self, entries: Iterable[Entry], positions: Mapping[Place, int] | None = None) -> None:
        self._entries: dict[Place, list[Entry]] = {}
        self._removals: dict[Place, list[Entry]] = {}
        for entry in sorted(entries, key=order):
            kept = self._entries if entry.tenant is None else self._removals
            kept.setdefault(entry.place, []).append(entry)
        self._positions = dict(positions or {})

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place that the archive knows, in order."""
        return tuple(sorted({*self._entries, *self._positions}))

    def entries(self, place: Place) -> tuple[Entry, ...]:
        """The entries of a place, in order."""
        return tuple(self._entries.get(place, ()))

    def removals(self, place: Place) -> tuple[Entry, ...]:
        """What was taken out of the files of a place, by tenant, in order."""
        return tuple(self._removals.get(place, ()))

    def position(self, place: Place) -> int:
        """Where the archive goes on at this place."""
        found = self._entries.get(place)
        return self._positions.get(place, found[-1].end if found else 0)

    def bounds(self, place: Place) -> tuple[int, int]:
        """First kept position and the end. What was removed or lost at the beginning is not kept."""
        end = self.position(place)
        for entry in self._entries.get(place, ()):
            if entry.kind not in GONE:
                return entry.start, end
        return end, end

    def since(self, place: Place, time_ms: int) -> Entry | None:
        """The first file of a place with a record appended at this time (ms) or later, as far as times ascend."""
        found = self._entries.get(place, [])
        return next((e for e in found if e.kind == "file" and (e.last_time or 0) >= time_ms), None)

    def cover(self, place: Place, start: int, end: int) -> list[Entry]:
        """The entries that hold [start, end), without a gap.

        Raises ArchiveError: history_hole (naming place and position), history_removed, history_lost (and the reason).
        """
        found = self._entries.get(place, [])
        at, out = start, []
        for entry in found[max(0, bisect_right(found, start, key=lambda e: e.start) - 1) :]:
            if entry.start >= end:
                break
            if entry.end <= at:
                continue
            if entry.start > at:
                break
            if entry.kind in GONE:
                raise ArchiveError(
                    f"history_{entry.kind}",
                    f"{place.topic}[{place.partition}]@{at}",
                    f"records {entry.start} to {entry.end} were {entry.kind}: {entry.reason}",
                    "Begin after them.",
                )
            out.append(entry)
            at = entry.end
        if at < end:
            raise hole(place, at)
        return out


def refuse_removed(removals: Iterable[Entry], start: int, end: int) -> None:
    """Raise ArchiveError `history_removed` when a tenant's records of [start, end) were taken out."""
    found = [entry for entry in removals if entry.start < end and entry.end > start]
    if found:
        last = max(found, key=lambda entry: entry.end)
        after = "" if last.last_time is None else f" (the last is of {rfc3339(last.last_time)})"
        raise ArchiveError(
            "history_removed",
            f"{last.topic}[{last.partition}]@{max(start, found[0].start)}",
            f"of {found[0].start} to {last.end}, {sum(e.records for e in found)} records of tenant {last.tenant} "
            f"were removed: {last.reason}",
            f"Begin after them{after}.",
        )


def hole(place: Place, at: int) -> ArchiveError:
    """The error of a range that no entry holds."""
    return ArchiveError(
        "history_hole",
        f"{place.topic}[{place.partition}]@{at}",
        "no entry of the archive's manifest holds this position",
        "See `mandate archive verify`.",
    )
