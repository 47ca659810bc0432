"""Where groups stand: their committed positions, asked without becoming a member.

Called by the gateway's lag. A consumer with the group's name and no subscription asks; the admin client may not: told
that a coordinator has moved, librdkafka 2.12-2.16 dereferences a null pointer in it, and the process is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from processors.host import client
from processors.host.places import Place


class GroupPositions:
    """Committed positions of a few named groups, a client each. Safe for one thread at a time."""

    def __init__(self, bootstrap: str, groups: Sequence[str], *, security: client.Security | None = None) -> None:
        base = client.unpolled(client.base(bootstrap, security))
        # Read uncommitted: what is committed by now, and no wait for a transaction that may be about to commit more.
        settings = client.consuming(base, "") | {"isolation.level": "read_uncommitted"}
        self._consumers = {group: Consumer(settings | {"group.id": group}) for group in groups}

    def of(self, group: str, places: Sequence[Place]) -> Mapping[Place, int | None]:
        """Where a group stands; None where it never committed. Raises Transient, OutcomeUnknown (no answer in time)."""
        asked = [TopicPartition(place.topic, place.partition) for place in places]
        doing = f"offsets of group {group}"
        try:
            answer = self._consumers[group].committed(asked, timeout=client.REQUEST_SECONDS)
        except KafkaException as exception:
            client.raise_for(exception, doing)
        for at in answer:
            if at.error is not None:
                raise client.classify(at.error, doing)
        return {Place(at.topic, at.partition): at.offset if at.offset >= 0 else None for at in answer}

    def close(self) -> None:
        """Forget the broker. It cannot be used again."""
        for consumer in self._consumers.values():
            consumer.close()
        # A client keeps a key of its process's 1,024 for thread-local storage until nobody refers to it.
        self._consumers = {}
