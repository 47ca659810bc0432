"""Calculations: which writes may have made data wrong, how much each is a suspect, and which are kept (seed 18.5).

Of 1,000 points up to 400 are for the kind of write (the document `signals` says how much; by its name where it does
not), up to 400 for its breadth (rows, or the writes of its minute), up to 200 for its nearness in time; a write of
another resource has fewer. The points add up to the score, and each stands in the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from processors.incidents.kinds_state import WRITES_PER_RESOURCE, Write, Writes
from schemas.messages.incidents import SuspectWrite

DAY_MS = 86_400_000
BULK_POINTS = 300
BREADTH_POINTS, PER_DOUBLING = 400, 40
NEAR_POINTS, PER_HOUR = 200, 8
# What a suspect loses when it wrote to something else: what is below, or in the same service, is what is meant.
ELSEWHERE_POINTS = 100
# Words of a report that may name what was written: more than one sentence that says so has.
WORDS = 16
_BULK = re.compile(r"bulk|batch|mass|truncate|delete|drop|backfill|import|migrat|all\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][\w.:/-]{2,99}")


class Found(NamedTuple):
    """The writes of one resource; `why` is empty for what is wrong itself, else what it has to do with it."""

    resource: str
    why: str
    writes: tuple[Write, ...]


def suspects(found: Iterable[Found], at: int) -> tuple[list[SuspectWrite], int]:
    """Those of the day before `at` (event time, ms), the likeliest first, and how many writes they are."""
    near = [(f, w) for f in found for w in f.writes if 0 <= at - w.event_time <= DAY_MS]
    ranked = sorted((_suspect(w, f, at) for f, w in near), key=lambda s: (-s.score, -s.written_at, s.action_id))
    return ranked, sum(w.count for _, w in near)


def _suspect(write: Write, found: Found, at: int) -> SuspectWrite:
    kind = _kind_points(write)
    breadth = _breadth_points(write)
    hours = (at - write.event_time) // 3_600_000
    near = max(0, NEAR_POINTS - PER_HOUR * hours)
    elsewhere = ELSEWHERE_POINTS if found.why else 0
    what = "a bulk operation" if kind >= BULK_POINTS else "a single write" if write.count == 1 else "single writes"
    said = f"{what} ({kind}), {_breadth(write)} ({breadth}), {hours} h before ({near})"
    if elsewhere:
        said += f", on {found.resource}, {found.why} (-{elsewhere})"
    rows = write.rows if write.rows >= 0 else None
    score = max(0, kind + breadth + near - elsewhere)
    return SuspectWrite(write.action_id, write.kind, write.actor, rows, write.event_time, score, said)


def _kind_points(write: Write) -> int:
    return write.points if write.points >= 0 else BULK_POINTS if _BULK.search(write.kind) else 0


def _breadth_points(write: Write) -> int:
    """By doublings of the rows; of the writes of a minute, each of which is one at least, where nobody told rows."""
    wide = write.rows if write.rows >= 0 else write.count if write.count > 1 else 0
    return min(BREADTH_POINTS, PER_DOUBLING * wide.bit_length())


def _breadth(write: Write) -> str:
    rows = f"{write.rows:,} rows" if write.rows >= 0 else "an unknown number of rows"
    return rows if write.count == 1 else f"{write.count:,} within a minute, {rows}"


def kept(before: Writes, write: Write) -> Writes:
    """The writes of a resource with one more, or with the count of one that was told.

    When there is no room the write goes that would be a suspect least: first what lies more than a day before the
    newest, then by kind and breadth, of equals the oldest.
    """
    writes = tuple(write if w.action_id == write.action_id else w for w in before.writes)
    if write not in writes:
        writes = (*writes, write)
    if len(writes) <= WRITES_PER_RESOURCE:
        return Writes(before.resource, writes)
    newest = max(w.event_time for w in writes)
    least = min(
        writes, key=lambda w: (newest - w.event_time <= DAY_MS, _kind_points(w) + _breadth_points(w), w.event_time)
    )
    return Writes(before.resource, tuple(w for w in writes if w is not least))


def words_of(text: str) -> tuple[str, ...]:
    """Words of a report that may name a resource."""
    return tuple(dict.fromkeys(word.rstrip(".:/-") for word in _WORD.findall(text)))[:WORDS]
