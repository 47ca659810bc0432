"""A plain idempotent producer for the doors: hand over a record, await where it was written.

Called by the gateway (ingest, commands, outbox) and by relays. Not transactional: what a door accepts is one
record, and it is accepted when all in-sync replicas have it. The event loop itself asks the client for
deliveries, every millisecond while something is in flight: a thread for it would have to fight the loop for
the interpreter, which at 1,500 requests a second was a third of the gateway's time.

    sender = Sender(bootstrap); sender.start(); placed = await sender.send(output); ...; await sender.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processors.host import client
from processors.host.errors import Fatal, HostError, SendBusy, SendFailed, TooLarge
from processors.host.places import Placed
from schemas.record import Output

# 10,000 records at the front door's measured 8,000/s are a little more than a second of waiting.
QUEUE_LIMIT = 10_000
# 16 MB of values: 32 records of the largest size that actions.raw takes (512 KB).
QUEUE_BYTES = 16 * 1_048_576
# How often deliveries are asked for while some are due (a look that finds nothing takes 2 µs), and else.
LOOK_SECONDS = 0.001
IDLE_SECONDS = 0.1
CLOSE_SECONDS = 5.0


class Sender:
    """Bounded, asynchronous, idempotent. Create and `start` it inside a running event loop."""

    def __init__(
        self,
        bootstrap: str,
        *,
        name: str = "sender",
        security: client.Security | None = None,
        queue_limit: int = QUEUE_LIMIT,
        queue_bytes: int = QUEUE_BYTES,
        delivery_ms: int = client.MESSAGE_TIMEOUT_MS,
        compression: str = client.COMPRESSION,
        linger_ms: int | None = None,
    ) -> None:
        self._settings = client.producing(client.base(bootstrap, security, self._on_error)) | {
            "client.id": name,
            "message.timeout.ms": delivery_ms,
            "compression.type": compression,
        }
        if linger_ms is not None:
            self._settings["linger.ms"] = linger_ms
        self._queue_limit = queue_limit
        self._queue_bytes = queue_bytes
        self._producer: Producer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        # Set while nothing is in flight.
        self._landed = asyncio.Event()
        self._fatal: KafkaError | None = None
        self._in_flight = 0
        self._in_flight_bytes = 0

    def start(self, warm: Sequence[str] = ()) -> None:
        """Open the producer. `warm`: topics to look up now (the first produce else takes 0.5 s).

        Raises Transient or OutcomeUnknown when the broker does not answer; start may then be called again.
        """
        if self._producer is not None:
            return
        producer = Producer(self._settings)
        try:
            for topic in warm:
                producer.list_topics(topic, timeout=client.REQUEST_SECONDS)
        except KafkaException as exception:
            client.raise_for(exception, "warming the sender")
        self._producer = producer
        self._loop = asyncio.get_running_loop()
        self._look()

    @property
    def in_flight(self) -> int:
        """Records handed over and not yet acknowledged."""
        return self._in_flight

    @property
    def fatal(self) -> str | None:
        """Why this sender can never send again, or None. `/healthz` of the door is built on it."""
        return None if self._fatal is None else self._fatal.str()

    def submit(self, output: Output) -> asyncio.Future[Placed]:
        """Hand over one record now; the future ends with where it was written.

        Raises SendBusy (queue full), TooLarge, Fatal at once and queues nothing; the future raises
        SendFailed, TooLarge.
        """
        producer, loop = self._producer, self._loop
        if producer is None or loop is None:
            raise Fatal("sender_not_started", "sending", "start() was not called", "Start the sender first.")
        if self._fatal is not None:
            raise client.classify(self._fatal, "sending")
        value = output.value
        size = len(value) if value else 0
        if self._in_flight >= self._queue_limit or self._in_flight_bytes + size > self._queue_bytes:
            raise _busy()
        future: asyncio.Future[Placed] = loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._in_flight -= 1
            self._in_flight_bytes -= size
            # Whoever waited may have given up.
            if future.done():
                return
            if error is None:
                future.set_result(Placed(message.topic() or "", message.partition() or 0, message.offset() or 0))
            else:
                future.set_exception(_failure(error, message.topic() or ""))

        partition = -1 if output.partition is None else output.partition
        try:
            if output.headers:
                producer.produce(output.topic, value, output.key, partition, delivered, headers=list(output.headers))
            else:
                producer.produce(output.topic, value, output.key, partition, delivered)
        except BufferError as full:
            raise _busy() from full
        except KafkaException as exception:
            raise _failure(client.error_of(exception), output.topic) from exception
        self._in_flight += 1
        self._in_flight_bytes += size
        if self._landed.is_set():
            self._look_soon()
        return future

    async def send(self, output: Output) -> Placed:
        """Hand over one record and wait for the acknowledgement of all replicas. Errors as `submit`."""
        return await self.submit(output)

    async def close(self, seconds: float = CLOSE_SECONDS) -> int:
        """Wait for what is in flight, then look no more; gives the number of records still unacknowledged."""
        producer, loop = self._producer, self._loop
        if producer is None or loop is None:
            return 0
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._landed.wait()
        if self._timer is not None:
            self._timer.cancel()
        self._producer = None
        return self._in_flight

    def _look(self) -> None:
        """Serve what the client has to tell: deliveries, errors, words for the log. Then again, soon or later."""
        producer, loop = self._producer, self._loop
        if producer is None or loop is None:
            return
        try:
            producer.poll(0)
        finally:
            if not self._in_flight:
                self._landed.set()
            seconds = LOOK_SECONDS if self._in_flight else IDLE_SECONDS
            self._timer = loop.call_later(seconds, self._look)

    def _look_soon(self) -> None:
        if self._timer is not None and self._loop is not None:
            self._timer.cancel()
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look)
            self._landed.clear()

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error


def _busy() -> SendBusy:
    return SendBusy("send_busy", "sending", "too many records await acknowledgement", "Come again in a second.")


def _failure(error: KafkaError, topic: str) -> HostError:
    if error.code() in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE):
        return TooLarge("too_large", f"a record for {topic}", error.str(), "Send less, or by reference.")
    return SendFailed(
        "send_failed",
        f"a record for {topic}",
        f"{error.name()}: {error.str()}",
        "It may have been written: send it again under the same id when the broker is back.",
    )
