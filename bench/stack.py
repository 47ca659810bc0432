"""A whole local stack for measurements: `mandate up` in a home of its own, ended with the block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.figures import Json
from gateway.local.children import bound

# (actions a second, every Nth fails and pages): five pages a second at both rates, one webhook
PAGED = ((50, 10), (500, 100))
VISIBLE = (50, 500)
SECONDS = 15
MEASURE_S = 150.0
UP_S = 120.0
DOWN_S = 60.0


def python(arguments: Sequence[str], limit_s: float, env: Mapping[str, str] | None = None) -> Json:
    """The JSON document of a measurement in a process of its own. Raises RuntimeError with its last words."""
    done = subprocess.run(
        bound([sys.executable, "-m", *arguments, "--json"]),
        env=env,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    found: Json = json.loads(done.stdout[done.stdout.index("{") :])
    return found


@dataclass(frozen=True)
class Stack:
    """A running stack. `env` makes commands and measurements find it."""

    env: dict[str, str]

    def python(self, arguments: Sequence[str], limit_s: float) -> Json:
        """The same beside this stack."""
        return python(arguments, limit_s, self.env)

    def processes(self) -> list[Json]:
        """Name, resident memory and start-up of each process."""
        columns = ("name", "rss_mb", "started_in_s")
        return [{key: row[key] for key in columns} for row in self.python(("gateway.cli", "status"), UP_S)["processes"]]


# Waits until whoever holds the other end of its pipe is gone, however that went, and then ends the stack. Who ended in
# peace says so; a stack that was being started when its owner was killed may come up after the first `down`.
_GUARD = """
import shutil, subprocess, sys, time
in_peace = sys.stdin.read()
for _ in range(1 if in_peace else 2):
    subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0 if in_peace else 3)
if not in_peace:
    shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


@contextmanager
def guarded(home: str, down: Sequence[str], env: Mapping[str, str]) -> Iterator[None]:
    """Run `down` when the block ends, and also when this process is killed in it; then `home` is deleted, too."""
    guard = subprocess.Popen(
        [sys.executable, "-c", _GUARD, home, *down],
        env=env,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # what ends our group does not end it
    )
    try:
        yield
    finally:
        guard.communicate("in peace", timeout=DOWN_S)


@contextmanager
def stack(separate: bool) -> Iterator[Stack]:
    """A stack that is healthy. `separate`: a process for each processor and read model, as in Kubernetes."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as home:
        env = {**os.environ, "MANDATE_HOME": home}
        mandate = [sys.executable, "-m", "gateway.cli"]
        with guarded(home, [*mandate, "down"], env):
            up = bound([*mandate, "up", "--timeout", str(UP_S), *(["--separate"] if separate else [])])
            done = subprocess.run(up, env=env, capture_output=True, text=True, timeout=UP_S + DOWN_S, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"mandate up ended with {done.returncode}: {done.stderr.strip()[-400:]}")
            yield Stack(env)


def latency() -> Json:
    """On the stack of one machine: accepted to paged, and accepted to visible, by rate. What fails says so."""
    out: Json = {"paged": [], "visible": []}
    with stack(separate=False) as running:
        out["started"] = running.processes()
        for rate, every in PAGED:
            given: tuple[str, ...] = (
                "bench.page_latency",
                "--rate",
                str(rate),
                "--seconds",
                str(SECONDS),
                "--every",
                str(every),
            )
            out["paged"].append(_tried(running, given, rate))
        for rate in VISIBLE:
            given = ("bench.visible_latency", "--rate", str(rate), "--seconds", str(SECONDS))
            out["visible"].append(_tried(running, given, rate))
        out["after"] = running.processes()
    return out


def _tried(running: Stack, given: Sequence[str], rate: int) -> Json:
    try:
        found = running.python(given, MEASURE_S)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {"rate": rate, "failed": str(error)[-300:]}
    found.pop("processes", None)
    return found
