"""The actions that every measurement on a broker reads: about 365 bytes each, a tenth of them sent twice.

Encoding an action takes 20 µs, too long for a million of them: so the parts that stay the same are encoded once by the
real codec and taken apart, and a record is those parts with its own id and number between them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from confluent_kafka import Producer

from processors.host import client
from schemas import codec, ids
from schemas.codec import PREFIX_BYTES
from schemas.head import glance
from schemas.messages.actions import ERROR, Action, ErrorInfo, ModelUse, Tool
from schemas.partitioning import partition_of

TENANT = "bench"
ID_AT = PREFIX_BYTES  # where a record's sixteen bytes of id begin; contenders need not know more of the format
ID_BYTES = 16
# A duplicate comes again this many actions of its own actor later: far inside the window of every contender.
AGAIN_AFTER = 3
FLUSH_SECONDS = 60.0
QUEUE_MESSAGES = 1_000_000


class Sent(NamedTuple):
    """One record to be written."""

    partition: int
    key: bytes
    value: bytes


@dataclass(frozen=True)
class Shape:
    """What the load looks like. `failing`: every Nth action is an error (0: none), on one of `resources` in turn."""

    actors: int = 1_000
    resources: int = 200
    partitions: int = 4
    failing: int = 0
    duplicates: bool = True


def long(number: int) -> bytes:
    """Avro's zigzag varint."""
    n = number * 2 if number >= 0 else -number * 2 - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def whole(actor: str, resource: str, at_ms: int, failed: bool) -> bytes:
    """A real encoded action with number 0."""
    action = Action(
        bytes(ID_BYTES),
        bytes(ID_BYTES),
        TENANT,
        actor,
        "session-1",
        0,
        at_ms,
        at_ms,
        ERROR if failed else 0,
        resource,
        "checkout.pay",
        source_id="order-000000000000",
        actor_name="checkout-agent",
        actor_version="2026.11.22",
        parameters_digest="sha256:" + "5" * 48,
        trace_id="7" * 32,
        span_id="3" * 16,
        result="the order was paid by card",
        error=ErrorInfo("PaymentError", f"pool of {resource} exhausted, waited 5003 ms") if failed else None,
        tool=Tool("payments.charge", "function", "call-0000000001"),
        model=ModelUse("claude", "anthropic", 1_024, 256),
    )
    return codec.encode(action)


def text(words: str) -> bytes:
    """Avro's string."""
    raw = words.encode()
    return long(len(raw)) + raw


@lru_cache(maxsize=16_384)
def tail(resource: str, at_ms: int, failed: bool) -> bytes:
    """What follows an action's number, the same for all actors."""
    value = whole("agent", resource, at_ms, failed)
    found = glance(value)
    assert found is not None
    return value[found[2] :]


class Load:
    """Records one after the other: every actor in turn, each with its own numbers, ids never repeated but by the
    duplicates (every tenth record, when there are any). It goes on where it stopped."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.unique = 0
        self._count = 0
        actors = [f"agent-{n}" for n in range(shape.actors)]
        self._resources = [f"service-{n}" for n in range(shape.resources)]
        self._keys = [ids.key_of(TENANT, actor).encode() for actor in actors]
        self._places = [partition_of(key, shape.partitions) for key in self._keys]
        self._who = [bytes(ID_BYTES) + text(TENANT) + text(actor) + text("session-1") for actor in actors]
        self._numbers = [0] * shape.actors
        self._sent: list[list[bytes]] = [[] for _ in actors] if shape.duplicates else []

    def take(self, count: int) -> Iterator[Sent]:
        """The next `count` records, said to have been received now."""
        shape = self.shape
        at_ms = time.time_ns() // 1_000_000
        prefix = whole("agent-0", "service-0", at_ms, False)[:PREFIX_BYTES]
        quiet = [tail(resource, at_ms, False) for resource in self._resources]
        for i in range(self._count, self._count + count):
            who = i % shape.actors
            sent = self._sent[who] if shape.duplicates else None
            # Each turn it is another actor's: none is left out, and none sends nothing else.
            if sent is not None and (i + i // shape.actors) % 10 == 9 and len(sent) >= AGAIN_AFTER:
                yield Sent(self._places[who], self._keys[who], sent[0])
                continue
            failed = bool(shape.failing) and self.unique % shape.failing == 0
            if failed:
                after = tail(self._resources[self.unique // shape.failing % shape.resources], at_ms, True)
            else:
                after = quiet[who % shape.resources]
            self._numbers[who] += 1
            value = b"".join(
                (prefix, ids.derive("bench", self.unique), self._who[who], long(self._numbers[who]), after)
            )
            self.unique += 1
            if sent is not None:
                sent.append(value)
                del sent[:-AGAIN_AFTER]
            yield Sent(self._places[who], self._keys[who], value)
        self._count += count


class Feed:
    """A plain idempotent producer for the load; `send` says nothing until `flush`."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        settings = client.producing(client.unpolled(client.base(bootstrap, None)))
        more = {"message.timeout.ms": 60_000, "queue.buffering.max.messages": QUEUE_MESSAGES}
        self._producer = Producer(settings | more | {"queue.buffering.max.kbytes": 1_048_576, "linger.ms": 5})

    def send(self, records: Iterable[Sent]) -> None:
        """Hand them to the client."""
        produce, poll, topic = self._producer.produce, self._producer.poll, self._topic
        for n, (partition, key, value) in enumerate(records):
            produce(topic, value, key, partition)
            if n % 1_000 == 0:
                poll(0)

    def flush(self) -> None:
        """Until the broker has all of them."""
        left = self._producer.flush(FLUSH_SECONDS)
        if left:
            raise TimeoutError(f"{left} records of the load were not taken in {FLUSH_SECONDS:.0f} s")


def fill(bootstrap: str, topic: str, records: Iterable[Sent]) -> None:
    """Write records and wait for the broker."""
    feed = Feed(bootstrap, topic)
    feed.send(records)
    feed.flush()
