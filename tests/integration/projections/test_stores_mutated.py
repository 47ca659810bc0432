"""What the simulation cannot see, since it simulates the stores: mistakes in statements and scripts, on real ones."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from projections import migrate
from tests.simulation.mutants import STORE_MUTANTS


@pytest.fixture
def played(postgres, redis, tables):
    """Plays a few seeds with a mutant, or with none; gives what was found."""
    beside = postgres.create_database()
    migrate.apply(beside)

    def play(*words):
        command = [sys.executable, "-m", "tests.integration.projections.stores_played", tables, beside, redis.url]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2_000:]
        return json.loads(done.stdout)

    yield play
    postgres.drop_database(beside)


def test_stores_that_die_and_have_zombies_hold_what_a_quiet_reading_gives(played):
    assert played("--seeds", "1")["broken"] == []


@pytest.mark.parametrize("name", sorted(STORE_MUTANTS))
def test_a_mistake_in_a_statement_or_script_is_seen(played, name):
    assert played("--mutant", name)["broken"]
