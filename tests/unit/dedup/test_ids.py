"""Ids of what deduplication says about records (derived ids are unique)."""

from __future__ import annotations

from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import codec, topology
from schemas.envelope import record_id
from schemas.ids import key_of
from schemas.partitioning import partition_of
from schemas.record import Record
from tests.support.actions import T0, action


def test_each_redelivery_of_one_action_is_a_fact_with_an_id_of_its_own():
    room = runnables(topology.load(), DECIDERS)["dedup"]
    sent = action("a")
    key = key_of(sent.tenant, sent.actor).encode()
    partition = partition_of(key, room.room.partitions)
    engine = room.engine(partition)
    engine.ready()
    records = [Record(room.input, partition, at, T0 + at, key, codec.encode(sent)) for at in range(4)]
    outputs = [output for record in records for output in engine.advance(record).outputs]
    dropped = [record_id(Record(o.topic, 0, 0, 0, o.key, o.value, o.headers)) for o in outputs[1:]]
    assert [o.topic for o in outputs[1:]] == ["actions.dropped"] * 3
    assert len(set(dropped)) == 3
