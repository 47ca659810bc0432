"""The supervisor: one process in the background that starts all others and restarts them.

`python -m gateway.local.supervisor [--separate]`, started by `mandate up`. SIGTERM stops everything in order,
a second one at once; SIGHUP tries again what was given up. A SIGKILL leaves no child (see `children`), and
the next `mandate up` goes on with the same data and ports.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import IO

from gateway.local import state as st
from gateway.local.children import STOP_DEADLINE_S
from gateway.local.leftovers import end_leftovers
from gateway.local.paths import Home, find_home
from gateway.local.plan import Plan, build
from gateway.local.supervised import Supervised, Watch

# Children's deaths, signals and changed health wake the loop; this is for back-off delays, of which the least
# is 0.1 s.
LOOP_S = 0.1
# Per process: 20 MB now and 20 MB before.
LOG_BYTES_MAX = 20_000_000
LOG_CHECK_S = 5.0
EXIT_ALREADY_RUNNING = 3


class Supervisor:
    """Runs a plan until it is told to stop. Construct and run in the main thread (signals, parent-death
    signal).
    """

    def __init__(self, home: Home, plan: Plan, say: Callable[[str], None]) -> None:
        self._home = home
        self._say = say
        self._separate = plan.separate
        self._stop_asked = 0
        self._retry_asked = False
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._children = {
            spec.name: Supervised(spec, home, None if spec.once else Watch(spec, self._wake), say)
            for spec in plan.specs
        }
        self._written: st.StackState | None = None
        self._logs_checked = 0.0

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT, then stop everything."""
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_retry)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to be woken
        for child in self._children.values():
            if child.watch is not None:
                child.watch.start()
        while not self._stop_asked:
            self._step()
            self._sleep()
        self._stop()

    def _step(self) -> None:
        if self._retry_asked:
            self._retry_asked = False
            for child in self._children.values():
                child.retry()
        for child in self._children.values():
            if self._stop_asked:
                return
            child.step(all(self._children[name].well for name in child.spec.needs))
        self._write()
        if time.monotonic() - self._logs_checked > LOG_CHECK_S:
            self._logs_checked = time.monotonic()
            cut_logs(self._home)

    def _sleep(self) -> None:
        select.select([self._wake_read], [], [], LOOP_S)
        try:
            while self._wake_read.recv(4096):
                pass
        except BlockingIOError:
            return

    def _stop(self) -> None:
        """Ours first, so that they drain into servers that still live; then the servers."""
        self._say("stopping")
        children = list(self._children.values())
        for child in children:
            if child.watch is not None:
                child.watch.close()
        for layer in ([c for c in children if c.spec.needs], [c for c in children if not c.spec.needs]):
            for child in layer:
                child.ask_to_stop()
            end = time.monotonic() + STOP_DEADLINE_S
            for child in layer:
                child.wait_stopped(time.monotonic() if self._stop_asked > 1 else end)
        self._write()
        self._say("stopped")

    def _write(self) -> None:
        children = self._children.values()
        state = st.StackState(
            supervisor=os.getpid(),
            separate=self._separate,
            processes=[child.snapshot() for child in children if not child.spec.once],
            steps=[child.snapshot() for child in children if child.spec.once],
        )
        if state != self._written:
            st.write(self._home, state)
            self._written = state

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"w")
        except BlockingIOError:
            return  # the buffer is full of wake-ups already

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked += 1

    def _on_retry(self, _number: int, _frame: FrameType | None) -> None:
        self._retry_asked = True


def lock(home: Home) -> IO[str] | None:
    """Become the supervisor of this stack, or None when there is one. Closing the file unlocks."""
    home.directory.mkdir(parents=True, exist_ok=True)
    file = home.lock_file.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def cut_logs(home: Home) -> None:
    """Keep each log file below its limit; called every few seconds."""
    for log in home.logs.glob("*.log"):
        if log.stat().st_size > LOG_BYTES_MAX:
            # The child holds the file open for appending, so it goes on at the new end.
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def say(text: str) -> None:
    """One line of the supervisor's log, in UTC."""
    print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}", flush=True)


def supervise(home: Home, make_plan: Callable[[], Plan]) -> int:
    """Lock, end what a killed supervisor may have left, run. Returns the exit code."""
    held = lock(home)
    if held is None:
        say("another supervisor runs this stack")
        return EXIT_ALREADY_RUNNING
    with held:
        for name in end_leftovers(home):
            say(f"{name} was left by a killed supervisor and is ended")
        st.write(home, st.StackState(os.getpid()))
        try:
            plan = make_plan()
        except Exception as error:
            # The person at `mandate up` reads the state file, not this process's output.
            step = st.ProcessState("plan", "", st.GIVEN_UP, reason=str(error))
            st.write(home, st.StackState(os.getpid(), steps=[step]))
            say(f"GIVEN UP: {error}")
            return 1
        Supervisor(home, plan, say).run()
    return 0


def main() -> int:
    """Entry point of the background process."""
    home = find_home()
    return supervise(home, lambda: build(home, separate="--separate" in sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
