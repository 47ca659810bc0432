"""Threads of a process: one per room, each with its own slot. A thread that dies takes the process with it.

Called by wiring.py. A crash is the normal way to stop and the log makes it safe, so there is no repair in
here: what is not Transient, AbortNeeded or OutcomeUnknown ends the process at once (`os._exit`, since a
client library that is fatal may hang in an orderly exit), and a supervisor starts the next one. SIGTERM
drains: every loop ends its turn, which is a whole transaction, and leaves.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import NoReturn

from processors.host.clock import Clock
from processors.host.errors import (
    EXIT_CLEAN,
    EXIT_FATAL,
    EXIT_ROOM_DIED,
    HostError,
    OutcomeUnknown,
    Transient,
    exit_code,
)
from processors.host.health import Health
from processors.host.loop import LoopSettings, RoomLoop, Step
from processors.host.metrics import Metrics, RoomMetrics
from processors.host.ports import Room
from processors.host.transport import Slot, SlotSpec, Transport
from schemas.errors import MandateError

log = logging.getLogger(__name__)

# The first record is waited for this long; a stop is noticed as fast.
POLL_SECONDS = 0.1
# Gauges need no more.
OBSERVE_SECONDS = 1.0
# A broker that restarts is away for 4 to 14 s; a minute covers a slow one, and the supervisor goes on after
# it.
OPEN_SECONDS = 60.0
OPEN_AGAIN_SECONDS = 0.5
# How often somebody looks whether a call of the client is overdue.
WATCH_SECONDS = 0.5
# Within the supervisor's 10 s.
DRAIN_SECONDS = 8.0

Exit = Callable[[int], NoReturn]


def exit_now(code: int) -> NoReturn:
    """End the process at once, without handlers and destructors."""
    logging.shutdown()
    os._exit(code)


class Runner:
    """All rooms of one process. `start`, then `wait`; `stop` from a signal handler."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        metrics: Metrics,
        health: Health,
        limits: Mapping[str, int],
        settings: LoopSettings,
        die: Exit = exit_now,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._limits = limits
        self._settings = settings
        self._die = die
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, room: Room, ordinal: int) -> None:
        """Run a room on a slot in a thread of its own."""
        self._health.expect(room.name)
        thread = threading.Thread(target=self._guarded, args=(room, ordinal), name=room.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Ask every loop to end its turn and leave."""
        self._stopping.set()

    def wait(self) -> int:
        """Until everything ended; gives the exit code. A room that does not drain in time is cut off."""
        while not self._stopping.wait(WATCH_SECONDS):
            stuck = self._transport.stuck()
            if stuck is not None:
                log.critical("error[client_stuck]: %s did not come back; the process ends and is started again", stuck)
                self._die(EXIT_FATAL)
        deadline = self._clock.monotonic() + DRAIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.1, deadline - self._clock.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            log.warning("not drained in %.0f s; what was not committed is redone by the next process", DRAIN_SECONDS)
        return EXIT_CLEAN

    def _guarded(self, room: Room, ordinal: int) -> None:
        try:
            self._run(room, ordinal)
            self._health.beat(room.name, "ended")
        except MandateError as error:
            self._health.died(room.name, str(error))
            log.critical("%s: %s", room.name, error)
            self._die(exit_code(error) if isinstance(error, HostError) else EXIT_ROOM_DIED)
        except BaseException as bug:
            self._health.died(room.name, repr(bug))
            log.critical("error[room_died]: %s ended by a bug", room.name, exc_info=bug)
            self._die(EXIT_ROOM_DIED)

    def _run(self, room: Room, ordinal: int) -> None:
        slot = self._open(room, ordinal)
        if slot is None:
            return
        metrics = RoomMetrics(self._metrics, room.name)
        loop = RoomLoop(room, slot, self._transport.ticker(), self._clock, metrics, self._limits, self._settings)
        observed = 0.0
        while not self._stopping.is_set():
            step = loop.step(POLL_SECONDS)
            state = "running" if loop.ready and step is not Step.RESTORING else "restoring"
            self._health.beat(room.name, state, loop.trouble)
            now = self._clock.monotonic()
            if now - observed >= OBSERVE_SECONDS:
                loop.observe()
                observed = now
        self._health.beat(room.name, "draining")
        slot.close()

    def _open(self, room: Room, ordinal: int) -> Slot | None:
        """The slot, or None when asked to stop while the broker is away."""
        spec = SlotSpec(room.name, room.input, room.changelog, ordinal, room.outputs)
        deadline = self._clock.monotonic() + OPEN_SECONDS
        while not self._stopping.is_set():
            try:
                return self._transport.open(spec)
            except (Transient, OutcomeUnknown) as away:
                if self._clock.monotonic() >= deadline:
                    raise
                log.warning("%s: %s", room.name, away)
                self._stopping.wait(OPEN_AGAIN_SECONDS)
        return None
