"""One child of the supervisor: its process, its health, and when it is started again."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.local import state as st
from gateway.local.children import Spec, signal_group, spawn
from gateway.local.paths import Home
from gateway.local.restarts import Restarts

# While a process is not healthy its people wait, so it is asked often; a healthy one is asked once a second.
PROBE_SOON_S = 0.1
PROBE_IDLE_S = 1.0

# What a process says in /healthz when it waits for a transaction that nobody ends. Starting it anew would change
# nothing, so the supervisor does not.
UNDECIDED = ("positions_unstable", "changelog_undecided")


def waits_for_log(reason: str) -> bool:
    """True when a process is not healthy because of the log and not of itself."""
    return any(code in reason for code in UNDECIDED)


@dataclass(frozen=True)
class Verdict:
    """What the last probe of the process with this pid said, and when (monotonic) it began to say so."""

    pid: int | None
    healthy: bool
    reason: str = ""
    since: float = field(default=0.0, compare=False)


class Watch:
    """Asks one process for its health in a thread, because a probe may take its whole deadline."""

    def __init__(self, spec: Spec, changed: Callable[[], None]) -> None:
        self.verdict = Verdict(None, False)
        self._spec = spec
        self._changed = changed
        self._pid: int | None = None
        self._asked = threading.Event()
        self._closed = False

    def start(self) -> None:
        """Begin to watch; a daemon thread, because a probe may hang when the supervisor ends."""
        threading.Thread(target=self._run, name=f"watch-{self._spec.name}", daemon=True).start()

    def of(self, pid: int | None) -> None:
        """From now on the process with this pid is watched; 0 stands for somebody else's, None for nobody."""
        self._pid = pid
        self._asked.set()

    def close(self) -> None:
        """End the thread at its next step."""
        self._closed = True
        self._asked.set()

    def _run(self) -> None:
        while not self._closed:
            pid = self._pid
            if pid is None:
                self._asked.wait()
                self._asked.clear()
                continue
            verdict = self._ask(pid)
            if verdict != self.verdict:
                self.verdict = verdict
                self._changed()
            self._asked.wait(PROBE_IDLE_S if verdict.healthy else PROBE_SOON_S)
            self._asked.clear()

    def _ask(self, pid: int) -> Verdict:
        try:
            self._spec.probe()
        except Exception as error:  # whatever a client library raises, the process did not serve
            return Verdict(pid, False, " ".join(str(error).split())[:300], time.monotonic())
        return Verdict(pid, True, "", time.monotonic())


