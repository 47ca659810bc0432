"""Is this process doing its work? One verdict for all its threads; `/healthz` and the supervisor look at it.

A thread is dead when it ended without being asked, and stuck when its loop has not turned for longer than any
honest wait. A room that restores, or that waits for a broker, turns: it is healthy and not ready. A room in
trouble turns too, but waits for what does not come by itself: it is not healthy until that is over.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from processors.host.clock import Clock
from schemas.errors import MandateError

# A commit may wait 25 s for a broker, and opening a producer 40 s; the sum, rounded up.
STUCK_SECONDS = 75.0


@dataclass(slots=True)
class Beat:
    """What one thread says of itself. `state`: starting, restoring, running, draining, ended, or dead."""

    state: str = "starting"
    at: float = 0.0
    detail: str = ""
    trouble: MandateError | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`healthy`: every thread lives, turns and is in no trouble. `ready`: every thread has its state, and there is one.

    `threads`: name to state; `errors`: name to what that thread cannot get over by itself.
    """

    healthy: bool
    ready: bool
    threads: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, MandateError] = field(default_factory=dict)


class Health:
    """The beats of all threads of a process. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beats: dict[str, Beat] = {}

    def expect(self, name: str) -> None:
        """A thread of this name shall live from now on."""
        with self._lock:
            self._beats[name] = Beat("starting", self._clock.monotonic())

    def beat(self, name: str, state: str, trouble: MandateError | None = None) -> None:
        """The thread turned, is in this state, and in this trouble if any."""
        with self._lock:
            beat = self._beats[name]
            if beat.state != "dead":
                beat.state, beat.at, beat.trouble = state, self._clock.monotonic(), trouble

    def died(self, name: str, why: str) -> None:
        """The thread ended without being asked. There is no way back from it."""
        with self._lock:
            self._beats[name] = Beat("dead", self._clock.monotonic(), why)

    def verdict(self) -> Verdict:
        """The verdict now."""
        now = self._clock.monotonic()
        with self._lock:
            threads = {name: self._describe(beat, now) for name, beat in sorted(self._beats.items())}
            errors = {name: beat.trouble for name, beat in sorted(self._beats.items()) if beat.trouble is not None}
        ended = any(text.startswith(("dead", "stuck", "ended")) for text in threads.values())
        healthy = not ended and not errors
        ready = healthy and bool(threads) and all(text == "running" for text in threads.values())
        return Verdict(healthy, ready, threads, errors)

    def _describe(self, beat: Beat, now: float) -> str:
        if beat.state == "dead":
            return f"dead: {beat.detail}"
        if beat.state != "ended" and now - beat.at > STUCK_SECONDS:
            return f"stuck in {beat.state} for {now - beat.at:.0f} s"
        return beat.state
