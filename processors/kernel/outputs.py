"""Decided events to records: topic, partition, derived id, headers, and the chain that proves them (KERNEL 3,
16)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from hashlib import blake2b, sha256

from processors.kernel.decider import Command, Event, Send
from processors.kernel.room import Room
from schemas import codec, ids
from schemas.envelope import headers_of, record_id
from schemas.messages.kernel import Answer, DeadLetter, RememberedCommand
from schemas.partitioning import partition_of
from schemas.record import Headers, Output, Record
from schemas.topology import DEAD_LETTERS

Sends = tuple[tuple[str, str, tuple[Send, ...]], ...]
DETAIL_CHARACTERS = 1_000
# Lengths below this are kept as the four bytes that stand before a field of a hash: 200 KB.
LENGTHS = 4_096
# Names of headers kept ready; there are a dozen, and those that agents send.
NAMES = 256
_new = tuple.__new__
# The fields before an id, and a child's ordinal, as `ids.derive` joins them.
_ABOUT = ids.joined("about", bytes(ids.ID_BYTES))[: -ids.ID_BYTES]
_CHILD = ids.joined("child", bytes(ids.ID_BYTES))[: -ids.ID_BYTES]
_FIRST = ids.joined(0)
_joined = lru_cache(maxsize=NAMES)(ids.joined)


class _Four(dict[int, bytes]):
    """Four bytes by length; a look-up takes a third of the time of making them."""

    def __missing__(self, length: int) -> bytes:
        return length.to_bytes(4, "big")


FOUR = _Four((n, n.to_bytes(4, "big")) for n in range(LENGTHS))


class Writer:
    """Turns events into outputs of one partition. `chains` holds the running hash per output topic."""

    def __init__(self, room: Room, partition: int) -> None:
        self._room = room
        self._partition = partition
        self._own = ids.joined(partition)
        self._ordinals: Counter[tuple[str, str]] = Counter()
        # One entry a topic, and one a topic and partition that it writes to: what each record would ask for again.
        self._counts: dict[str, int] = {}
        self._places: dict[tuple[str, int], bytes] = {}
        self.chains: dict[str, bytes] = {}
        self.last_event_ids: list[bytes] = []

    def begin(self) -> None:
        """A new decision: ordinals and event ids start anew. Nothing of the decision before may leak into
        this one."""
        self._ordinals, self.last_event_ids = Counter(), []

    def event(self, command: Command, event: Event, correlation: bytes | None, sends: Sends) -> list[Output]:
        """The records of one event: itself where the map says so, and what others make of it."""
        topic = self._room.spec.writes.get(event.kind)
        if event.raw is not None and topic is not None and not any(commands for _, _, commands in sends):
            # A forwarded record keeps the id of its original, so the event itself needs none.
            return [self._output(topic, event, b"", command, correlation)]
        if topic is None and not any(commands for _, _, commands in sends):
            return []  # it only changes the state
        kind = f"{self._room.name}.{event.kind}"
        cause = command.id if event.about is None else ids.derive("about", command.id, self._partition, event.about)
        event_id = ids.child_id(cause, kind, event.key, self._ordinals[kind, event.key])
        self._ordinals[kind, event.key] += 1
        outputs = []
        if topic is not None:
            self.last_event_ids.append(event_id)
            outputs.append(self._output(topic, event, event_id, command, correlation))
        ordinals: Counter[tuple[str, str]] = Counter()
        for room, target, commands in sends:
            for send in commands:
                send_kind = f"{room}.{type(send.message).__name__}"
                send_id = ids.child_id(event_id, send_kind, send.key, ordinals[send_kind, send.key])
                ordinals[send_kind, send.key] += 1
                headers = headers_of(
                    send_id,
                    send_kind,
                    self._room.name,
                    send.key,
                    command.now,
                    event_id,
                    correlation or command.id,
                )
                outputs.append(self.chained(target, None, send.key.encode(), codec.encode(send.message), headers))
        return outputs

    def about(
        self,
        topic: str,
        name: str,
        key: bytes,
        offset: int,
        cause: bytes,
        correlation: bytes | None,
        now: int,
        value: bytes,
    ) -> Output:
        """The one event of a decision about the record at `offset`, to which nobody reacts: what `event` would give.

        `cause` is the record's id, `value` the framed message of type `name`.
        """
        kind, subject = f"{self._room.name}.{name}", key.decode()
        # ids.child_id of ids.derive("about", cause, partition, offset), its fields joined as far as they are alike.
        about = ids.hashed(b"".join((_ABOUT, cause, self._own, ids.joined(offset))))
        event_id = ids.hashed(b"".join((_CHILD, about, _joined(kind), ids.joined(subject), _FIRST)))
        headers = headers_of(event_id, kind, self._room.name, subject, now, cause, correlation or cause)
        partition = self._partition if topic in self._room.spec.same_partition else None
        return self.chained(topic, partition, key, value, headers)

    def _output(self, topic: str, event: Event, event_id: bytes, command: Command, correlation: bytes | None) -> Output:
        partition = self._partition if topic in self._room.spec.same_partition else None
        key = event.key.encode()
        if event.raw is not None:
            return self.chained(topic, partition, key, event.raw, event.headers)
        kind = f"{self._room.name}.{event.kind}"
        headers = headers_of(
            event_id, kind, self._room.name, event.key, command.now, command.id, correlation or command.id
        )
        return self.chained(topic, partition, key, codec.encode(event.message), (*headers, *event.headers))

    def answer(self, command: Command, remembered: RememberedCommand) -> Output:
        """The answer to a person's command; the same record for a command that is sent again."""
        message = Answer(
            command.message.tenant,
            remembered.command_id,
            remembered.code,
            remembered.reasons,
            remembered.event_ids,
        )
        kind = f"{self._room.name}.Answer"
        answer_id = ids.child_id(command.id, kind, command.key, 0)
        headers = headers_of(
            answer_id, kind, self._room.name, command.key, remembered.second * 1000, command.id, command.id
        )
        topic = self._room.spec.writes["Answer"]
        return self.chained(topic, None, command.key.encode(), codec.encode(message), headers)

    def dead_letter(self, record: Record, code: str, detail: str, now: int) -> Output:
        """A record that could not be decoded or decided, with its coordinates and original bytes."""
        value = record.value or b""
        letter = DeadLetter(
            room=self._room.name,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            append_time=record.append_time,
            code=code,
            detail=detail[:DETAIL_CHARACTERS],
            key=record.key,
            original=record.value,
            original_hash=sha256(value).hexdigest(),
            original_length=len(value),
            headers={name: content or b"" for name, content in record.headers},
        )
        cause = record_id(record) or ids.derive("record", record.key or b"", value)
        return self._letter(letter, cause, record.key or b"", now)

    def failed_timer(self, record: Record, timer: tuple[int, str, str], origin: bytes, error: Exception) -> Output:
        """A timer whose decision raised twice; `record` is the one before which it fired."""
        due, part, name = timer
        letter = DeadLetter(
            room=self._room.name,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            append_time=record.append_time,
            code="timer_failed",
            detail=f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS],
            key=part.encode(),
            original=None,
            original_hash="",
            original_length=0,
            part=part,
            timer=name,
            due=due,
            origin=origin,
        )
        return self._letter(letter, ids.firing_id(origin, part, name, due), part.encode(), due)

    def _letter(self, letter: DeadLetter, cause: bytes, key: bytes, now: int) -> Output:
        kind = f"{self._room.name}.DeadLetter"
        letter_id = ids.derive("child", cause, kind, key, 0)
        headers = headers_of(letter_id, kind, self._room.name, key.decode("utf-8", "replace"), now, cause)
        return self.chained(DEAD_LETTERS, None, key, codec.encode(letter), headers)

    def chained(self, topic: str, partition: int | None, key: bytes, value: bytes, headers: Headers) -> Output:
        """A record as it is written; its bytes go into the chain of its topic (KERNEL 16)."""
        if partition is None:
            partition = self.partition_of(topic, key)
        place = self._places.get((topic, partition)) or self.place(topic, partition)
        # One hash of all fields, each behind its length in four bytes: field by field it takes three times as long.
        fields: tuple[bytes, ...] = (
            self.chains.get(topic, b""),
            place,
            FOUR[len(key)],
            key,
            FOUR[len(value)],
            value,
        )
        if headers:
            fields += fields_of(headers)
        self.chains[topic] = blake2b(b"".join(fields), digest_size=16).digest()
        return _new(Output, (topic, partition, key, value, headers))

    def partition_of(self, topic: str, key: bytes) -> int:
        """Where a record with this key goes."""
        count = self._counts.get(topic)
        if count is None:
            count = self._counts[topic] = self._room.topology.partitions(topic)
        return partition_of(key, count)

    def place(self, topic: str, partition: int) -> bytes:
        """Topic and partition as they stand in the chain."""
        name, number = topic.encode(), b"%d" % partition
        found = FOUR[len(name)] + name + FOUR[len(number)] + number
        self._places[topic, partition] = found
        return found


@lru_cache(maxsize=NAMES)
def _named(name: str) -> bytes:
    """A header's name behind its length."""
    raw = name.encode()
    return FOUR[len(raw)] + raw


def fields_of(headers: Headers) -> tuple[bytes, ...]:
    """Headers as they stand in the chain."""
    fields: list[bytes] = []
    for name, content in headers:
        fields += (_named(name), FOUR[len(content)], content)
    return tuple(fields)
