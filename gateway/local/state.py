"""What is known of a stack from outside its supervisor: state file, lock, the kernel's figures."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateway.local.paths import Home

# States of a process; `done` is a step that has ended well.
WAITING, STARTING, HEALTHY, UNHEALTHY = "waiting", "starting", "healthy", "unhealthy"
BACKING_OFF, GIVEN_UP, STOPPED, DONE = "backing-off", "given-up", "stopped", "done"


@dataclass
class ProcessState:
    """One process as its supervisor last saw it.

    `started_at` is in clock ticks since boot; with the pid it identifies a process. `started_in_s` is the
    time from its start to its first good answer.
    """

    name: str
    address: str
    state: str = WAITING
    pid: int | None = None
    started_at: int | None = None
    started_in_s: float | None = None
    restarts: int = 0
    reason: str = ""


@dataclass
class StackState:
    """The stack as its supervisor (by pid) last wrote it; `steps` run once before our own processes."""

    supervisor: int = 0
    separate: bool = False
    processes: list[ProcessState] = field(default_factory=list)
    steps: list[ProcessState] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """True when every process serves."""
        return bool(self.processes) and all(p.state == HEALTHY for p in self.processes)

    @property
    def given_up(self) -> list[ProcessState]:
        """Processes and steps that will not be tried again by themselves."""
        return [p for p in [*self.steps, *self.processes] if p.state == GIVEN_UP]


def write(home: Home, state: StackState) -> None:
    """Replace the state file in one step, so that a reader never sees half of it."""
    beside = home.state_file.with_suffix(".new")
    beside.write_text(json.dumps(asdict(state), indent=1) + "\n")
    beside.replace(home.state_file)


def read(home: Home) -> StackState | None:
    """The last written state, or None when there was never a stack here."""
    try:
        plain: dict[str, Any] = json.loads(home.state_file.read_text())
    except (OSError, ValueError):
        return None
    return StackState(
        supervisor=plain["supervisor"],
        separate=plain["separate"],
        processes=[ProcessState(**entry) for entry in plain["processes"]],
        steps=[ProcessState(**entry) for entry in plain["steps"]],
    )


def supervisor_pid(home: Home) -> int | None:
    """Pid of the living supervisor of this stack. The lock tells, so a reused pid cannot deceive."""
    try:
        with home.lock_file.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except OSError:
        return None
    return None


def started_at(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        # The name in parentheses may hold spaces; after the last ")" come the state and, 19 on, the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(process: ProcessState) -> bool:
    """True when exactly this process (not another with its pid) still lives."""
    if process.pid is None or process.started_at is None:
        return False
    return started_at(process.pid) == process.started_at


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its descendants in MB (10^6 bytes); what they share counts once."""
    kib = _status_kib(pid, "VmRSS")
    for child in descendants(pid):
        kib += _status_kib(child, "RssAnon")
    return round(kib * 1024 / 1_000_000, 1)


def descendants(pid: int) -> list[int]:
    """Pids of the children of a process, of their children, and so on."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _status_kib(pid: int, key: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{key}:")), 0)
