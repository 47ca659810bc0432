"""What each processor's Progress records say they decided, beside what its input holds there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(slots=True)
class Stream:
    """One processor's input: committed records in the stretches that Progress records speak of, and what those say.

    `checked` counts those stretches; a compacted changelog has kept the newest only. `unbalanced`: {at, records, said}.
    """

    records: int = 0
    decided: int = 0
    checked: int = 0
    unbalanced: list[dict[str, Any]] = field(default_factory=list)


def account(history: History, declared: Topology, start: int | None, end: int | None) -> dict[str, Stream]:
    """Every processor's input in the window of times (ms). Raises MandateError of the history."""
    out: dict[str, Stream] = {}
    for room in declared.rooms.values():
        stream = out[room.input] = Stream()
        for place, (first, last) in stretch(history, room.input, start, end).items():
            _place(history, place, Place(room.changelog, place.partition), first, last, stream)
    return out


def _place(history: History, place: Place, changelog: Place, first: int, last: int, out: Stream) -> None:
    """Both are read side by side: a stretch ends before the next one begins."""
    records = history.read(place, first, last)
    record = next(records, None)
    for progress in _progress(history, changelog):
        if progress.to <= first or progress.from_ < first:
            continue
        if progress.to > last:
            break
        counted = 0
        while record is not None and record.offset < progress.to:
            counted += record.offset >= progress.from_
            record = next(records, None)
        told = progress.counts.get("in", 0)
        out.checked += 1
        out.records += counted
        out.decided += told
        if told != counted and len(out.unbalanced) < NAMED_MAX:
            where = f"{place.topic}-{place.partition}@{progress.from_}..{progress.to}"
            out.unbalanced.append({"at": where, "records": counted, "said": told})


def _progress(history: History, changelog: Place) -> Iterator[Progress]:
    if changelog not in places(history, changelog.topic):
        return
    low, high = history.bounds(changelog)
    for record in history.read(changelog, low, high):
        if record.key == PROGRESS_KEY and record.value is not None:
            yield _WORDS.decode(record.value)
