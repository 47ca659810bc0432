"""The transactional producer of one slot: begin, produce, offsets, commit, abort; and what to do when nobody
answers.

Called by kafka.py only. Each method raises one of three classes (errors.py): AbortNeeded, OutcomeUnknown,
Fatal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from processors.host import client, points
from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown, Transient
from processors.host.watch import Watch
from schemas.record import Output

# The coordinator of a dead predecessor's transaction needs up to its time-out (5 s) and a scan (1-10 s), and
# a broker that restarts needs 4-14 s; twice that, and below any supervisor's patience.
INIT_SECONDS = 40.0
# Below the poll interval (30 s), so that a commit that waits out a broker's restart does not cost the
# membership.
COMMIT_SECONDS = 25.0
# One attempt of a call that is resumed; short enough that a deadline is met.
ATTEMPT_SECONDS = 5.0
ABORT_SECONDS = 10.0
# Not above the transaction's time-out: after it the answer is worth nothing.
OFFSETS_SECONDS = 5.0
# As the client says "by the key".
ANY_PARTITION = -1
# Beyond a call's own time-out; then the library has lost it (watch.py).
GRACE_SECONDS = 4.0


class TransactionalProducer:
    """One producer under a name that stays the same over restarts; its start fences the one before it."""

    def __init__(
        self,
        bootstrap: str,
        name: str,
        security: client.Security | None,
        transaction_timeout_ms: int,
        watch: Watch,
    ) -> None:
        self._settings = client.producing(client.base(bootstrap, security, self._on_error)) | {
            "transactional.id": name,
            "client.id": name,
            "transaction.timeout.ms": transaction_timeout_ms,
            # Only failures come back: a report for each record costs more than the record.
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 131_072,
        }
        self._watch = watch
        self._shaken = False
        self._fatal: KafkaError | None = None
        self._failed: KafkaError | None = None
        self._open = False
        self.renewed = 0
        self._producer = self._new()

    def begin(self) -> None:
        """Begin a transaction."""
        with client.calling("beginning a transaction"):
            self._producer.poll(0)
        self._check()
        if self._shaken:
            # A broker went away and came back: what the client remembers of it may be a handle that never
            # answers.
            self.renew()
        self._failed = None
        self._call("beginning a transaction", self._producer.begin_transaction)
        self._open = True

    def produce(self, outputs: Sequence[Output]) -> None:
        """Queue records; None as partition means murmur2 of the key. Sizes were checked by the caller."""
        produce, delivered = self._producer.produce, self._delivered
        for output in outputs:
            topic, partition, key, value, headers = output
            number = ANY_PARTITION if partition is None else partition
            try:
                # By place: names take as long as the call itself. The callback is the client's fifth.
                if headers:
                    produce(topic, value, key, number, delivered, headers=list(headers))
                else:
                    produce(topic, value, key, number, delivered)
            except BufferError:
                self._drain(output)
            except KafkaException as exception:
                client.raise_for(exception, f"producing to {topic}")
        with client.calling("producing"):
            self._producer.poll(0)

    def send_offsets(self, positions: Sequence[TopicPartition], group: Any) -> None:
        """Make positions part of the transaction under this group metadata."""
        self._check()
        try:
            with self._watch.within("sending positions", OFFSETS_SECONDS + GRACE_SECONDS):
                self._producer.send_offsets_to_transaction(list(positions), group, OFFSETS_SECONDS)
        except KafkaException as exception:
            found = client.classify(client.error_of(exception), "sending positions")
            # Said to be retriable, but whether the group got the positions is unknown: a new producer decides
            # it.
            if isinstance(found, Transient):
                raise OutcomeUnknown("outcome_unknown", found.what, found.why, found.remedy) from exception
            raise found from exception

    def flush(self) -> None:
        """Hand over everything queued; an aborted record that was never sent would end nothing."""
        with client.calling("sending what is queued"):
            self._producer.flush(ATTEMPT_SECONDS)

    def commit(self) -> None:
        """Commit; resumes the same call while it times out, up to COMMIT_SECONDS."""
        self.flush()
        if self._failed is not None:
            raise AbortNeeded(
                "delivery_failed", "committing", self._failed.str(), "The transaction is aborted and redone."
            )
        points.reached("host.flushed")
        self._resume("committing", self._producer.commit_transaction, COMMIT_SECONDS)
        self._open = False

    def abort(self) -> None:
        """Abort the open transaction, if there is one."""
        self._check()
        if not self._open:
            return
        self._resume("aborting", self._producer.abort_transaction, ABORT_SECONDS)
        self._open = False

    def renew(self) -> None:
        """Replace the producer: the new one's start decides the old one's transaction."""
        self._producer.purge()
        self._producer = self._new()
        self._open = False
        self.renewed += 1

    def close(self) -> None:
        """Abort what is open, if that is quick; the successor's start would do it too."""
        try:
            if self._open and self._fatal is None:
                self._producer.abort_transaction(1.0)
        except KafkaException:
            self._producer.purge()

    def _new(self) -> Producer:
        producer = Producer(self._settings)
        self._shaken = False
        deadline = time.monotonic() + INIT_SECONDS
        with self._watch.within("connecting the transactional producer", client.REQUEST_SECONDS + GRACE_SECONDS):
            # A client that is not connected yet asks for its coordinator again only after half a second.
            client.warm(producer, None)
        while True:
            try:
                with self._watch.within("opening the transactional producer", ATTEMPT_SECONDS + GRACE_SECONDS):
                    producer.init_transactions(ATTEMPT_SECONDS)
                return producer
            except KafkaException as exception:
                found = client.classify(client.error_of(exception), "opening the transactional producer")
                if isinstance(found, Fatal) or time.monotonic() >= deadline:
                    raise Fatal("producer_not_opened", found.what, found.why, found.remedy) from exception
                producer.poll(0.1)

    def _drain(self, output: Output) -> None:
        with client.calling("producing"):
            self._producer.poll(ATTEMPT_SECONDS)
        topic, partition, key, value, headers = output
        number = ANY_PARTITION if partition is None else partition
        try:
            self._producer.produce(
                topic, value, key, number, on_delivery=self._delivered, headers=list(headers) or None
            )
        except (BufferError, KafkaException) as error:
            raise AbortNeeded(
                "queue_full", "producing", str(error), "The transaction is aborted; the broker is too slow."
            ) from error

    def _resume(self, doing: str, call: Callable[[float], None], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self._watch.within(doing, ATTEMPT_SECONDS + GRACE_SECONDS):
                    call(ATTEMPT_SECONDS)
                return
            except KafkaException as exception:
                found = client.classify(client.error_of(exception), doing)
                if not isinstance(found, Transient | OutcomeUnknown):
                    raise found from exception
                if time.monotonic() >= deadline:
                    raise OutcomeUnknown("outcome_unknown", doing, found.why, found.remedy) from exception
                self._producer.poll(0.01)

    def _call(self, doing: str, call: Callable[[], None]) -> None:
        try:
            call()
        except KafkaException as exception:
            client.raise_for(exception, doing)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed = error

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        elif error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            self._shaken = True

    def _check(self) -> None:
        if self._fatal is not None:
            raise client.classify(self._fatal, "the transactional producer")
