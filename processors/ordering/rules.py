"""Pure calculations of ordering: clocks, ranges of missing numbers, and the order for reading."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from schemas.head import Head

FUTURE_MS = 300_000
STALE_MS = 3_600_000
DRIFT_EVERY_MS = 3_600_000
GAP_WAIT_MS = 30_000
MARK_MS = 86_400_000
# Open gaps of one session, and ranges of one gap: a part stays far below 64 KB. Beyond it a gap is declared at once.
MAX_OPEN_GAPS = 1_024
MAX_RANGES = 1_024
LISTED_NUMBERS = 100

ClockKind = Literal["future_timestamp", "stale_timestamp"]


def clock(head: Head) -> ClockKind | None:
    """Whether the agent's time cannot be believed beside the gateway's (seed 4.2)."""
    if head.timestamp > head.received_at + FUTURE_MS:
        return "future_timestamp"
    if head.timestamp < head.received_at - STALE_MS:
        return "stale_timestamp"
    return None


def without(missing: tuple[int, ...], number: int) -> tuple[int, ...]:
    """The ranges after one number has come; unchanged when it was not missing."""
    for i in range(0, len(missing), 2):
        first, last = missing[i], missing[i + 1]
        if first <= number <= last:
            left = (first, number - 1) if first < number else ()
            right = (number + 1, last) if number < last else ()
            return (*missing[:i], *left, *right, *missing[i + 2 :])
    return missing


def size(missing: tuple[int, ...]) -> int:
    """How many numbers the ranges hold."""
    return sum(missing[i + 1] - missing[i] + 1 for i in range(0, len(missing), 2))


def listed(missing: tuple[int, ...]) -> tuple[int, ...]:
    """The first numbers of the ranges, at most 100."""
    out: list[int] = []
    for i in range(0, len(missing), 2):
        room = LISTED_NUMBERS - len(out)
        out += range(missing[i], min(missing[i + 1], missing[i] + room - 1) + 1)
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Readable:
    """What the order for reading needs of an action. Ids and times are texts that sort (RFC 3339 in UTC).

    `place` is its arrival; `sequence` -1 when it has none.
    """

    event_id: str
    parent_id: str | None
    actor: str
    session: str
    sequence: int
    time: str
    place: int


def reading_order(actions: Sequence[Readable]) -> list[int]:
    """Indexes in the order for reading: a parent before its children, a session by its numbers, else time (seed 4.4).

    Where the three contradict each other (a circle of parents, a clock that runs backwards) the earlier arrival wins.
    """
    after: list[list[int]] = [[] for _ in actions]
    waits = [0] * len(actions)
    for before, later in _edges(actions):
        after[before].append(later)
        waits[later] += 1
    ranks = sorted(range(len(actions)), key=lambda i: (actions[i].time, actions[i].place))
    rank = {index: at for at, index in enumerate(ranks)}
    ready = [rank[i] for i in range(len(actions)) if waits[i] == 0]
    heapq.heapify(ready)
    out: list[int] = []
    placed = [False] * len(actions)
    left = iter(sorted(range(len(actions)), key=lambda i: actions[i].place))
    while len(out) < len(actions):
        index = ranks[heapq.heappop(ready)] if ready else next(i for i in left if not placed[i])
        if placed[index]:
            continue
        placed[index] = True
        out.append(index)
        for later in after[index]:
            waits[later] -= 1
            if waits[later] == 0 and not placed[later]:
                heapq.heappush(ready, rank[later])
    return out


def _edges(actions: Sequence[Readable]) -> Iterator[tuple[int, int]]:
    ids = {a.event_id: i for i, a in enumerate(actions)}
    sessions: dict[tuple[str, str], list[int]] = {}
    for i, action in enumerate(actions):
        parent = ids.get(action.parent_id) if action.parent_id is not None else None
        if parent is not None and parent != i:
            yield parent, i
        if action.sequence >= 0:
            sessions.setdefault((action.actor, action.session), []).append(i)
    for members in sessions.values():
        members.sort(key=lambda i: (actions[i].sequence, actions[i].place))
        yield from pairwise(members)
