"""Ticks: when a timer is due and nothing else arrives, one record that says "time passed" (KERNEL 12).

Called by the loop between transactions. Ticks are liveness only: a lost, doubled or late one changes no
decision, so a wrong estimate here costs latency and nothing else. One outstanding per partition, at least 250
ms apart; outstanding until it was read back, so that a tick hidden behind someone's open transaction is not
followed by a thousand more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from processors.host import points
from processors.host.clock import Clock
from processors.host.ports import Engine
from processors.host.transport import TickHandle, TickSender

# At most four ticks a second and partition: 16 partitions of six rooms stay below 400 records a second.
APART_SECONDS = 0.25
# While the broker or this processor was away, nobody could answer a page. People's commands wait outside and need about
# two seconds to get in (a second to reconnect, a second for the transactions between); timers give them that start.
HOLD_SECONDS = 3.0


@dataclass(slots=True)
class _Time:
    """What is known of a partition's log time."""

    since: float
    append_time: int | None = None
    read_at: float = 0.0
    sent_at: float | None = None
    outstanding: TickHandle | None = None


class Ticks:
    """Decides when a partition needs a tick, and sends it."""

    def __init__(self, sender: TickSender, clock: Clock, sent: Callable[[], None], hold_seconds: float) -> None:
        self._sender = sender
        self._hold = hold_seconds
        self._clock = clock
        self._sent = sent
        self._times: dict[int, _Time] = {}

    def forget(self) -> None:
        """The assignment moved: nothing is known any more."""
        self._times.clear()

    def read(self, partition: int, append_time: int) -> None:
        """A record of this partition was decided; it was appended at `append_time` (ms)."""
        time = self._of(partition)
        time.append_time, time.read_at = append_time, self._clock.monotonic()

    def serve(self, partition: int, engine: Engine, position: int, at_end: bool) -> None:
        """Send a tick if the partition needs one. `position`: the next offset to decide. Raises Fatal."""
        time = self._of(partition)
        if self._awaited(time, position) or not at_end:
            return
        if self._missing(time, engine) > 0.0:
            return
        time.outstanding = self._sender.send(engine.tick())
        time.sent_at = self._clock.monotonic()
        self._sent()
        points.reached("host.ticked")

    def wait(self, partition: int, engine: Engine, seconds: float) -> float:
        """At most `seconds`, less when a tick may be due earlier."""
        time = self._times.get(partition)
        if time is None or engine.earliest_due() is None:
            return seconds
        # An outstanding tick comes back through the input and wakes the poll by itself.
        return seconds if time.outstanding is not None else max(0.0, min(seconds, self._missing(time, engine)))

    def _of(self, partition: int) -> _Time:
        time = self._times.get(partition)
        if time is None:
            time = self._times[partition] = _Time(self._clock.monotonic())
        return time

    def _awaited(self, time: _Time, position: int) -> bool:
        if time.outstanding is None:
            return False
        placed = time.outstanding.placed
        if time.outstanding.failed or (placed is not None and position > placed.offset):
            time.outstanding = None
            return False
        return True

    def _missing(self, time: _Time, engine: Engine) -> float:
        """Seconds until a tick may be sent; 0 or less: now. Without a timer: for ever."""
        due = engine.earliest_due()
        if due is None:
            return float("inf")
        now = self._clock.monotonic()
        apart = 0.0 if time.sent_at is None else time.sent_at + APART_SECONDS - now
        apart = max(apart, max(time.since, self._sender.back_at()) + self._hold - now)
        if time.append_time is None:
            return max(apart, (due - self._clock.wall_ms()) / 1_000)
        return max(apart, (due - time.append_time) / 1_000 - (now - time.read_at))
