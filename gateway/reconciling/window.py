"""Which positions of the log a window of time is, and whether the pipeline has passed them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from processors.host.history import History
from processors.host.history import since as since_time
from processors.host.places import Place

# A page's promise is 10 s, a restart of a processor 2.5 s; after that what is missing is said to be on its way.
SETTLE_SECONDS = 30.0
SETTLE_STEP_SECONDS = 0.2

# Where a stage's input ends now, and where the stage stands now.
Stage = tuple[Callable[[], Mapping[Place, int]], Callable[[], Mapping[Place, int | None]]]


def places(history: History, topic: str) -> list[Place]:
    """Every partition of a topic."""
    return [Place(topic, number) for number in range(history.partitions(topic))]


def stretch(history: History, topic: str, start: int | None, end: int | None) -> dict[Place, tuple[int, int]]:
    """From and to (exclusive) positions of each partition, of times in ms; None: what is kept."""
    out = {}
    for place in places(history, topic):
        low, high = history.bounds(place)
        first = low if start is None else since_time(history, place, start)
        last = high if end is None else since_time(history, place, end)
        out[place] = (first, max(first, last))
    return out


def since(history: History, topic: str, start: int | None) -> dict[Place, tuple[int, int]]:
    """From a time (ms) to the end as of now."""
    return stretch(history, topic, start, None)


def settled(history: History, stages: Sequence[Stage]) -> bool:
    """Wait until every stage has passed the end that its input had when the one before had passed; False: not all."""
    deadline = time.monotonic() + SETTLE_SECONDS
    for ends, stands in stages:
        goal = ends()
        while not _passed(history, goal, stands()):
            if time.monotonic() > deadline:
                return False
            time.sleep(SETTLE_STEP_SECONDS)
    return True


def _passed(history: History, goal: Mapping[Place, int], stands: Mapping[Place, int | None]) -> bool:
    """No record is left before the goal; transaction markers may be, which no processor commits past."""
    for place, end in goal.items():
        low, _ = history.bounds(place)
        at = max(low, stands.get(place) or 0)
        if at < end and next(iter(history.read(place, at, end)), None) is not None:
            return False
    return True
