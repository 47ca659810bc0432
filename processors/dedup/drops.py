"""What is said of an action that was delivered again, as the codec writes it: a tenth of a busy input may be that."""

from __future__ import annotations

from schemas import codec
from schemas.head import TEXTS, who_of
from schemas.messages.actions import ActionDropped

# Reason `redelivered` and rule `event_id`, each the first of its kind; and that there is a first offset.
_WHY, _KNOWN = b"\x00\x00", b"\x02"


class Redelivered:
    """ActionDropped for records of one partition of a topic."""

    def __init__(self, topic: str, partition: int) -> None:
        self._topic, self._partition = topic, partition
        name = topic.encode()
        self._why = b"".join((_WHY, codec.long(len(name)), name, codec.long(partition)))

    def message(self, value: bytes, end: int, session: bytes, offset: int, first: int, now: int) -> bytes:
        """That the action `value` at `offset` was first seen at offset `first`; its tenant, actor and session end at
        `end`, the last of them is `session`."""
        if not codec.writes_newest():
            return codec.encode(self._whole(value, end, offset, first, now))
        long = codec.long
        size = len(session)
        # Tenant and actor stand in the message as they stand in the head.
        owner, event_id = value[TEXTS : end - size - len(long(size))], value[5:21]
        known = (long(offset), _KNOWN, long(first), long(now), long(len(value)), value)
        return b"".join((codec.frame_of(ActionDropped), owner, event_id, self._why, *known))

    def _whole(self, value: bytes, end: int, offset: int, first: int, now: int) -> ActionDropped:
        found = who_of(value[TEXTS:end])
        assert found is not None  # its session was met by it
        tenant, actor, _ = found
        coordinates = (self._topic, self._partition, offset, first, now)
        return ActionDropped(tenant, actor, value[5:21], "redelivered", "event_id", *coordinates, value)
