"""Every fault by name: what is done, how often, and where the stall shows."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import clocks, outages, refusals, zombies
from tests.faults import stack as stacks
from tests.faults.at_points import POINTS, Point, killed_at
from tests.faults.ground import STREAM, Ground

# Grounds: faults of one ground share a stack. What needs another clock or disk has a stack prepared for it, and what
# leaves a stack that only a person repairs has one to itself.
SHARED, CLOCKS, SMALL_KAFKA, SMALL_POSTGRES = "shared", "clocks", "small-kafka", "small-postgres"
RAISED, DELETED, STORM = "raised", "deleted", "storm"
PREPARED: dict[str, Callable[[stacks.Stack], None]] = {
    CLOCKS: clocks.shiftable(clocks.BROKER, *clocks.ROOMS),
    SMALL_KAFKA: outages.small_kafka,
    SMALL_POSTGRES: outages.small_postgres,
}
RANDOM = "random-kills"
TWO = ("processor-dedup", "processor-ordering")

Inflict = Callable[[Ground], Awaitable[float]]


@dataclass(frozen=True)
class Fault:
    """One fault on the shared stack, and the stream on which it shows.

    An `inflict` is one try, and returns the monotonic time at which the fault itself was over.
    """

    name: str
    inflicts: tuple[tuple[Inflict, str | None], ...]
    on: str = SHARED
    note: str = ""


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
KILLS_EACH = 1
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


def _all(
    name: str, *inflicts: Inflict, stream: str | None = "actions.ordered", on: str = SHARED, note: str = ""
) -> Fault:
    return Fault(name, tuple((inflict, stream) for inflict in inflicts), on, note)


FAULTS = (
    *(
        Fault(f"kill-{name.removeprefix('processor-')}", ((kill(name), STREAM[name]),) * KILLS_EACH)
        for name in PROCESSES
    ),
    *(_killed_at(point) for point in POINTS),
    _all("broker-sigkill", outages.killed("kafka")),
    _all("broker-sigstop", outages.stopped("kafka")),
    _all("broker-restart-loop", outages.killed("kafka", outages.LOOPS)),
    _all("postgres-sigkill", outages.killed("postgres"), stream="timeline"),
    _all("postgres-sigstop", outages.stopped("postgres"), stream="timeline"),
    _all("redis-sigkill", outages.killed("redis"), stream="overview"),
    _all("redis-flushall", outages.emptied, stream="overview"),
    _all("stop-within-session", *(zombies.stood_still(n, 3.0, same=True) for n in TWO)),
    _all("stop-beyond-session", *(zombies.stood_still(n, 9.0, same=False) for n in TWO)),
    _all("zombie-and-two-of-one-slot", *(zombies.zombie(n) for n in TWO)),
    _all("rebalance-storm", zombies.storm("processor-ordering")),
    _all("torn-restore-changelog", *(zombies.torn(n, positions=False) for n in TWO)),
    _all("torn-restore-positions", *(zombies.torn(n, positions=True) for n in TWO)),
    _all("timers-across-crashes", outages.timers_across_crashes, stream="notifications.events"),
    _all("offsets-reset", refusals.offsets_reset("processor-ordering")),
    Fault(RANDOM, (), STORM),
    _all("broker-disk-full", outages.full("kafka"), on=SMALL_KAFKA),
    _all("postgres-disk-full", outages.full("postgres"), stream="timeline", on=SMALL_POSTGRES),
    *(
        _all(f"clock-process{shift}", clocks.process_steps("ordering", shift), on=CLOCKS, note=note)
        for shift, note in (("-30s", clocks.GUARDED), ("-2h", clocks.GUARDED), ("+2h", ""), ("+30d", ""))
    ),
    _all("clock-broker-back", clocks.broker_steps("-30s"), clocks.broker_steps("-1h"), on=CLOCKS),
    _all("clock-broker-ahead", clocks.broker_ahead, on=CLOCKS),
    _all("partitions-raised", refusals.partitions_raised, stream=None, on=RAISED),
    _all("topic-deleted", refusals.topic_deleted, stream=None, on=DELETED),
)
ALL = {fault.name: fault for fault in FAULTS}
