"""Child processes that cannot outlive their parent.

Every child is a session of its own and asks the kernel for SIGKILL when its parent dies (PR_SET_PDEATHSIG),
so that nothing is left even after a SIGKILL of the supervisor. The request is made by a tiny Python program
that then becomes the real one: doing it in `preexec_fn` would run Python between fork and exec of a threaded
process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gateway.local.errors import STARTED, LocalStackError, last_run

# 1 is PR_SET_PDEATHSIG. The kernel sends the signal when the *thread* that forked ends, so children are
# spawned from the main thread. The second look at the parent closes the race in which it died before the
# request.
_BECOME = (
    "import ctypes,os,sys;"
    "ctypes.CDLL(None).prctl(1,9,0,0,0);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);"
    "os.execvp(sys.argv[2],sys.argv[2:])"
)

# A broker with little data stops in 0.5 s, our processes drain one transaction (5 s at most): twice that.
STOP_DEADLINE_S = 10.0
# Kafka starts in 1.5 s, after a SIGKILL in 5 s (two JVMs); at a load of 14 on two cores that took over 30 s.
START_DEADLINE_S = 90.0
# Who has served and gives no good answer for that long, while all it needs is well, hangs: 14 probes of 2 s. A start
# has START_DEADLINE_S, since cut off it only begins anew: fifteen processes that start at once on two cores under load
# take longer than this.
HUNG_AFTER_S = 30.0
POLL_S = 0.05


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Spec:
    """One process of the stack, as data.

    `once` marks a step: it is done when it ends with 0, and has no address and no probe.

    `probe` makes a real round trip and raises when the process does not serve; `prepare` does once-only work
    (format, initdb) and is harmless when repeated; `needs` names the processes that must be healthy first. An
    empty `argv` is a process that somebody else runs: it is probed, never started or stopped. Who is not healthy within
    `starts_within_s`, or is no more for `hung_after_s`, is killed and started again.
    """

    name: str
    argv: tuple[str, ...]
    address: str
    probe: Callable[[], None] = _nothing
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = _nothing
    stop_signal: int = signal.SIGTERM
    needs: tuple[str, ...] = ()
    once: bool = False
    hung_after_s: float = HUNG_AFTER_S
    starts_within_s: float = START_DEADLINE_S

    @property
    def external(self) -> bool:
        """True when the process is not ours to start and stop."""
        return not self.argv


def bound(argv: Sequence[str]) -> list[str]:
    """The command line of a child that the kernel ends with this process. Start it from the main thread."""
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *argv]


def spawn(spec: Spec, log: Path) -> subprocess.Popen[bytes]:
    """Start a child with its output appended to `log`. Must be called from the main thread (see above)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"{STARTED}{datetime.now(UTC).isoformat(timespec='seconds')}\n".encode())
        output.flush()
        return subprocess.Popen(
            bound(spec.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **spec.env},
            start_new_session=True,
        )


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to one child that we started; a child that is gone already is no error."""
    if process.poll() is None:
        process.send_signal(number)


def stop(process: subprocess.Popen[bytes], number: int, deadline_s: float = STOP_DEADLINE_S) -> None:
    """Ask a child to stop, wait, and kill it when it does not."""
    signal_group(process, number)
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Running:
    """One started process with its health: what the integration tests hold (the supervisor has many, in
    `supervisor`).
    """

    def __init__(self, spec: Spec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.started_in_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port of the process."""
        return self.spec.address

    @property
    def pid(self) -> int:
        """Pid of the living process; raises when it is stopped."""
        if self._process is None or self._process.poll() is not None:
            raise LocalStackError("not_running", self.spec.name, "it was stopped or has died", f"Its log is {self.log}")
        return self._process.pid

    def start(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Start, and return when the process serves; raises with the end of its log when it does not."""
        self.spec.prepare()
        begun = time.monotonic()
        self._process = spawn(self.spec, self.log)
        while True:
            try:
                self.spec.probe()
                break
            except Exception as error:
                died = self._process.poll()
                if died is None and time.monotonic() - begun < deadline_s:
                    time.sleep(POLL_S)
                    continue
                self.kill()
                why = f"it ended with {died}" if died is not None else f"no answer in {deadline_s:.0f} s ({error})"
                raise LocalStackError(
                    "start_failed", self.spec.name, why, f"The end of {self.log}:\n{last_run(self.log)}"
                ) from error
        self.started_in_s = time.monotonic() - begun

    def signal(self, number: int) -> None:
        """Send a signal (SIGSTOP and SIGCONT are of use in fault tests)."""
        os.kill(self.pid, number)

    def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop in an orderly way."""
        if self._process is not None:
            stop(self._process, self.spec.stop_signal, deadline_s)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            stop(self._process, signal.SIGKILL)

    def restart(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Stop if it lives, start again on the same data and port, wait until it serves."""
        self.stop()
        self.start(deadline_s)
