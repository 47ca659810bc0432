"""Every fault by name: what is done, how often, and where the stall shows."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import stack as stacks
from tests.faults.at_points import POINTS, Point, killed_at
from tests.faults.ground import STREAM, Ground

Inflict = Callable[[Ground], Awaitable[float]]


@dataclass(frozen=True)
class Fault:
    """One fault on the shared stack, and the stream on which it shows.

    An `inflict` is one try, and returns the monotonic time at which the fault itself was over.
    """

    name: str
    inflicts: tuple[tuple[Inflict, str | None], ...]


def kill(process: str) -> Inflict:
    """SIGKILL, at a moment of no choice; the supervisor starts the next."""

    async def inflict(ground: Ground) -> float:
        await ground.stack.spared(process)
        at = ground.now()
        pid = ground.stack.signal(process, signal.SIGKILL)
        await ground.stack.died(process, pid)
        await ground.stack.well(process, other_than=pid)
        return at

    return inflict


PROCESSES = (
    *(f"processor-{name}" for name in stacks.ROOMS),
    *(f"projection-{name}" for name in stacks.READ_MODELS),
    "effects",
    "gateway",
)

# How often each process is killed in the plain runs, and for how many of its processes a point is tried.
KILLS_EACH = 2
POINT_PROCESSES = 1


def _killed_at(point: Point) -> Fault:
    turns = range(min(POINT_PROCESSES, len(point.processes)))
    # Not always the same ones of those who come to many points.
    first = POINTS.index(point)
    return Fault(
        f"point-{point.name}",
        tuple(
            (killed_at(point, first + n), STREAM[point.processes[(first + n) % len(point.processes)]]) for n in turns
        ),
    )


FAULTS = (
    *(
        Fault(f"kill-{name.removeprefix('processor-')}", ((kill(name), STREAM[name]),) * KILLS_EACH)
        for name in PROCESSES
    ),
    *(_killed_at(point) for point in POINTS),
)
ALL = {fault.name: fault for fault in FAULTS}
