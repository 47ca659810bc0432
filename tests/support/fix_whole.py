"""The whole local stack as a user runs it, for `tests/integration/stack` and `tests/integration/demo`.

Fixture `stack` (once a run): `mandate up` in processes of its own, with a home, data and ports of its own below
a temporary directory; ended by `mandate down`, which must leave nothing. Fixture `pager`: a webhook receiver
that checks signatures and acts once per webhook-id. Tenants are made by `tests.support.tenants.configure`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.pager import Pager
from gateway.local import state as st
from gateway.local.connections import Connections, connections
from gateway.local.paths import CHECKOUT, Home, find_home
from gateway.local.ports import PREFERRED, free_port
from tests.support.tenants import AGENT, Tenant, configure
from tests.support.waiting import auntil, until

SERVERS = ("kafka", "postgres", "redis")
OURS = ("gateway", "processors", "projections", "effects")
# What `mandate up` waits at most; whoever was killed has the same time.
READY_S = 120.0
# Everything that would lead a child of this process to somebody else's stack.
_FOREIGN = ("KAFKA", "POSTGRES", "REDIS", "GATEWAY", "URL", "TOKEN", "TOPOLOGY")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def plain(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


class Whole:
    """A local stack and the command `mandate` that speaks to it."""

    def __init__(self, directory: Path) -> None:
        foreign = {f"MANDATE_{name}" for name in _FOREIGN}
        self.env = {k: v for k, v in os.environ.items() if k not in foreign} | {"MANDATE_HOME": str(directory)}
        self.home: Home = find_home(self.env)
        directory.mkdir(parents=True)
        # Not the usual ports: those are for the person at this machine.
        ports = {name: free_port() for name in PREFERRED}
        self.home.ports_file.write_text(json.dumps(ports))

    @property
    def connections(self) -> Connections:
        """Where Kafka, Postgres, Redis and the gateway are."""
        return connections(self.home, self.env)

    @property
    def url(self) -> str:
        """The gateway."""
        return self.connections.url

    @property
    def operator_token(self) -> str:
        """The token that makes tenants."""
        return self.home.operator_token_file.read_text().strip()

    def run(self, *words: str) -> Done:
        """`mandate WORDS`; returns when it has ended."""
        command = [sys.executable, "-m", "gateway.cli", *words]
        ended = subprocess.run(command, cwd=CHECKOUT, env=self.env, capture_output=True, text=True, check=False)
        return Done(ended.returncode, ended.stdout, ended.stderr)

    async def arun(self, *words: str) -> Done:
        """The same while this process (its pager) goes on serving."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway.cli", *words),
            cwd=CHECKOUT,
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def tenant(
        self,
        name: str,
        pager: Pager,
        *,
        steps: Sequence[tuple[str, int]] = (("alice", 600),),
        agents: Sequence[str] = (AGENT,),
    ) -> Tenant:
        """A tenant of the test's own; see `tests.support.tenants.configure`."""
        return await configure(self.url, self.operator_token, name, pager, steps=steps, agents=agents)

    def up(self) -> None:
        """`mandate up`: go on where it stopped."""
        done = self.run("up", "--json")
        assert done.code == 0, done.err

    def ready(self) -> bool:
        """True while a supervisor lives and says that everything serves."""
        state = st.read(self.home)
        return state is not None and state.ready and st.supervisor_pid(self.home) == state.supervisor

    def recorded(self) -> list[st.ProcessState]:
        """Every process as the supervisor last wrote it."""
        state = st.read(self.home)
        return list(state.processes) if state else []

    def pid(self, name: str) -> int:
        """The pid of a process of the stack; waits while it is being started again."""

        def living() -> int:
            (found,) = [process for process in self.recorded() if process.name == name]
            return found.pid or 0 if st.alive(found) else 0

        return until(living, READY_S, f"{name} to live")

    async def kill(self, name: str) -> int:
        """SIGKILL a process of the stack by its name; returns the pid that it had."""
        pid = await asyncio.to_thread(self.pid, name)
        os.kill(pid, signal.SIGKILL)
        return pid

    async def healed(self, name: str, killed: int) -> None:
        """Wait until there is another process of that name and everything serves again."""

        def back() -> bool:
            return {p.name: p.pid for p in self.recorded()}[name] not in (None, killed) and self.ready()

        await auntil(back, READY_S, f"{name} to be replaced and everything to be healthy")


def start(directory: Path) -> Whole:
    """A stack of its own, whose home will be this directory; running when this returns."""
    whole = Whole(directory)
    try:
        whole.up()
    except BaseException:
        whole.run("down")
        raise
    return whole


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """The running stack; a test that broke it leaves it broken, so tests of faults wait until it has healed."""
    whole = start(tmp_path_factory.mktemp("whole") / "home")
    yield whole
    recorded = whole.recorded()
    done = whole.run("down")
    assert done.code == 0, done.err
    until(lambda: not [p.name for p in recorded if st.alive(p)], 10, "every process to be gone")


@pytest.fixture
async def pager() -> AsyncIterator[Pager]:
    """A webhook receiver on a free port: `url` is its address, `acted` what it did, `refused` what it did not
    believe.
    """
    found = Pager()
    await found.start()
    yield found
    await found.stop()
