"""Runs a processor's batch face over the plain records of a batch; the engine decides the others one by one.

Pure, as the engine is. It reads no clock and does no I/O, and it must never judge a record that its face refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from processors.kernel.face import Face
from processors.kernel.outputs import FOUR, Writer, fields_of
from processors.kernel.room import Room
from processors.kernel.store import Store
from schemas.codec import PREFIX_BYTES, frame, schema_ids
from schemas.envelope import correlation_of
from schemas.messages.actions import Action
from schemas.record import Output, Record

# Keys kept ready with their place: about 300 bytes each, so 20 MB. When full it starts anew.
ONWARDS = 65_536
# Later than every log time, for a partition without timers.
NEVER = 1 << 63
_new = tuple.__new__
_join = b"".join
_FRAMES = frozenset(frame(number) for number in schema_ids(Action))


class Batch:
    """The face of one partition, and what the kernel does around it."""

    def __init__(self, face: Face, room: Room, partition: int, writer: Writer) -> None:
        self.face = face
        self._partition = partition
        self._writer = writer
        self._topic = room.spec.writes.get(face.event)
        self._told = room.spec.writes.get(face.aside)  # the topic of what is said of a record that goes no further
        self._fixed = partition if self._topic in room.spec.same_partition else None
        # Topic and partition as they stand in the chain, where all go to one; else by key.
        self._place = b"" if self._fixed is None or self._topic is None else writer.place(self._topic, self._fixed)
        self._onwards: dict[bytes, tuple[int, bytes]] = {}

    def take(
        self, records: Sequence[Record], begin: int, now: int, due: int, outputs: list[Output]
    ) -> tuple[int, int, int]:
        """Decide records from index `begin` on, up to the first that is not plain or before which a timer is due.

        Gives (the index of that record, log time after the last one taken, how many of those taken were an Aside) and
        appends to `outputs`.
        """
        take, topic, own = self.face.take, self._topic, self._partition
        told, name, writer = self._told, self.face.aside, self._writer
        fixed, place = self._fixed, self._place
        onwards, chains = self._onwards, writer.chains
        chain = b"" if topic is None else chains.get(topic, b"")
        index, aside = begin, 0
        for index in range(begin, len(records)):
            _, partition, offset, append_time, key, value, headers = records[index]
            at = append_time if append_time > now else now
            if at >= due or partition != own or key is None or value is None or value[:PREFIX_BYTES] not in _FRAMES:
                break
            onward = take(key, value, offset, headers, at)
            if not isinstance(onward, bytes):
                if onward is None:
                    break
                now = at
                aside += 1
                if told is not None:
                    cause, correlation = onward.cause, correlation_of(headers) if headers else None
                    outputs.append(writer.about(told, name, key, offset, cause, correlation, now, onward.message))
                continue
            now = at
            if topic is None:
                continue
            # What Writer.chained does, for many records of one topic.
            if fixed is None:
                to, before = onwards.get(onward) or self._onward(topic, onward)
                fields: tuple[bytes, ...] = (chain, before, FOUR[len(value)], value)
            else:
                to, fields = fixed, (chain, place, FOUR[len(onward)], onward, FOUR[len(value)], value)
            chain = blake2b(_join(fields if not headers else fields + fields_of(headers)), digest_size=16).digest()
            outputs.append(_new(Output, (topic, to, onward, value, headers)))
        else:
            index = len(records)
        if topic is not None and index - begin > aside:
            chains[topic] = chain
        return index, now, aside

    def _onward(self, topic: str, key: bytes) -> tuple[int, bytes]:
        """Where a key's records go, and what stands before their value in the chain."""
        if len(self._onwards) >= ONWARDS:
            self._onwards.clear()
        to = self._writer.partition_of(topic, key)
        found = self._onwards[key] = (to, self._writer.place(topic, to) + FOUR[len(key)] + key)
        return found


def batch_of(room: Room, partition: int, store: Store, writer: Writer) -> Batch | None:
    """The batch face of a processor, or None where it has none."""
    make = room.decider.face
    return None if make is None else Batch(make(store, room.input, partition, room.partitions), room, partition, writer)
