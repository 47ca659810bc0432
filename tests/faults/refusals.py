"""What somebody did to the broker that no processor may repair by itself: it refuses, by name, and decides nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from gateway.local import state as st
from tests.faults.ground import SETTLED_S, Ground
from tests.faults.zombies import INPUTS, PARTITIONS, group_of
from tests.support.waiting import auntil


async def refuses(ground: Ground, name: str, *codes: str) -> None:
    """Restart it, and wait until its log has one of these codes, as the last word of a new process."""
    log = ground.stack.home.logs / f"{name}.log"
    before = len(log.read_text(errors="replace"))
    ground.stack.signal(name, signal.SIGKILL)
    await auntil(
        lambda: any(f"error[{code}]" in log.read_text(errors="replace")[before:] for code in codes),
        SETTLED_S,
        f"{name} to refuse with {' or '.join(codes)}",
    )


def offsets_reset(name: str) -> Callable[[Ground], Awaitable[float]]:
    """The group's positions go to the beginning while the processor stands still: it must not read all again."""
    room = name.partition("-")[2]

    async def inflict(ground: Ground) -> float:
        stack, bootstrap = ground.stack, ground.stack.connections.kafka
        await stack.spared(name)
        stack.signal(name, signal.SIGSTOP)
        known = await asyncio.to_thread(move, bootstrap, room, None)
        await refuses(ground, name, "progress_mismatch")
        await asyncio.to_thread(move, bootstrap, room, known)
        retried(ground)
        return ground.now()

    return inflict


def move(bootstrap: str, room: str, to: list[TopicPartition] | None) -> list[TopicPartition]:
    """Put the group's positions there (None: to the beginning), as a tool would that is not of the group."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": group_of(room)})
    places = [TopicPartition(INPUTS[room], partition) for partition in range(PARTITIONS)]
    known = [place for place in reader.committed(places, timeout=30) if place.offset >= 0]
    wanted = to or [TopicPartition(place.topic, place.partition, 0) for place in known]
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"faults-mover-{room}"})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.send_offsets_to_transaction(wanted, reader.consumer_group_metadata(), 30)
    producer.commit_transaction(60)
    reader.close()
    return known


async def partitions_raised(ground: Ground) -> float:
    """A partition more for the input of signals: keys would move, and its changelog has none of that number."""
    admin = AdminClient({"bootstrap.servers": ground.stack.connections.kafka})
    for future in admin.create_partitions([NewPartitions(INPUTS["signals"], PARTITIONS + 1)]).values():
        await asyncio.to_thread(future.result, 30)
    over = ground.now()
    await refuses(ground, "processor-signals", "topology_differs")
    return over


async def topic_deleted(ground: Ground) -> float:
    """The changelog of rml goes: it does not begin anew without its state."""
    admin = AdminClient({"bootstrap.servers": ground.stack.connections.kafka})
    for future in admin.delete_topics(["rml.changelog"]).values():
        await asyncio.to_thread(future.result, 30)
    over = ground.now()
    await refuses(ground, "processor-rml", "topic_missing", "progress_mismatch", "changelog_without_offset")
    return over


def retried(ground: Ground) -> None:
    """Ask the supervisor to try again what it gave up."""
    state = st.read(ground.stack.home)
    if state is not None:
        os.kill(state.supervisor, signal.SIGHUP)
