"""SIGKILL at every named point of the code (processors/host/points.py), each at a random pass after it was armed."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.cli.client import Client
from tests.faults import stack as stacks
from tests.faults.ground import Ground
from tests.support.waiting import auntil

# An archive flushes every two seconds here, a tick is sent when nothing else comes, a page once in a while.
REACHED_S = 90.0
PASSES = 4
ROOMS = tuple(f"processor-{name}" for name in stacks.ROOMS)


async def by_itself(ground: Ground, process: str) -> None:
    """The load brings the process to the point."""


async def restarted(ground: Ground, process: str) -> None:
    """It restores after a kill."""
    await ground.stack.spared(process)
    ground.stack.signal(process, signal.SIGKILL)


async def configured(ground: Ground, process: str) -> None:
    """A new version of a document has to be announced."""
    window = ground.chance.randint(5, 60)
    async with Client(ground.stack.url, ground.stack.operator_token) as operator:
        documents = {"signals": {"retry_window_s": window}}
        await operator.request("PUT", f"/v1/tenants/{ground.tenant.name}/configuration", body={"documents": documents})


@dataclass(frozen=True)
class Point:
    """Who comes there, and what brings them."""

    name: str
    processes: Sequence[str]
    brings: Callable[[Ground, str], Awaitable[None]] = by_itself
    passes: int = PASSES


TABLES = ("projection-timeline", "projection-incidents", "projection-pages", "projection-cases")
CACHES = ("projection-dedup", "projection-overview")
POINTS = (
    *(Point(f"host.{step}", ROOMS) for step in ("collected", "decided", "begun", "produced", "positions_sent")),
    *(Point(f"host.{step}", ROOMS) for step in ("flushed", "committed")),
    *(Point(f"host.{step}", ROOMS, restarted, 0) for step in ("positions_stable", "changelog_ends", "restored")),
    Point("host.ticked", ("processor-notifications",)),
    *(Point(f"projection.{step}", (*TABLES, *CACHES)) for step in ("read", "committed")),
    *(Point(f"projection.{step}", TABLES) for step in ("moved", "written")),
    *(Point(f"projection.{step}", CACHES) for step in ("planned", "scripted")),
    *(Point(f"archive.{step}", ("projection-archive",)) for step in ("gathered", "written", "moved", "listed")),
    *(Point(f"archive.{step}", ("projection-archive",)) for step in ("published", "mirrored")),
    *(Point(f"outbox.{step}", ("gateway",), configured, 0) for step in ("taken", "sent", "marked")),
    *(Point(f"ingest.{step}", ("gateway",)) for step in ("handed", "acknowledged")),
    *(Point(f"relay.{step}", ("effects",), by_itself, 0) for step in ("read", "copied", "committed")),
    *(Point(f"effects.{step}", ("effects",), by_itself, 1) for step in ("taken", "sent", "reported", "done")),
)


def killed_at(point: Point, turn: int) -> Callable[[Ground], Awaitable[float]]:
    """Arm the point for one of its processes, and wait until that process has died there and is replaced."""
    process = point.processes[turn % len(point.processes)]

    async def inflict(ground: Ground) -> float:
        stack = ground.stack
        await stack.spared(process)
        pid = stack.state(process).pid or 0
        of = "-" if process in ("gateway", "effects") else process.partition("-")[2]
        stack.arm(point.name, of=of, after=ground.chance.randint(0, point.passes))
        await point.brings(ground, process)
        await auntil(lambda: stack.fired(point.name), REACHED_S, f"{process} to come to {point.name}")
        at = ground.now()
        await stack.died(process, pid)
        await stack.well(process, other_than=pid)
        return at

    return inflict
