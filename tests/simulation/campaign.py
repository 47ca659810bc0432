"""Many seeds, over several processes, in the order of the seeds."""

from __future__ import annotations

import multiprocessing
import subprocess
import traceback
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from tests.simulation.run import Outcome, run

# Seeds that a process takes at once: a second of work, so that the last ones end together.
CHUNK = 8


def play(seed: int, size: str) -> Outcome:
    """One seed; what raises out of the world is a failure with its last lines, and never stops the others."""
    try:
        return run(seed, size)
    except Exception as bug:
        where = traceback.format_exception(bug)[-6:]
        return Outcome(seed, size, "", (f"I8 the world itself raised: {''.join(where)}",), (), 0)


def campaign(first: int, count: int, size: str, processes: int) -> Iterator[Outcome]:
    """Every seed from `first` on."""
    seeds = range(first, first + count)
    if processes <= 1 or count <= CHUNK:
        yield from (play(seed, size) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(partial(play, size=size), seeds, CHUNK)


@cache
def commit() -> str:
    """The commit that is played, `+` where the tree differs from it."""
    here = Path(__file__).parent
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "no git here"
    return told.stdout.strip()
