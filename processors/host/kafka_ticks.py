"""Ticks on Apache Kafka: a producer of its own for all processors of a process.

Called by kafka.py (KafkaTransport.ticker); used by ticks.py. It also knows whether the broker is there, because a tick
handed over while it is away would be the first record after its return.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processors.host import client
from processors.host.places import Placed
from schemas.record import Output

# While the broker is away nothing else goes on in a loop, so a question may hold it up for a moment.
ASK_SECONDS = 0.1
ASK_APART_SECONDS = 0.5


class KafkaTick:
    """A tick on its way."""

    def __init__(self) -> None:
        self.placed: Placed | None = None
        self.failed = False

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """The client's report."""
        if error is not None:
            self.failed = True
        else:
            self.placed = Placed(message.topic() or "", message.partition() or 0, message.offset() or 0)


class KafkaTicker:
    """An idempotent producer of its own: a tick inside a transaction would be visible only at its commit."""

    def __init__(self, bootstrap: str, security: client.Security | None) -> None:
        self._fatal: KafkaError | None = None
        settings: dict[str, Any] = client.producing(client.base(bootstrap, security, self._on_error))
        self._producer = Producer(settings | {"client.id": "ticks", "linger.ms": 0})
        client.warm(self._producer, None)
        self._away = False
        self._back_at = float("-inf")
        self._asked_at = float("-inf")

    def send(self, output: Output) -> KafkaTick:
        """Hand over one tick; reports of earlier ones are taken on the way."""
        tick = KafkaTick()
        try:
            self._producer.produce(
                output.topic,
                value=output.value,
                key=output.key,
                partition=-1 if output.partition is None else output.partition,
                headers=list(output.headers) or None,
                on_delivery=tick.delivered,
            )
        except (BufferError, KafkaException):
            tick.failed = True
        self.serve()
        return tick

    def serve(self) -> None:
        """Take delivery reports. Raises Fatal."""
        self._producer.poll(0)
        if self._fatal is not None:
            raise client.classify(self._fatal, "sending ticks")

    def back_at(self) -> float:
        """When the broker was last back, +inf while it is away. Asks it, at most every ASK_APART_SECONDS."""
        now = time.monotonic()
        if self._away and now - self._asked_at >= ASK_APART_SECONDS:
            self._asked_at = now
            with contextlib.suppress(KafkaException):
                self._producer.list_topics(timeout=ASK_SECONDS)
                self._away, self._back_at = False, time.monotonic()
        return float("inf") if self._away else self._back_at

    def close(self) -> None:
        """Forget what is on its way."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        elif error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            self._away = True
