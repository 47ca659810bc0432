"""Schedules of many seeds, side by side on one broker, each beside its trace in memory."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.support.transport_play import Play, Seen, TooSlow
from tests.support.transport_schedules import Schedule, shrink
from tests.support.transport_worlds import KafkaBeside, MemoryBeside

# Waiting for answers, not for a core; more of them make a two-core machine too slow for time-outs of five seconds.
THREADS = 12
# A schedule in which a transaction was slower than its time-out allows says nothing: it is played again.
AGAIN = 3
SHRINK_SECONDS = 45.0
_runs = itertools.count(1)


@dataclass(slots=True)
class Found:
    """How many schedules were played, and what differed."""

    played: int = 0
    steps: int = 0
    differences: list[str] = field(default_factory=list)


def compare(bootstrap: str, schedules: Iterable[tuple[str, Schedule]], threads: int = THREADS) -> Found:
    """Play these schedules (each with its name) on both."""
    found = Found()
    lock = threading.Lock()
    left = iter(list(schedules))
    stamp = f"d{next(_runs)}x{time.time_ns() % 1_000_000_000}"

    def work(number: int) -> None:
        world = KafkaBeside(bootstrap, f"{stamp}.{number}.")
        try:
            while True:
                with lock:
                    drawn = next(left, None)
                    # One difference is worth its shrinking; the others of the same cause are not.
                    if drawn is None or found.differences:
                        return
                name, schedule = drawn
                difference = _difference(world, schedule)
                with lock:
                    found.played += 1
                    found.steps += len(schedule.steps)
                    first = difference is not None and not found.differences
                    if difference is not None:
                        found.differences.append(f"{name}: {schedule}\n{difference}")
                if first:
                    _shortened(world, schedule, found, lock)
        finally:
            world.close()

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()
    return found


def _shortened(world: KafkaBeside, schedule: Schedule, found: Found, lock: threading.Lock) -> None:
    end = time.monotonic() + SHRINK_SECONDS
    fails = lambda shorter: _difference(world, shorter) is not None  # noqa: E731 - read once below
    shortest = shrink(schedule, fails, lambda: time.monotonic() < end)
    if shortest != schedule:
        difference = _difference(world, shortest) or "it came and went"
        with lock:
            found.differences.append(f"shortened: {shortest}\n{difference}")


def _difference(world: KafkaBeside, schedule: Schedule) -> str | None:
    """What differs, told for a person, or None."""
    expected = Play(MemoryBeside(), schedule, None).run()
    for _ in range(AGAIN):
        try:
            seen = Play(world, schedule, expected).run()
        except TooSlow:
            continue
        return _told(schedule, expected, seen)
    return None


def _told(schedule: Schedule, expected: list[Seen], seen: list[Seen]) -> str | None:
    for memory, broker in itertools.zip_longest(expected, seen):
        if memory != broker:
            at = (broker or memory)[0]
            return f"  step {at}, {schedule.steps[at]}:\n  in memory   {memory}\n  on a broker {broker}"
    return None
