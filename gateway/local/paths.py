"""Where the local stack keeps things: one directory, `.mandate/`, beside `topology.yaml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The checkout: the folder that holds the four packages, pom.xml and topology.yaml.
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The files of one local stack.

    `root` holds pom.xml; `directory` is everything that the stack writes; `cache` is what was fetched or can
    be made again (jars, Postgres, the JVM's class archive), shared by all stacks of a checkout.
    """

    root: Path
    directory: Path
    cache: Path
    topology: Path

    @property
    def data(self) -> Path:
        """Kafka's, Postgres's and Redis's files: what `down --purge` deletes."""
        return self.directory / "data"

    @property
    def archive(self) -> Path:
        """Every record of every topic, in Parquet files."""
        return self.data / "archive"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.directory / "logs"

    @property
    def state_file(self) -> Path:
        """What the supervisor last said of its processes (JSON)."""
        return self.directory / "state.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the living supervisor, which writes its pid into it."""
        return self.directory / "supervisor.lock"

    @property
    def ports_file(self) -> Path:
        """The ports of this stack, kept over restarts (JSON)."""
        return self.directory / "ports.json"

    @property
    def password_file(self) -> Path:
        """Password of the local Postgres, readable by its owner only."""
        return self.directory / "postgres.password"

    @property
    def operator_token_file(self) -> Path:
        """The operator's token, with which the first tenant is made; readable by its owner only."""
        return self.directory / "operator.token"

    @property
    def pages_file(self) -> Path:
        """What the channel `console` wrote, as JSON lines."""
        return self.directory / "pages.jsonl"

    def log_of(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"


def find_home(env: Mapping[str, str] | None = None) -> Home:
    """The stack that MANDATE_HOME and MANDATE_TOPOLOGY name, else the one of this checkout."""
    env = os.environ if env is None else env
    directory = Path(env.get("MANDATE_HOME") or CHECKOUT / ".mandate").resolve()
    cache = Path(env.get("MANDATE_CACHE") or CHECKOUT / ".mandate" / "cache").resolve()
    topology = Path(env.get("MANDATE_TOPOLOGY") or CHECKOUT / "topology.yaml").resolve()
    return Home(root=CHECKOUT, directory=directory, cache=cache, topology=topology)
