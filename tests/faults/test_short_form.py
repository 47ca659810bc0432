"""The short form of `make faults`: kills at moments and points that differ in kind, on a stack of its own."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.faults import results
from tests.faults.catalogue import ALL
from tests.faults.checker import ORDERED
from tests.faults.ground import Ground, Pace, ground
from tests.support.waiting import auntil, until

SEED = 6
# A room between its positions and the end of its transaction, rows before their commit, a page before its outcome.
CHOSEN = ("kill-dedup", "point-host.flushed", "point-projection.written", "point-effects.sent")


@pytest.mark.slow
async def test_nothing_is_lost_doubled_or_misordered_whoever_dies(tmp_path: Path) -> None:
    async with ground(tmp_path, print, seed=SEED, pace=Pace(rate=60.0)) as found:
        for name in CHOSEN:
            inflict, stream = ALL[name].inflicts[0]
            row = results.row_of(name, [await found.tried(stream, partial(inflict, found))])
            print(row)
            assert row.clean, row
        await found.load.pause(60)
        await found.settled()
        found.checker.recount()
        assert found.checker.verdict().clean
        # The checker can fail: an action once more on a topic, and a row that is gone.
        sabotaged = await asyncio.to_thread(sabotage, found)
        found.checker.recount()
        await auntil(lambda: found.log.ids[ORDERED][sabotaged[0]] == 2, 30, "the probe to see the copy")
        verdict = found.checker.verdict()
        assert (verdict.lost, verdict.doubled) == (1, 1), verdict


def sabotage(found: Ground) -> list[str]:
    """Write one action twice, and delete the row of another; returns both ids."""
    kept = found.load.kept
    copied, deleted = [one for one in kept.places if one not in kept.failures | kept.effects][:2]
    where = found.stack.connections
    place = next(place for place, one in found.log.at.items() if one == copied and place[0] == ORDERED)
    reader = Consumer({"bootstrap.servers": where.kafka, "group.id": "sabotage", "isolation.level": "read_committed"})
    reader.assign([TopicPartition(*place)])
    message = until(lambda: reader.poll(1.0), 30, "the record to copy")
    reader.close()
    producer = Producer({"bootstrap.servers": where.kafka})
    assert message is not None
    producer.produce(ORDERED, message.value(), message.key(), place[1])
    producer.flush(60)
    # Its copy becomes a row, too: the double is seen on the log and in the store, and is one action.
    with psycopg.connect(where.postgres, autocommit=True) as connection:
        connection.execute("delete from timeline where event_id = %s", (deleted,))
    return [copied, deleted]
