"""SIGKILL of every process at random moments under load, all from one seed (F1 of the catalogue)."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

from tests.faults import stack as stacks
from tests.faults.checker import Verdict
from tests.faults.ground import SETTLED_S, STREAM, Ground, Tried
from tests.faults.results import Row, row_of
from tests.support.waiting import auntil

ROOMS = tuple(f"processor-{name}" for name in stacks.ROOMS)
OTHERS = (*(f"projection-{name}" for name in stacks.READ_MODELS), "effects", "gateway")
# Each room dies every 12 s on average: five deaths within a minute are what the supervisor takes.
KILLS_A_MINUTE = 4.9
# No room is so many kills ahead of another: all are done at the same time, and which is next stays open.
AHEAD = 2
# Each of the others once for so many kills of rooms.
OTHERS_EVERY = 5
WATCHED_S = 8.0


async def storm(ground: Ground, kills: int, actions: int, seconds: float) -> Row:
    """Kill until every room has died so often, send until so many actions are accepted, or for so long; then count."""
    died: Counter[str] = Counter()
    moments: list[tuple[str, float]] = []
    pause = 60 / (KILLS_A_MINUTE * len(ROOMS))
    turn = 0
    began = ground.now()
    while min(died[name] for name in ROOMS) < kills and ground.now() - began < seconds:
        turn += 1
        others = turn % OTHERS_EVERY == 0
        await asyncio.sleep(ground.chance.uniform(0.5, 1.5) * pause)
        least = min(died[name] for name in ROOMS)
        open_ = [room for room in ROOMS if died[room] < min(kills, least + AHEAD)]
        alive = [name for name in (OTHERS if others else open_) if not ground.stack.tired(name)]
        if not alive:
            continue
        name = ground.chance.choice(alive)
        if not ground.stack.state(name).pid:
            continue
        await ground.stack.spared(name)
        moments.append((name, ground.now()))
        ground.stack.signal(name, signal.SIGKILL)
        died[name] += 1
        ground.load.check()
    end = began + seconds
    await auntil(lambda: ground.load.kept.count >= actions or ground.now() > end, seconds + SETTLED_S, "the load")
    took = ground.now() - began
    verdict = await ground.counted()
    tries = [_watched(ground, name, at) for name, at in moments]
    row = row_of("random-kills", tries)
    row.lost, row.doubled, row.misordered = verdict.lost, verdict.doubled, verdict.misordered
    row.wrong = verdict.examples
    rooms = ", ".join(f"{name.removeprefix('processor-')} {died[name]}" for name in ROOMS)
    row.note = (
        f"{ground.load.kept.count} actions accepted in {took:.0f} s while {sum(died.values())} processes were killed "
        f"({rooms}); stalls of a room are of its own output, also while another one before it was dead"
    )
    return row


def _watched(ground: Ground, name: str, at: float) -> Tried:
    stall, flows = ground.gap(STREAM[name], at, at + WATCHED_S, at)
    return Tried(Verdict(), stall, max(0.0, flows - at))
