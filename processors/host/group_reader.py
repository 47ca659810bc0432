"""The reader for a relay: committed records of whole topics, as a member of a group that keeps the position.

Called by the relay of the effects service, which has no store of its own for positions. At-least-once: read,
do, then `commit`. A group without a position begins at the first record kept. Read models use reader.py:
their position moves in the same database transaction as their rows.

    reader = GroupReader(bootstrap, group="effects.requests.relay", instance="relay-0",
    topics=["notifications.events"]) batch = reader.read(500, 0.5); ...copy batch.records...;
    reader.commit(batch.positions)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from processors.host import client
from processors.host.errors import Fatal
from processors.host.places import Place
from processors.host.reader import READ_LIMIT_MAX, Batch
from schemas.record import Record


class GroupReader:
    """Committed records of topics, shared among the slots of a group. One thread at a time."""

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str,
        instance: str,
        topics: Sequence[str],
        security: client.Security | None = None,
    ) -> None:
        self._fatal: KafkaError | None = None
        self._next: dict[Place, int] = {}
        settings = client.consuming(client.base(bootstrap, security, self._on_error), group)
        settings = client.membership(client.following(settings), instance) | {
            "client.id": instance,
            "auto.offset.reset": "earliest",
        }
        self._consumer = Consumer(settings)
        self._consumer.subscribe(list(topics), on_assign=self._on_assign, on_revoke=self._forget, on_lost=self._forget)

    def read(self, limit: int, seconds: float) -> Batch:
        """Up to `limit` records; waits at most `seconds` for the first. Raises Transient, Fatal."""
        if self._fatal is not None:
            raise client.classify(self._fatal, "reading")
        deadline = time.monotonic() + seconds
        before: dict[Place, int] = {}
        records: list[Record] = []
        # poll() one by one: consume() may mix records of an old and a new assignment in one call.
        while len(records) < min(limit, READ_LIMIT_MAX):
            wait = 0.0 if records else max(0.0, deadline - time.monotonic())
            try:
                message = self._consumer.poll(wait)
            except KafkaException as exception:
                client.raise_for(exception, "reading")
            if message is None:
                break
            self._take(message, before, records)
        # A place that was revoked in between is the next owner's.
        return Batch(
            tuple(record for record in records if Place(record.topic, record.partition) in self._next),
            {place: at for place, at in before.items() if place in self._next},
            {place: self._next[place] for place in before if place in self._next},
        )

    def rewind(self, batch: Batch) -> None:
        """Read the places of this batch again from before it, where they are still ours."""
        for place, at in batch.before.items():
            if place in self._next:
                self._consumer.seek(TopicPartition(place.topic, place.partition, at))
                self._next[place] = at

    def commit(self, positions: Mapping[Place, int]) -> None:
        """Store the next offset of these places with the group; waits for the answer.

        Raises Transient, OutcomeUnknown or AbortNeeded (no longer a member) when it may not be stored: what
        follows the stored position is then read again, by us or by the next owner. Raises Fatal.
        """
        offsets = [
            TopicPartition(place.topic, place.partition, at) for place, at in positions.items() if place in self._next
        ]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as exception:
            client.raise_for(exception, "storing the position of a group")

    def close(self) -> None:
        """Leave. A static member's partitions stay reserved for its slot until the session ends."""
        self._consumer.close()

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # -1001: where it begins is known with the first record (or end of partition) read there.
        self._next.update({Place(at.topic, at.partition): -1001 for at in partitions})

    def _forget(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for at in partitions:
            self._next.pop(Place(at.topic, at.partition), None)

    def _take(self, message: Message, before: dict[Place, int], records: list[Record]) -> None:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise Fatal("topic_missing", "reading", error.str(), "Run `mandate topology apply`.")
            raise client.classify(error, "reading")
        place = Place(message.topic() or "", message.partition() or 0)
        offset = message.offset() or 0
        # The end of a partition is reported with the next offset to come, which is how markers are passed.
        after = offset if error is not None else offset + 1
        if place not in self._next or after <= self._next[place]:
            return
        before.setdefault(place, self._next[place] if self._next[place] >= 0 else offset)
        self._next[place] = after
        if error is None:
            records.append(client.to_record(message))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
