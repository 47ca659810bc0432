"""When the supervisor looks for hanging transactions: after a crash of the broker, or when a process complains."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.local.children import bound, stop

# What a process says in /healthz when it waits for a transaction that nobody ends. Starting it anew would change
# nothing, so the supervisor does not.
UNDECIDED = ("positions_unstable", "changelog_undecided")
# Two looks 10 s apart, then at most 96 aborts of 2 s: 220 s; on a loaded machine somewhat more.
DEADLINE_S = 300.0
# A complaint lives on for a second or two after its cause is gone, and a failed look is not repeated at once.
AGAIN_S = 60.0


def waits_for_log(reason: str) -> bool:
    """True when a process is not healthy because of the log and not of itself."""
    return any(code in reason for code in UNDECIDED)


class Clearing:
    """One look at a time, in a child. `argv` is the command, empty when the broker is not ours; `note` is there
    after a crash of the broker and is removed by a look that went well.
    """

    def __init__(self, argv: Sequence[str], note: Path, say: Callable[[str], None]) -> None:
        self._argv = argv
        self._note = note
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._noted: int | None = None
        self._end = 0.0
        self._not_before = 0.0
        self._deaf_until = 0.0

    def step(self, broker_well: bool, complaint: bool) -> None:
        """Start a look when there is cause, or see how the running one does. From the main thread."""
        now = time.monotonic()
        if self._process is not None:
            self._look_at(self._process, now)
            return
        cause = self._note.exists() or (complaint and now >= self._deaf_until)
        if self._argv and cause and broker_well and now >= self._not_before:
            self._say("looking for hanging transactions")
            # Its output goes where ours goes: into the supervisor's log.
            self._process = subprocess.Popen(
                bound(self._argv), stdin=subprocess.DEVNULL, env=os.environ, start_new_session=True
            )
            self._noted = self._note_time()
            self._end = now + DEADLINE_S

    def close(self) -> None:
        """End a running look; the note stays for the next supervisor."""
        if self._process is not None:
            stop(self._process, 15, 1.0)
            self._process = None

    def _look_at(self, process: subprocess.Popen[bytes], now: float) -> None:
        code = process.poll()
        if code is None:
            if now > self._end:
                process.kill()
            return
        self._process = None
        self._deaf_until = now + AGAIN_S
        if code != 0:
            self._not_before = now + AGAIN_S
            self._say(f"looking for hanging transactions ended with {code}; again in {AGAIN_S:.0f} s")
        elif self._noted == self._note_time():  # else the broker crashed while it was looked at
            self._note.unlink(missing_ok=True)

    def _note_time(self) -> int | None:
        try:
            return self._note.stat().st_mtime_ns
        except FileNotFoundError:
            return None
