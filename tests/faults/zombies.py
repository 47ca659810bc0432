"""More than one process for a slot, members that stand still, members that come and go, and torn restores, forced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from gateway.local import state as st
from gateway.local.paths import CHECKOUT
from gateway.local.ports import HOST, free_port
from tests.faults.at_points import REACHED_S
from tests.faults.ground import SETTLED_S, STREAM, Ground
from tests.support.waiting import auntil

MEMBERS = 5
MEMBER_S = 1.0
RESTORED = " restored "
# An orphan is held longer than a room takes to come back, so that a restore that did not wait would go wrong.
HELD_S = 8.0
ORPHAN_MS = 60_000


def beside(ground: Ground, name: str, *, slot: int = 0) -> subprocess.Popen[bytes]:
    """Another process like this one of the stack, with its environment, at an address of its own."""
    pid = ground.stack.state(name).pid
    raw = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    env = {os.fsdecode(k): os.fsdecode(v) for k, _, v in (entry.partition(b"=") for entry in raw if entry)}
    command = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    command[-1] = str(slot)
    with (ground.stack.home.logs / f"{name}-beside.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=CHECKOUT, env=env | {"MANDATE_HTTP": f"{HOST}:{free_port()}"}, stdout=log, stderr=log
        )


async def ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit code, or None after killing it because it did not end by itself."""
    try:
        return await asyncio.to_thread(process.wait, seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def zombie(name: str) -> Callable[[Ground], Awaitable[float]]:
    """It stands still between its positions and the end of its transaction; an heir works; then it goes on.

    Afterwards the supervisor's next one and the heir are two for one slot: exactly one may survive.
    """
    room = name.partition("-")[2]

    async def inflict(ground: Ground) -> float:
        stack = ground.stack
        await stack.spared(name)
        pid = stack.state(name).pid or 0
        stack.arm("host.flushed", number="SIGSTOP", of=room, after=ground.chance.randint(0, 4))
        await auntil(lambda: stack.fired("host.flushed"), REACHED_S, f"{name} to stand still in its transaction")
        heir = beside(ground, name)
        since = ground.now()
        await auntil(lambda: ground.arrivals(STREAM[name]).after(since), SETTLED_S, "the heir to work")
        # What it does is visible, not only what was decided before: one more second of work.
        await asyncio.sleep(1.0)
        started = st.started_at(pid)
        os.kill(pid, signal.SIGCONT)
        over = ground.now()
        await auntil(lambda: st.started_at(pid) != started, SETTLED_S, "the zombie to end by itself")
        code = await ended(heir, SETTLED_S)
        if not code:
            raise AssertionError(f"the heir of {name} ended with {code}: it should have been fenced by the next one")
        return over

    return inflict


def stood_still(name: str, seconds: float, *, same: bool) -> Callable[[Ground], Awaitable[float]]:
    """SIGSTOP for so long; `same`: it must be the same process afterwards (its session did not end)."""

    async def inflict(ground: Ground) -> float:
        pid = ground.stack.signal(name, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        ground.stack.signal(name, signal.SIGCONT)
        over = ground.now()
        await auntil(lambda: ground.arrivals(STREAM[name]).after(over), SETTLED_S, f"{name} to work again")
        assert not same or ground.stack.state(name).pid == pid, f"{name} was restarted by a stop of {seconds} s"
        return over

    return inflict


def restored(log: Path, before: int) -> bool:
    """Has a process of this log said once more that it restored partitions?"""
    return log.read_text(errors="replace").count(RESTORED) > before


def storm(name: str) -> Callable[[Ground], Awaitable[float]]:
    """Members of the group come, get partitions, and are killed as soon as they have them."""

    async def inflict(ground: Ground) -> float:
        for slot in range(1, MEMBERS + 1):
            log = ground.stack.home.logs / f"{name}-beside.log"
            before = log.read_text(errors="replace").count(RESTORED) if log.exists() else 0
            other = beside(ground, name, slot=slot % 3 + 1)
            try:
                await auntil(partial(restored, log, before), SETTLED_S, "the new member to have partitions")
                await asyncio.sleep(MEMBER_S)
            finally:
                other.kill()
            other.wait()
        return ground.now()

    return inflict


def torn(name: str, *, positions: bool) -> Callable[[Ground], Awaitable[float]]:
    """A foreign transaction that nobody ends holds the changelog, or the group's positions, over a restart.

    What was committed behind it in the changelog is hidden from who reads to the last stable offset; positions that
    are undecided may still move. A restore that waits for neither decides records twice.
    """
    room = name.partition("-")[2]

    async def inflict(ground: Ground) -> float:
        stack, topic = ground.stack, f"{room}.changelog"
        producer = Producer(
            {
                "bootstrap.servers": stack.connections.kafka,
                "transactional.id": f"faults-orphan-{room}",
                "transaction.timeout.ms": ORPHAN_MS,
            }
        )
        await asyncio.to_thread(producer.init_transactions, 30)
        producer.begin_transaction()
        if positions:
            await asyncio.to_thread(send_positions, stack.connections.kafka, producer, group_of(room), INPUTS[room])
        for partition in range(PARTITIONS):
            producer.produce(topic, b"orphan", b"orphan", partition)
        await asyncio.to_thread(producer.flush, 10)
        # The room commits behind the orphan, then dies.
        await asyncio.sleep(2.0)
        await stack.spared(name)
        pid = stack.signal(name, signal.SIGKILL)
        await stack.died(name, pid)
        await asyncio.sleep(HELD_S)
        await asyncio.to_thread(producer.abort_transaction, 30)
        return ground.now()

    return inflict


# The rooms whose input and changelog have four partitions.
PARTITIONS = 4
INPUTS = {"dedup": "actions.raw", "ordering": "actions.unique", "signals": "actions.ordered"}


def group_of(room: str) -> str:
    """The consumer group of a processor, as its members name it."""
    return f"mandate-{room}"


def send_positions(bootstrap: str, producer: Producer, group: str, topic: str) -> None:
    """The group's positions as they are, in this transaction: undecided until it ends."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    known = [place for place in reader.committed(places, timeout=30) if place.offset >= 0]
    # A consumer that never joined sends positions that nobody fences: exactly what is wanted here.
    producer.send_offsets_to_transaction(known, reader.consumer_group_metadata(), 30)
    reader.close()
