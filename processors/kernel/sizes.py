"""How large what a decision makes may be, and what is raised when it cannot be taken. Checked before anything is
applied where a record is redone, and by the writer of a transaction for all."""

from __future__ import annotations

from processors.kernel.room import Room
from processors.kernel.staging import Staged
from schemas import codec
from schemas.record import Record

MAX_PART_BYTES = 65_536
# Headers the writer adds (at most seven, ids and names) and the broker's framing of a batch of one record.
FRAMING_BYTES = 1_152


class DecideFailed(Exception):
    """A decide, evolve or react raised: a bug in a processor. Abort, restore, redo one by one (DESIGN 5).

    `record` is the one at which it raised, where that is known.
    """

    record: Record | None = None


class PartTooLarge(DecideFailed):
    """A part of the state is over 64 KB."""


class OutputTooLarge(DecideFailed):
    """An output is over its topic's max_bytes."""


def check_sizes(room: Room, staged: Staged) -> None:
    """Raise PartTooLarge or OutputTooLarge for a decision whose parts or records are over their limits."""
    for key, part in staged.changes.items():
        if part is not None and len(codec.encode(part)) > MAX_PART_BYTES:
            raise PartTooLarge(f"a part is over {MAX_PART_BYTES} bytes: {key[:100]}")
    for event, sends in zip(staged.decision.events, staged.sends, strict=True):
        topic = room.spec.writes.get(event.kind)
        if topic is not None:
            value = codec.encode(event.message) if event.raw is None else event.raw
            headers = sum(len(name) + len(content) for name, content in event.headers)
            _check_size(room, topic, event.key, len(value) + headers)
        for _, target, commands in sends:
            for send in commands:
                _check_size(room, target, send.key, len(codec.encode(send.message)))


def _check_size(room: Room, topic: str, key: str, size: int) -> None:
    limit = room.topology.topics[topic].max_bytes
    # The key stands in the record and, escaped, in a header.
    if size + 2 * len(key.encode()) + FRAMING_BYTES > limit:
        raise OutputTooLarge(f"an output for {topic} is {size} bytes, the topic takes {limit}")
