"""What a process uses, seen from outside: CPU time of all its threads, and resident memory, by /proc.

So a contender is measured alike whatever it is written in, and nothing in it has to be told. CPU times of other users
of the machine are not in it; waiting is not either.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType

from gateway.local.children import bound, stop
from tests.support.waiting import until

TICKS = os.sysconf("SC_CLK_TCK")
STOP_S = 15.0


def family(pid: int) -> list[int]:
    """A process and its living children, theirs included (Postgres has one for each connection)."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has just ended
            for child in (task / "children").read_text().split():
                with suppress(OSError):
                    found += family(int(child))
    return found


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process, its threads and its children (those that ended, too) have used.

    Raises OSError when it is gone.
    """
    used = 0
    for number in family(pid):
        with suppress(*(() if number == pid else (OSError,))):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            used += sum(int(field) for field in fields[11:15])
    return used / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory in MB (10^6 bytes), children included; what they share is counted for each."""
    total = 0
    for number in family(pid):
        with suppress(*(() if number == pid else (OSError,))):
            lines = Path(f"/proc/{number}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return round(total * 1024 / 1e6, 1)


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
