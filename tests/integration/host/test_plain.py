"""The plain reader, sender and admin on a real broker."""

from __future__ import annotations

import asyncio
import itertools
import os
import time

import pytest
from confluent_kafka import Producer

from processors.host.admin import Admin, TopicState
from processors.host.errors import Fatal, SendBusy, SendFailed, TooLarge
from processors.host.group_positions import GroupPositions
from processors.host.places import Place
from processors.host.reader import Batch, LogReader
from processors.host.sender import Sender
from schemas.partitioning import partition_of
from schemas.record import Output
from tests.support.waiting import until

_numbers = itertools.count(1)
CONFIG = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "600000"}


@pytest.fixture
def topic(kafka):
    name = f"plain-{next(_numbers)}-{time.time_ns() % 1_000_000_000}"
    Admin(kafka.bootstrap).create([TopicState(name, 3, 1, CONFIG)])
    return name


def transactional(bootstrap: str, topic: str) -> Producer:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    return producer


async def test_what_was_sent_is_where_the_sender_says(kafka, topic):
    sender = Sender(kafka.bootstrap)
    sender.start([topic])
    outputs = [Output(topic, None, f"key{i}".encode(), b"%d" % i, (("h", b"\xff"),)) for i in range(500)]
    placed = await asyncio.gather(*(sender.send(output) for output in outputs))
    assert await sender.close() == 0
    assert [p.partition for p in placed] == [partition_of(o.key or b"", 3) for o in outputs], "as the Java client"
    reader = LogReader(kafka.bootstrap)
    reader.assign({Place(topic, p): None for p in range(3)})
    found = {}
    until(
        lambda: found.update({(r.partition, r.offset): r for r in reader.read(100, 0.2).records}) or len(found) >= 500,
        20,
        "all records",
    )
    assert [found[p.partition, p.offset].value for p in placed] == [o.value for o in outputs]
    assert {r.headers for r in found.values()} == {(("h", b"\xff"),)}
    assert max(r.append_time for r in found.values()) <= time.time_ns() // 1_000_000 + 1_000
    reader.close()


async def test_a_full_sender_refuses_and_queues_nothing(kafka, topic):
    sender = Sender(kafka.bootstrap, queue_limit=2, queue_bytes=1_000)
    sender.start([topic])
    futures = [sender.submit(Output(topic, 0, b"k", b"v")) for _ in range(2)]
    with pytest.raises(SendBusy):
        sender.submit(Output(topic, 0, b"k", b"v"))
    await asyncio.gather(*futures)
    with pytest.raises(SendBusy):
        sender.submit(Output(topic, 0, b"k", b"v" * 1_001))
    assert sender.in_flight == 0
    await sender.close()
    admin = Admin(kafka.bootstrap)
    assert admin.ends([Place(topic, 0)])[Place(topic, 0)].high == 2


async def test_too_large_and_unreachable_are_told_apart(kafka, topic):
    sender = Sender(kafka.bootstrap)
    sender.start([topic])
    with pytest.raises(TooLarge):
        await sender.send(Output(topic, 0, b"k", os.urandom(700_000)))
    await sender.close()
    away = Sender("127.0.0.1:1", delivery_ms=300)
    away.start()
    with pytest.raises(SendFailed) as failed:
        await away.send(Output(topic, 0, b"k", b"v"))
    assert failed.value.code == "send_failed"
    await away.close()


def test_positions_pass_markers_and_aborted_records(kafka, topic):
    place = Place(topic, 0)
    producer = transactional(kafka.bootstrap, topic)
    reader = LogReader(kafka.bootstrap)
    reader.assign({place: None})
    producer.begin_transaction()
    producer.produce(topic, b"aborted", partition=0)
    producer.flush(60)
    assert reader.ends([place])[place] == (0, 0, 1)
    assert reader.read(10, 0.2).records == ()
    producer.abort_transaction(60)
    until(lambda: reader.read(10, 0.2) and reader.position(place) == 2, 10, "the aborted record and its marker passed")
    producer.begin_transaction()
    producer.produce(topic, b"committed", partition=0)
    producer.commit_transaction(60)
    batches: list[Batch] = []

    def read_on() -> bool:
        batches.append(reader.read(10, 0.2))
        return reader.position(place) == 4

    until(read_on, 10, "the committed record")
    assert [r.value for b in batches for r in b.records] == [b"committed"]
    steps = [(b.before[place], b.positions[place]) for b in batches if b.before]
    assert [after for _, after in steps[:-1]] == [before for before, _ in steps[1:]], "positions are one chain"
    assert reader.lag()[place] == 0
    reader.seek(place, 2)
    again = until(lambda: reader.read(10, 0.2).records, 10, "the same record")
    assert [r.value for r in again] == [b"committed"]
    reader.close()


def test_a_position_outside_the_log_is_refused(kafka, topic):
    reader = LogReader(kafka.bootstrap)
    with pytest.raises(Fatal) as refused:
        reader.assign({Place(topic, 0): 5})
    assert refused.value.code == "offset_out_of_log"
    reader.close()


def test_topics_are_described_changed_and_grown(kafka, topic):
    admin = Admin(kafka.bootstrap)
    assert admin.describe([topic, "no-such-topic"]) == {topic: TopicState(topic, 3, 1, CONFIG)}
    admin.create([TopicState(topic, 1, 1)])
    admin.alter(topic, {"retention.ms": "1000", "max.message.bytes": None})
    changed = admin.describe([topic])[topic]
    assert changed.config == {"message.timestamp.type": "LogAppendTime", "retention.ms": "1000"}
    admin.grow(topic, 5)
    until(lambda: admin.partitions([topic])[topic] == 5, 10, "five partitions")
    positions = GroupPositions(kafka.bootstrap, ["nobody"])
    assert positions.of("nobody", [Place(topic, 0)]) == {Place(topic, 0): None}
    positions.close()
    assert topic in admin.names()
    admin.delete([topic, "no-such-topic"])
    until(lambda: topic not in admin.names(), 10, "the topic is gone")
    with pytest.raises(Fatal) as missing:
        admin.ends([Place("no-such-topic", 0)])
    assert missing.value.code == "topic_missing"
