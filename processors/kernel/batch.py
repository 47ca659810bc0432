"""Runs a processor's batch face over the plain records of a batch; the engine decides the others one by one.

Pure, as the engine is. It reads no clock and does no I/O, and it must never judge a record that its face refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from processors.kernel.face import Face
from processors.kernel.outputs import Writer
from processors.kernel.room import Room
from processors.kernel.store import Store
from schemas.codec import PREFIX_BYTES, frame, schema_ids
from schemas.messages.actions import Action
from schemas.record import Output, Record

# Later than every log time, for a partition without timers.
NEVER = 1 << 63
_FRAMES = frozenset(frame(number) for number in schema_ids(Action))


class Batch:
    """The face of one partition, and what the kernel does around it."""

    def __init__(self, face: Face, room: Room, partition: int, writer: Writer) -> None:
        self.face = face
        self._partition = partition
        self._writer = writer
        self._topic = room.spec.writes.get(face.event)
        self._fixed = partition if self._topic in room.spec.same_partition else None

    def take(self, records: Sequence[Record], begin: int, now: int, due: int, outputs: list[Output]) -> tuple[int, int]:
        """Decide records from index `begin` on, up to the first that is not plain or before which a timer is due.

        Gives (the index of that record, log time after the last one taken) and appends to `outputs`.
        """
        take, chained, topic, fixed = self.face.take, self._writer.chained, self._topic, self._fixed
        own = self._partition
        for index in range(begin, len(records)):
            _, partition, offset, append_time, key, value, headers = records[index]
            at = append_time if append_time > now else now
            if at >= due or partition != own or key is None or value is None or value[:PREFIX_BYTES] not in _FRAMES:
                return index, now
            onward = take(key, value, offset, headers, at)
            if onward is None:
                return index, now
            now = at
            if topic is not None:
                outputs.append(chained(topic, fixed, onward, value, headers))
        return len(records), now


def batch_of(room: Room, partition: int, store: Store, writer: Writer) -> Batch | None:
    """The batch face of a processor, or None where it has none."""
    make = room.decider.face
    return None if make is None else Batch(make(store, partition, room.partitions), room, partition, writer)
