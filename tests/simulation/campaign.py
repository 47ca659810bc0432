"""Many seeds, over several processes, in the order of the seeds; and many mutants, a process each."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

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


def hunt(names: Sequence[str], seeds: int, processes: int) -> Iterator[dict[str, Any]]:
    """What became of each mutant, in the order of the names. Raises RuntimeError for one that could not be made."""
    with ThreadPoolExecutor(max(1, processes)) as threads:
        yield from threads.map(partial(_hunted, seeds=seeds), names)


def _hunted(name: str, seeds: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.simulation.mutating", name, "--seeds", str(seeds)]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the mutant {name} could not be played:\n{done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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
