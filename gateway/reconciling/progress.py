"""What each processor's Progress records say they decided, beside what its input holds there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.reconciling.window import places, stretch
from processors.host.history import History
from processors.host.places import Place
from processors.kernel.engine import PROGRESS_KEY
from schemas.codec import Words
from schemas.messages.kernel import CHANGELOG, Progress
from schemas.topology import Topology

_WORDS = Words(CHANGELOG)
# Stretches that are named; one is enough to know that something is wrong.
NAMED_MAX = 100


# A Progress is followed by its transaction's marker; more missing offsets are what compaction or an abort took.
_MARKER = 1


@dataclass(slots=True)
class Stream:
    """One processor's input: committed records in the stretches that Progress records speak of, and what those say.

    `checked` counts those stretches; `compacted` counts records between two of them whose own Progress compaction took
    from a live changelog. `unbalanced`: {at, after, why, records, said}; `why` is count (the stretch holds other
    records than its Progress says), gap (records lie between it and the one before, `after`, and nothing is missing in
    the changelog there) or overlap (it begins before the one before ends).
    """

    records: int = 0
    decided: int = 0
    checked: int = 0
    compacted: int = 0
    unbalanced: list[dict[str, Any]] = field(default_factory=list)


class _Said(NamedTuple):
    progress: Progress
    # Whether the changelog lacks offsets between the Progress before and this one.
    holes: bool


def account(history: History, declared: Topology, start: int | None, end: int | None) -> dict[str, Stream]:
    """Every processor's input in the window of times (ms). Raises MandateError of the history."""
    out: dict[str, Stream] = {}
    for room in declared.rooms.values():
        stream = out[room.input] = Stream()
        for place, (first, last) in stretch(history, room.input, start, end).items():
            _place(history, place, Place(room.changelog, place.partition), first, last, stream)
    return out


def _place(history: History, place: Place, changelog: Place, first: int, last: int, out: Stream) -> None:
    """Both are read side by side: a stretch ends where the next one begins.

    Where a tenant's records were taken out of the history on purpose, there is nothing to balance.
    """
    removed: Callable[[Place, int, int], bool] = getattr(history, "removed", lambda place, start, end: False)
    records = history.read(place, first, last)
    record = next(records, None)
    before: Progress | None = None
    for progress, holes in _said(history, changelog):
        if progress.to <= first or progress.from_ < first:
            continue
        if progress.to > last:
            break
        counted = passed = 0
        while record is not None and record.offset < progress.to:
            counted += record.offset >= progress.from_
            passed += record.offset < progress.from_
            record = next(records, None)
        if removed(place, progress.from_, progress.to):
            before = progress
            continue
        told = progress.counts.get("in", 0)
        out.checked += 1
        out.records += counted
        out.decided += told
        if before is not None and progress.from_ < before.to:
            _wrong(out, "overlap", place, progress, before, counted)
        elif before is not None and passed and not holes:
            _wrong(out, "gap", place, progress, before, passed)
        elif told != counted:
            _wrong(out, "count", place, progress, before, counted)
        elif before is not None:
            out.compacted += passed
        before = progress


def _wrong(out: Stream, why: str, place: Place, progress: Progress, before: Progress | None, records: int) -> None:
    if len(out.unbalanced) < NAMED_MAX:
        after = None if before is None else _stretch(place, before)
        said = progress.counts.get("in", 0)
        out.unbalanced.append(
            {"at": _stretch(place, progress), "after": after, "why": why, "records": records, "said": said}
        )


def _stretch(place: Place, progress: Progress) -> str:
    return f"{place.topic}-{place.partition}@{progress.from_}..{progress.to}"


def _said(history: History, changelog: Place) -> Iterator[_Said]:
    if changelog not in places(history, changelog.topic):
        return
    low, high = history.bounds(changelog)
    at, holes, marker = low, False, 0
    for record in history.read(changelog, low, high):
        holes = holes or record.offset > at + marker
        at, marker = record.offset + 1, 0
        if record.key == PROGRESS_KEY and record.value is not None:
            yield _Said(_WORDS.decode(record.value), holes)
            holes, marker = False, _MARKER
