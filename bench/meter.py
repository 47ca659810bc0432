"""What a process uses, seen from outside: CPU time of all its threads, and resident memory, by /proc.

So a contender is measured alike whatever it is written in, and nothing in it has to be told. CPU times of other users
of the machine are not in it; waiting is not either.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType

from gateway.local.children import bound, stop
from tests.support.waiting import until

TICKS = os.sysconf("SC_CLK_TCK")
STOP_S = 15.0


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, its threads included. Raises OSError when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return 0.0


class Child:
    """A process that ends with this one. Its output goes to a file. Use it as a context."""

    def __init__(self, name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        folder.mkdir(parents=True, exist_ok=True)
        self.begun = monotonic()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                bound(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its pid. Raises RuntimeError with the end of its log when it has ended."""
        ended = self._process.poll()
        if ended is not None:
            said = self.log.read_text(errors="replace").splitlines()[-8:]
            raise RuntimeError(f"{self.name} ended with {ended}: " + "\n".join(said))
        return self._process.pid

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._process, signal.SIGTERM, STOP_S)


@dataclass(frozen=True)
class Mark:
    """A moment: how far it is, the wall, CPU of the process and of the broker, and the process's memory."""

    done: int
    at: float
    cpu: float
    broker: float
    rss_mb: float


def mark(child: Child, broker_pid: int, done: int) -> Mark:
    """The moment now."""
    pid = child.pid
    return Mark(done, monotonic(), cpu_s(pid), cpu_s(broker_pid), rss_mb(pid))


def watch(child: Child, broker_pid: int, done: Callable[[], int], warm: int, end: int, limit_s: float) -> list[Mark]:
    """Two moments: when `done` had passed `warm`, and when it had reached `end`. Raises when that takes too long."""
    marks: list[Mark] = []

    def reached() -> bool:
        at = done()
        if not marks and at >= warm:
            marks.append(mark(child, broker_pid, at))
        child.pid  # noqa: B018 - raises when the process has ended
        return at >= end

    until(reached, limit_s, f"{child.name} to pass {end} records")
    return [*marks, mark(child, broker_pid, end)]
