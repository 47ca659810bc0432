"""Who takes part in the dedup job, and how each is started: the one table.

Each reads `actions.raw` in a consumer group of its own and writes to a topic of its own. What is tuned was found by
measuring (PEERS.md): settings that are not named are the library's defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import passthrough
from bench.peers import setup
from gateway.local.fetch import java
from processors.host.transport import group_of

SOURCE = "actions.raw"
SMALL = "bench.small"  # the first records of the same load, for whom all of them would take minutes
WINDOW_MS = 300_000
FOR_EVER = 1_000_000_000  # records: more than there are, so that it goes on until it is told to stop
JVM = ("-Xms256m", "-Xmx1g", "-XX:+UseParallelGC")


@dataclass(frozen=True)
class Contender:
    """One row. `drops`: it removes duplicates; else it passes on everything. `argv` may raise NotInstallable.

    `once`: it runs in the first round only.
    """

    name: str
    words: str
    group: str
    sink: str
    argv: Callable[[str, Path], list[str]]
    source: str = SOURCE
    drops: bool = True
    once: bool = False


def _program(name: str, group: str, source: str) -> Callable[[str, Path], list[str]]:
    def argv(bootstrap: str, folder: Path) -> list[str]:
        python, script = setup.virtualenv(name), str(setup.HERE / f"{name}_dedup.py")
        arguments = [bootstrap, source, f"bench.{name}", group, str(folder / name), str(WINDOW_MS)]
        return [python, script, *arguments]

    return argv


def _streams(bootstrap: str, folder: Path) -> list[str]:
    path = setup.kafka_streams()
    arguments = [bootstrap, SOURCE, "bench.kafka_streams", "bench-kafka-streams", str(folder / "kafka_streams")]
    return [java(), *JVM, "-cp", path, "mandate.bench.Dedup", *arguments, str(WINDOW_MS)]


def _bare(bootstrap: str, folder: Path) -> list[str]:
    del folder
    child = ("--child", passthrough.BARE, "--bootstrap", bootstrap, "--events", str(FOR_EVER))
    return [sys.executable, "-m", "bench.passthrough", *child]


def _ours(bootstrap: str, folder: Path) -> list[str]:
    del bootstrap, folder
    return [sys.executable, "-m", "processors", "dedup", "--slot", "0"]


CONTENDERS = (
    Contender(
        "passthrough", "bare exactly-once passthrough, Python", passthrough.BARE, passthrough.BARE, _bare, drops=False
    ),
    Contender("dedup", "ours, as deployed: restoring, with changelog", group_of("dedup"), "actions.unique", _ours),
    Contender(
        "kafka_streams",
        "Kafka Streams 4.3, tuned: exactly_once_v2, in-memory store with changelog and expiry, ParallelGC",
        "bench-kafka-streams",
        "bench.kafka_streams",
        _streams,
    ),
    Contender(
        "quix",
        "Quix Streams 3.28: exactly-once, state with changelog and expiry",
        "bench-quix",
        "bench.quix",
        _program("quix", "bench-quix", SOURCE),
    ),
    Contender(
        "faust",
        "Faust 0.15 tuned: table with changelog, at least once",
        "bench-faust",
        "bench.faust",
        _program("faust", "bench-faust", SMALL),
        SMALL,
        once=True,  # started again it has committed nothing within two minutes
    ),
)
