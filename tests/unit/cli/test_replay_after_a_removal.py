"""`mandate replay --verify` after a tenant was removed from the archive: refused over the gap, equal behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import replay as command
from processors.host.places import Place
from projections.archive import removal
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Entry, Manifest
from projections.archive.removal import Request
from schemas.envelope import rfc3339
from tests.support import archived
from tests.support.archived import MAP, MemoryMerging
from tests.support.world import World


def told() -> tuple[World, float]:
    """A tenant that leaves beside one that stays, and when the first one's last record was."""
    world = World()

    def act(tenant: str, number: int) -> None:
        world.tenant = tenant
        world.act(f"agent-{number % 3}", "deploy", f"res-{number % 3}")
        world.run_to(world.now + 0.2)

    for number in range(12):
        act("leaves" if number % 2 else "stays", number)
    world.run_to(world.now + 60)
    left = world.now
    for number in range(12):
        act("stays", number)
    return world, left


def replayed(*more: str) -> Result:
    return CliRunner().invoke(command.replay, ["--verify", "--json", *more], standalone_mode=False)


def test_it_is_refused_over_the_gap_and_equal_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, left = told()
    world = archived.World(tmp_path, {})
    world.log = log.log
    world.archive(world.store(flush_records=20), most=3)
    removal.remove(MemoryMerging(world.shared), world.files, MAP, Request(1, "leaves", 2**31 - 1, False, "left us"))

    @contextmanager
    def opened(
        bootstrap: str | None, different: list[Entry], passes: Callable[[str], bool]
    ) -> Iterator[ArchiveHistory]:
        yield ArchiveHistory(world.files, Manifest(world.shared.entries, world.shared.positions), different, passes)

    monkeypatch.setattr(command, "history", opened)
    done = replayed()
    problem = json.loads(done.stderr)
    assert (done.return_value, problem["code"], done.stdout) == (15, "history_removed", "")
    assert "of tenant leaves were removed: left us" in problem["detail"]
    place = Place("actions.raw", int(problem["title"].split("[")[1].split("]")[0]))
    last = Manifest(world.shared.entries).removals(place)[-1].last_time
    assert last is not None
    assert rfc3339(last) in problem["remedy"]
    done = replayed("--from", rfc3339(log.clock.wall_ms() - round((log.now - left) * 1000)))
    assert done.return_value == 0, done.stderr
    found = json.loads(done.stdout)
    assert (done.return_value, found["different"]) == (0, 0)
    assert found["equal"] == found["events"] > 0