@dataclass
class Supervised:
    """A child with its state. `needs_met` and `say` come from the supervisor; times are monotonic seconds."""

    spec: Spec
    home: Home
    watch: Watch | None
    say: Callable[[str], None]
    state: str = st.WAITING
    reason: str = ""
    restarts: int = 0
    started_in_s: float | None = None
    process: subprocess.Popen[bytes] | None = None
    _policy: Restarts = field(default_factory=Restarts)
    _since: float = 0.0
    _next_start: float = 0.0
    _started_at: int | None = None

    @property
    def name(self) -> str:
        """The name of the process."""
        return self.spec.name

    @property
    def well(self) -> bool:
        """True when those who need this one may start."""
        return self.state in (st.HEALTHY, st.DONE)

    def step(self, needs_met: bool) -> None:
        """Look at the process once and do what its state asks for. Blocks only while `prepare` works."""
        now = time.monotonic()
        if self.spec.external:
            self._look_at_external()
        elif self.process is not None and self.process.poll() is not None:
            self._died(now, self.process.returncode, needs_met)
        elif self.process is not None:
            self._look_at(now, needs_met)
        elif self.state in (st.WAITING, st.BACKING_OFF) and needs_met and now >= self._next_start:
            self._start(now)

    def retry(self) -> None:
        """Somebody asked for another try of what was given up."""
        if self.state == st.GIVEN_UP:
            self._policy.forget()
            self.state, self.reason, self._next_start = st.WAITING, "", 0.0

    def ask_to_stop(self) -> None:
        """Send the stop signal; the caller waits."""
        if self.process is not None:
            signal_group(self.process, self.spec.stop_signal)

    def wait_stopped(self, end: float) -> None:
        """Wait until `end` (monotonic), then kill."""
        if self.process is not None:
            try:
                self.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{self.name} did not stop in time and is killed")
                self.process.kill()
                self.process.wait()
            self.process = None
        self.state = st.STOPPED

    def snapshot(self) -> st.ProcessState:
        """The state for the state file."""
        pid = self.process.pid if self.process is not None else None
        return st.ProcessState(
            name=self.name,
            address=self.spec.address,
            state=self.state,
            pid=pid,
            started_at=self._started_at if pid is not None else None,
            started_in_s=self.started_in_s,
            restarts=self.restarts,
            reason=self.reason,
        )

    def _start(self, now: float) -> None:
        try:
            self.spec.prepare()
            self.process = spawn(self.spec, self.home.log_of(self.name))
        except Exception as error:
            # Preparing failed (a full disk, no java): counted like a death, so that it is given up loudly.
            self._plan_next(now, f"it cannot be started: {error}", was_well=False)
            return
        self._started_at = st.started_at(self.process.pid)
        self.state, self.reason, self._since = st.STARTING, "", time.monotonic()
        self.say(f"{self.name} started, pid {self.process.pid}")
        if self.watch is not None:
            self.watch.of(self.process.pid)

    def _look_at(self, now: float, needs_met: bool) -> None:
        if self.watch is None or self.process is None:
            return  # a step: it ends by itself
        verdict = self.watch.verdict
        if verdict.pid != self.process.pid:
            return
        if verdict.healthy:
            if self.state == st.STARTING:
                self.started_in_s = round(verdict.since - self._since, 2)
                self.say(f"{self.name} is healthy after {self.started_in_s} s")
            self.state, self.reason, self._since = st.HEALTHY, "", now
            return
        if self.state == st.HEALTHY:
            self.state = st.UNHEALTHY
            self.say(f"{self.name} is not healthy: {verdict.reason}")
        self.reason = verdict.reason
        if not needs_met or waits_for_log(verdict.reason):
            self._since = now  # it may wait for what it needs as long as that takes
        elif now - self._since > (limit := self._patience):
            self.say(f"{self.name} gave no good answer for {limit:.0f} s and is killed: {verdict.reason}")
            signal_group(self.process, signal.SIGKILL)

    @property
    def _patience(self) -> float:
        return self.spec.starts_within_s if self.state == st.STARTING else self.spec.hung_after_s

    def _look_at_external(self) -> None:
        if self.watch is None:
            return
        if self.state == st.WAITING:
            self.state = st.STARTING
            self.watch.of(0)
        verdict = self.watch.verdict
        if verdict.pid == 0:
            self.state = st.HEALTHY if verdict.healthy else st.UNHEALTHY
            self.reason = verdict.reason

    def _died(self, now: float, code: int, needs_met: bool) -> None:
        self.process = None
        if self.watch is not None:
            self.watch.of(None)
        if self.spec.once and code == 0:
            self.state, self.started_in_s = st.DONE, round(now - self._since, 2)
            self.say(f"{self.name} done in {self.started_in_s} s")
            return
        why = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if needs_met:
            self._plan_next(now, why, was_well=self.state in (st.HEALTHY, st.UNHEALTHY))
        else:
            # Not its fault, so not counted; it starts when what it needs is back.
            self.restarts += 1
            self.state, self.reason, self._next_start = st.WAITING, why, now
            self.say(f"{self.name} {why} while what it needs was away")

    def _plan_next(self, now: float, why: str, *, was_well: bool) -> None:
        delay = self._policy.after_death(now, was_well=was_well)
        self.reason = why
        if delay is None:
            self.state = st.GIVEN_UP
            self.say(f"GIVEN UP: {self.name} {why}; it was restarted too often. Its log: mandate logs {self.name}")
            return
        self.restarts += 1
        self.state, self._next_start = st.BACKING_OFF, now + delay
        self.say(f"{self.name} {why}; restart in {delay} s")
