"""A whole running Mandate of this folder's own: started at the first use by `mandate up`, stopped at the
end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.local import state as st
from gateway.local.connections import Connections, connections
from gateway.local.paths import CHECKOUT, Home, find_home


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def plain(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


class Stack:
    """`mandate` in processes of its own, on a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.env = {**os.environ, "MANDATE_HOME": str(directory)}
        for name in ("MANDATE_KAFKA", "MANDATE_POSTGRES", "MANDATE_REDIS", "MANDATE_URL", "MANDATE_TOKEN"):
            self.env.pop(name, None)
        self.home: Home = find_home(self.env)

    @property
    def where(self) -> Connections:
        """Addresses."""
        return connections(self.home, self.env)

    @property
    def operator_token(self) -> str:
        """The operator's token."""
        return (self.home.directory / "operator.token").read_text().strip()

    def run(self, *words: str) -> Done:
        """A command; waits for its end."""
        command = [sys.executable, "-m", "gateway.cli", *words]
        ended = subprocess.run(command, cwd=CHECKOUT, env=self.env, capture_output=True, text=True, check=False)
        return Done(ended.returncode, ended.stdout, ended.stderr)

    async def arun(self, *words: str) -> Done:
        """The same while this process goes on serving."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.cli", *words, cwd=CHECKOUT, env=self.env,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    def pid(self, name: str) -> int:
        """The pid of a process of the stack as its supervisor last wrote it."""
        state = st.read(self.home)
        assert state is not None
        found = {process.name: process.pid for process in state.processes}[name]
        assert found is not None
        return found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack."""
    found = Stack(tmp_path_factory.mktemp("stack") / "home")
    up = found.run("up", "--json")
    try:
        assert up.code == 0, up.err
        yield found
    finally:
        found.run("down")
