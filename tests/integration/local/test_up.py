"""`mandate up` with everything that is declared: healthy, killed piece by piece, killed whole, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.stack import EXIT_NOT_RUNNING
from gateway.local import state as st
from gateway.local.paths import CHECKOUT, Home, find_home
from schemas import topology
from tests.support.waiting import until

SERVERS = {"kafka", "postgres", "redis"}
TOGETHER = SERVERS | {"processors", "projections", "effects", "gateway"}
# What `up` itself waits at most; a process that was killed has the same time.
READY_S = 120.0


class Stack:
    """The command, in processes of its own, on a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.env = {**os.environ, "MANDATE_HOME": str(directory)}
        for name in ("MANDATE_KAFKA", "MANDATE_POSTGRES", "MANDATE_REDIS"):
            self.env.pop(name, None)
        self.home: Home = find_home(self.env)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway.cli", *words]
        return subprocess.run(command, cwd=CHECKOUT, env=self.env, capture_output=True, text=True, check=False)

    def up(self, *options: str) -> dict[str, dict[str, Any]]:
        done = self.run("up", "--json", *options)
        assert done.returncode == 0, done.stderr
        return {entry["name"]: entry for entry in json.loads(done.stdout)["processes"]}

    def recorded(self) -> dict[str, st.ProcessState]:
        state = st.read(self.home)
        return {process.name: process for process in state.processes} if state else {}

    def ready(self) -> bool:
        state = st.read(self.home)
        return state is not None and state.ready


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack") / "home")
    yield stack
    stack.run("down")


def test_up_starts_everything_and_says_where_it_is(stack: Stack) -> None:
    processes = stack.up()
    assert set(processes) == TOGETHER
    for entry in processes.values():
        assert entry["healthy"]
        assert entry["rss_mb"] > 1
        assert entry["started_in_s"] > 0
        assert entry["address"].startswith("127.0.0.1:")
    again = stack.up()
    assert {n: e["pid"] for n, e in again.items()} == {n: e["pid"] for n, e in processes.items()}, "up changes nothing"


@pytest.mark.parametrize("name", sorted(TOGETHER))
def test_whoever_is_killed_comes_back_by_itself(stack: Stack, name: str) -> None:
    stack.up()
    killed = until(lambda: stack.recorded()[name].pid or 0, READY_S, f"{name} to live")
    os.kill(killed, signal.SIGKILL)
    until(lambda: stack.recorded()[name].pid not in (None, killed), READY_S, f"another {name}")
    until(stack.ready, READY_S, "every process to be healthy again")


def test_a_killed_supervisor_takes_all_with_it_and_up_goes_on_where_it_stopped(stack: Stack) -> None:
    before = stack.up()
    recorded = list(stack.recorded().values())
    supervisor = st.supervisor_pid(stack.home)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not [p.name for p in recorded if st.alive(p)], 10, "every process to be gone")
    after = stack.up()
    assert {n: e["address"] for n, e in after.items()} == {n: e["address"] for n, e in before.items()}


def test_separate_gives_each_its_own_process_and_down_leaves_none(stack: Stack) -> None:
    stack.up()
    refused = stack.run("up", "--separate")
    assert (refused.returncode, "mandate down" in refused.stderr) == (1, True)
    assert stack.run("down").returncode == 0
    declared = topology.load(stack.home.topology)
    expected = SERVERS | {"effects", "gateway"} | {f"processor-{name}" for name in declared.rooms}
    assert set(stack.up("--separate")) == expected | {f"projection-{name}" for name in declared.projections}

    recorded = list(stack.recorded().values())
    assert stack.run("down").returncode == 0
    assert not [p.name for p in recorded if st.alive(p)]
    assert stack.run("status").returncode == EXIT_NOT_RUNNING
