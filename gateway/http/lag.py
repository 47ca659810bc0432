"""How many seconds each processor is behind its input, looked up once a second, never per request.

A processor's lag in seconds is the age of the oldest end of its input that it has not passed: each look remembers where
the partitions end, so an offset has a time without reading a record. Queue depth in records would say nothing: 10,000
waiting actions are 0.1 s on one machine and a minute on another.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping

from gateway.http.errors import Busy
from gateway.http.metrics import Metrics
from gateway.http.tails import Tails
from processors.host.admin import Admin
from processors.host.group_positions import GroupPositions
from processors.host.places import Place
from processors.host.reader import LogReader
from processors.host.transport import group_of
from schemas.errors import MandateError
from schemas.topology import Topology

log = logging.getLogger("gateway.lag")

LOOK_EVERY_S = 1.0
# Twice a page's promise: what waits longer would be told too late, and the sender can still hold it.
LIMIT_S = 30.0
# One sample a look: two minutes of history, enough to tell 30 s from more.
SAMPLES = 120
# A look that is older than this says nothing any more: the broker is away, and produce tells so itself.
LOOK_VALID_S = 10.0

# The name that the effects service has among the processors.
EFFECTS = "effects"

Looked = tuple[Mapping[Place, int], Mapping[str, Mapping[Place, int | None]]]
Look = Callable[[], Looked]


class Lag:
    """`check` refuses while a processor of the actions' way is too far behind."""

    def __init__(
        self,
        look: Look | None,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        guards: Collection[str] | None = None,
    ) -> None:
        self._look = look
        self._metrics = metrics
        self._clock = clock
        # Who else is behind concerns people who read, not senders: None guards with all.
        self._guards = guards
        self._standing: Mapping[str, Mapping[Place, int | None]] = {}
        self._samples: deque[tuple[float, Mapping[Place, int]]] = deque(maxlen=SAMPLES)
        self._seconds: Mapping[str, float] = {}
        self._at = float("-inf")

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds behind, per processor, at the last look."""
        return self._seconds

    @property
    def standing(self) -> Mapping[str, Mapping[Place, int | None]]:
        """Where each processor stood at the last look; None where it never committed. Empty before the first."""
        return self._standing

    @property
    def current(self) -> bool:
        """Is the last look young enough to speak for now?"""
        return self._clock() - self._at <= LOOK_VALID_S

    def behind(self, place: Place, at: int) -> tuple[int, float]:
        """Records and seconds from a position to the end of its place, as of the last look."""
        if not self._samples:
            return 0, 0.0
        now, ends = self._samples[-1]
        return max(0, ends.get(place, 0) - at), self._behind(now, place, at)

    def check(self) -> None:
        """Raises Busy `pipeline_behind` when something is more than LIMIT_S behind."""
        if self._clock() - self._at > LOOK_VALID_S:
            return
        guarding = [x for x in self._seconds.items() if self._guards is None or x[0] in self._guards]
        worst = max(guarding, key=lambda x: (x[1], x[0]), default=None)
        if worst is not None and worst[1] > LIMIT_S:
            error = Busy(
                "pipeline_behind",
                "the pipeline",
                f"processor {worst[0]} is {worst[1]:.0f} s behind",
                "Nothing was taken; come again.",
            )
            error.retry_after = 5
            raise error

    def record(self, ends: Mapping[Place, int], committed: Mapping[str, Mapping[Place, int | None]]) -> None:
        """Take one look into account: where inputs end, and where each processor stands."""
        now = self._clock()
        self._samples.append((now, ends))
        self._seconds = {
            name: max((self._behind(now, place, at) for place, at in places.items()), default=0.0)
            for name, places in committed.items()
        }
        self._standing = committed
        self._at = now
        for name, seconds in self._seconds.items():
            self._metrics.lag.labels(name).set(seconds)

    def _behind(self, now: float, place: Place, at: int | None) -> float:
        # A processor that has never committed has not been started yet: that is a matter for health, not for senders.
        if at is None or at >= self._samples[-1][1].get(place, 0):
            return 0.0
        for when, ends in reversed(self._samples):
            if ends.get(place, 0) <= at:
                return now - when
        return now - self._samples[0][0]

    async def run(self) -> None:
        """Look until cancelled. Errors are logged once a change; the next look tries again."""
        failing = False
        while self._look is not None:
            try:
                ends, committed = await asyncio.to_thread(self._look)
                self.record(ends, committed)
                failing = False
            except MandateError as error:
                if not failing:
                    log.warning("lag is unknown: %s", error)
                failing = True
            await asyncio.sleep(LOOK_EVERY_S)


def senders_wait_for(topology: Topology) -> frozenset[str]:
    """The processors on the way of an action: those that read a stream of actions."""
    return frozenset(r.name for r in topology.rooms.values() if topology.topics[r.input].stream == "actions")


class Broker:
    """Looks at a real broker: every processor, the effects service, and the ends of what read models read."""

    def __init__(self, bootstrap: str, topology: Topology) -> None:
        self._admin = Admin(bootstrap)
        self._tails = Tails(lambda: LogReader(bootstrap, name="gateway-lag"))
        inputs = {room.name: room.input for room in topology.rooms.values()} | {EFFECTS: topology.relay.source}
        self._places = {n: [Place(t, p) for p in range(topology.partitions(t))] for n, t in inputs.items()}
        read = {t for model in topology.projections.values() for t in model.reads} | set(inputs.values())
        self._ends = [Place(t, p) for t in sorted(read) for p in range(topology.partitions(t))]
        self._groups = {room: group_of(room) for room in topology.rooms}
        self._groups[EFFECTS] = topology.relay.group
        self._positions = GroupPositions(bootstrap, tuple(self._groups.values()))
        # A look runs in a thread that nobody can stop: `close` waits for it, since a closed client may not be asked.
        self._looking = threading.Lock()
        self._closed = False

    def look(self) -> Looked:
        """Ends of the inputs, and where each processor stands. Raises MandateError when the broker cannot say."""
        with self._looking:
            if self._closed:
                return {}, {}
            # Positions first: an end that moves between the two requests shows as lag, never as its contrary.
            committed = {n: self._positions.of(self._groups[n], places) for n, places in self._places.items()}
            ends = self._admin.high_watermarks(self._ends)
            return ends, self._tails.passed(committed, ends)

    def close(self) -> None:
        """Forget the broker, after the look that is under way."""
        with self._looking:
            self._closed = True
            self._positions.close()
            self._tails.close()
            self._admin.close()
