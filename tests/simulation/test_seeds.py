"""Every invariant holds in every drawn world; a seed that fails is played again by the line that it prints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.run import run

# A minute of what `make simulate` plays by the thousand.
SEEDS = 300
CHUNK = 20


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_is_lost_doubled_or_swapped_whatever_happens(first):
    for seed in range(first, first + CHUNK):
        outcome = run(seed)
        assert not outcome.broken, (f"python -m tests.simulation --first-seed {seed} --seeds 1", *outcome.broken)


def test_worlds_are_rough():
    outcomes = [run(seed) for seed in range(12)]
    assert sum(len(o.faults) for o in outcomes) > 20
    assert len({o.hash for o in outcomes}) == 12


def test_the_same_seed_is_the_same_log_in_any_process():
    here = [run(seed).hash for seed in (3, 4)]
    assert here == [run(seed).hash for seed in (3, 4)]
    program = "from tests.simulation.run import run; print(run(3).hash, run(4).hash)"
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        told = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert told.stdout.split() == here
