"""The stack that faults are done to: `mandate up --separate`, its processes by name, and points that can be armed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from gateway.local import state as st
from tests.support.fix_whole import READY_S, Whole
from tests.support.waiting import auntil, until

SITE = Path(__file__).parent / "site"
ROOMS = ("dedup", "ordering", "signals", "incidents", "rml", "notifications")
READ_MODELS = ("timeline", "incidents", "pages", "dedup", "overview", "cases", "review", "archive")
# The supervisor gives up who died six times within a minute; a fault's own process must not come near.
DEATHS_MAX = 5
DEATHS_WINDOW_S = 60.0


class Stack(Whole):
    """A process each, as in Kubernetes. `close` ends it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.armed = directory / "points"
        self.armed.mkdir()
        self.mounts: list[Path] = []
        self._deaths: dict[str, list[float]] = {}
        self.env |= {"PYTHONPATH": str(SITE), "MANDATE_FAULTS": str(self.armed)}

    def up(self) -> None:
        """Start, or go on."""
        done = self.run("up", "--separate", "--json")
        assert done.code == 0, done.err

    def close(self) -> None:
        """`mandate down`, and nothing may be left."""
        recorded = self.recorded()
        for process in recorded:
            self.signal(process.name, signal.SIGCONT)
        done = self.run("down")
        assert done.code == 0, done.err
        until(lambda: not [p.name for p in recorded if st.alive(p)], 10, "every process to be gone")
        for mounted in self.mounts:
            subprocess.run(("umount", "--lazy", str(mounted)), check=False)
        shutil.rmtree(self.home.directory, ignore_errors=True)

    def state(self, name: str) -> st.ProcessState:
        """A process as the supervisor last wrote it."""
        return next(p for p in self.recorded() if p.name == name)

    def signal(self, name: str, number: int) -> int:
        """Send a signal to a process and its descendants (Postgres has some); returns the pid."""
        pid = self.state(name).pid
        if pid is None:
            return 0
        for one in (pid, *st.descendants(pid)):
            try:
                os.kill(one, number)
            except ProcessLookupError:
                continue
        return pid

    def tired(self, name: str) -> bool:
        """Would the supervisor give it up, if it died now?"""
        return sum(time.monotonic() - at < DEATHS_WINDOW_S for at in self._deaths.get(name, [])) >= DEATHS_MAX

    async def spared(self, name: str) -> None:
        """Wait until the supervisor would start this one again at once, and count one more death of it."""
        deaths = self._deaths.setdefault(name, [])
        if len(deaths) >= DEATHS_MAX:
            await asyncio.sleep(max(0.0, deaths[-DEATHS_MAX] + DEATHS_WINDOW_S - time.monotonic()))
        deaths.append(time.monotonic())

    async def died(self, name: str, before: int) -> None:
        """Wait until there is another process of that name, or none for the moment."""
        await auntil(lambda: self.state(name).pid != before, READY_S, f"{name} to be gone")

    async def well(self, name: str, *, other_than: int = 0, seconds: float = READY_S) -> None:
        """Wait until this process serves again (as another one than that pid)."""

        def back() -> bool:
            found = self.state(name)
            return found.state == st.HEALTHY and found.pid not in (None, other_than)

        await auntil(back, seconds, f"{name} to be healthy")

    async def all_well(self) -> None:
        """Wait until everything serves; what the supervisor gave up is tried again."""
        state = st.read(self.home)
        if state is not None and state.given_up:
            os.kill(state.supervisor, signal.SIGHUP)
        await auntil(self.ready, READY_S, "everything to be healthy")

    def arm(self, point: str, *, number: str = "SIGKILL", of: str = "-", after: int = 0) -> None:
        """The next process that comes to the point (`after` passes of its own) sends itself the signal."""
        beside = self.armed / f".{point}"
        beside.write_text(f"{number} {of} {after}")
        (self.armed / f"{point}.done").unlink(missing_ok=True)
        beside.rename(self.armed / point)

    def mount(self, place: Path, size: str) -> None:
        """A file system in memory of that size. Raises CalledProcessError where mounting is not allowed."""
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)), check=True)
        self.mounts.append(place)

    def clock(self, word: str, shift: str = "+0s") -> None:
        """Shift the wall clock of the process with that word on its command line (before `up`: let it be shiftable)."""
        beside = self.armed / f".clock.{word}"
        beside.write_text(f"{shift}\n")
        beside.rename(self.armed / f"clock.{word}")

    def disarm(self, point: str) -> None:
        """Nobody stops there any more."""
        (self.armed / point).unlink(missing_ok=True)

    def fired(self, point: str) -> bool:
        """Has somebody come to the armed point?"""
        return (self.armed / f"{point}.done").exists()


def start(directory: Path, before: Callable[[Stack], None] = lambda _: None) -> Stack:
    """A running stack whose home is this directory; `before` prepares that home."""
    stack = Stack(directory)
    try:
        before(stack)
        stack.up()
    except BaseException:
        stack.run("down")
        raise
    return stack
