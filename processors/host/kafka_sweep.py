"""Ending what a broker forgot to end: one aborted transaction over every place that this slot may have left
open.

A broker that restarts aborts the transactions that timed out meanwhile, and skips the markers of partitions
that have no leader at that moment as if they had been deleted (Kafka 4.3.1: "Couldn't find leader endpoint …
can be skipped"; seen in the log of several kills). The coordinator then believes that the transaction is over, and the
partitions and the group's positions stay undecided for ever: readers stand, and no restore can finish. Only a
marker of the same producer id ends them, and the next transaction of this slot that happens to touch the same
partition brings one. This one touches all of them.

It is written when a slot is opened and when its producer is renewed, never beside a transaction that counts.
What it writes is aborted, so nobody who reads committed records sees it. Called by kafka.py.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from confluent_kafka import TopicPartition

from processors.host.errors import AbortNeeded, OutcomeUnknown, Transient
from processors.host.kafka_producer import TransactionalProducer
from processors.host.places import Place
from schemas.record import Output

log = logging.getLogger(__name__)

KEY = b"\x00sweep"


def sweep(producer: TransactionalProducer, places: Sequence[Place], position: Place, group: Any) -> None:
    """Abort a transaction over `places` and over one position of the group. A courtesy: failing is no error.

    `group` is the metadata of a consumer; it may not have joined, since nothing of this is committed. Raises
    Fatal.
    """
    try:
        producer.begin()
        producer.produce([Output(place.topic, place.partition, KEY, None) for place in places])
        # Before the position: that is refused while the group still knows this slot's dead predecessor, and an
        # abort forgets what was not sent. A restore that finds the positions undecided sweeps again, as a member.
        producer.flush()
        producer.send_offsets([TopicPartition(position.topic, position.partition, 0)], group)
    except (AbortNeeded, OutcomeUnknown, Transient) as failed:
        log.warning("sweeping: %s", failed)
    try:
        producer.abort()
    except (AbortNeeded, OutcomeUnknown, Transient) as failed:
        log.warning("sweeping: %s", failed)
        producer.renew()
