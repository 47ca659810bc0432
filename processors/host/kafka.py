"""The transport on Apache Kafka: one consumer, one transactional producer and one restore consumer per slot.

Called by wiring.py (KafkaTransport) and by the loop through transport.Slot. Classic group protocol, range
assignment, fixed membership: a killed process is back in about a second, where every dynamic form took six
and more.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from processors.host import client, points
from processors.host.admin import Admin
from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown, Transient
from processors.host.kafka_producer import TransactionalProducer
from processors.host.kafka_ticks import KafkaTicker
from processors.host.places import Place
from processors.host.transport import SlotSpec
from processors.host.watch import Watch
from schemas.record import Output, Record

# One question about committed positions; while a predecessor's transaction is undecided it is asked again and
# again.
COMMITTED_SECONDS = 0.5
RESTORE_LIMIT = 5_000  # changelog records a step; about 10 ms of folding
OFFSET_BEGINNING = -2


class KafkaTransport:
    """Slots and ticks on one Kafka cluster. Holds one admin client and one tick producer for the whole
    process."""

    def __init__(
        self,
        bootstrap: str,
        security: client.Security | None = None,
        *,
        transaction_timeout_ms: int = client.TRANSACTION_TIMEOUT_MS,
    ) -> None:
        """`transaction_timeout_ms` is for tests that leave transactions open; elsewhere the inequalities
        decide it."""
        client.check_inequalities()
        self._transaction_timeout_ms = transaction_timeout_ms
        self._watch = Watch()
        self._bootstrap = bootstrap
        self._security = security
        self._admin = Admin(bootstrap, security=security)
        self._lock = threading.Lock()  # rooms open their slots in threads of their own
        self._ticker: KafkaTicker | None = None

    def open(self, spec: SlotSpec) -> KafkaSlot:
        """Become this member. Raises Fatal `topic_missing`, `topology_differs`, `producer_not_opened`."""
        counts = self._admin.partitions((spec.input, spec.changelog))
        for topic in (spec.input, spec.changelog):
            if topic not in counts:
                raise Fatal("topic_missing", topic, "the broker has no such topic", "Run `mandate topology apply`.")
        if counts[spec.input] != counts[spec.changelog]:
            raise Fatal(
                "topology_differs",
                f"{spec.changelog} has {counts[spec.changelog]} partitions",
                f"its input has {counts[spec.input]}",
                "A changelog has as many partitions as its input, fixed at birth.",
            )
        producer = TransactionalProducer(
            self._bootstrap, spec.member, self._security, self._transaction_timeout_ms, self._watch
        )
        return KafkaSlot(self._bootstrap, self._security, self._admin, spec, producer)

    def stuck(self) -> str | None:
        """A call of the client that should have come back, or None."""
        return self._watch.overdue()

    def ticker(self) -> KafkaTicker:
        """The sender of ticks, one for the process."""
        with self._lock:
            if self._ticker is None:
                self._ticker = KafkaTicker(self._bootstrap, self._security)
            return self._ticker


class KafkaSlot:
    """A member of a room's group on Kafka. See transport.Slot for what each method promises."""

    def __init__(
        self,
        bootstrap: str,
        security: client.Security | None,
        admin: Admin,
        spec: SlotSpec,
        producer: TransactionalProducer,
    ) -> None:
        self._spec = spec
        self._admin = admin
        self._fatal: KafkaError | None = None
        self._generation = 0
        self._owned: tuple[int, ...] = ()
        self._ended: set[int] = set()
        self._restored: dict[int, int] = {}
        self._restoring: Mapping[int, int] = {}
        # The producer was opened first: its start ends what a dead predecessor left open, so that committed
        # positions are stable without waiting for a time-out.
        self._producer = producer
        settings = client.consuming(client.base(bootstrap, security, self._on_error), spec.group)
        own = {"group.id": f"{spec.group}-restore", "client.id": f"{spec.member}-r"}
        # Kept open and warm: a restore with a new consumer takes half a second longer.
        self._restorer = Consumer(client.unpolled(settings) | own)
        client.warm(self._restorer, spec.changelog)
        followed = client.membership(client.following(settings), spec.member)
        self._consumer = Consumer(followed | {"client.id": spec.member})
        self._consumer.subscribe(
            [spec.input], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    @property
    def generation(self) -> int:
        """Moves whenever the assignment does."""
        return self._generation

    @property
    def owned(self) -> tuple[int, ...]:
        """Input partitions assigned now, ascending."""
        return self._owned

    @property
    def renewed(self) -> int:
        """How often the producer was replaced because an outcome stayed unknown."""
        return self._producer.renewed

    def poll(self, limit: int, seconds: float, fill: bool = False) -> Sequence[Record]:
        """Committed input records; waits for the first (`fill`: for all)."""
        self._check()
        with client.calling(f"reading {self._spec.input}"):
            if fill:
                messages = self._consumer.consume(limit, seconds)
            else:
                first = self._consumer.poll(seconds)
                messages = [] if first is None else [first]
                if first is not None and limit > 1:
                    messages += self._consumer.consume(limit - 1, 0.0)
        self._check()
        if not self._ended and not client.failed(messages):
            return client.to_records(messages)
        good: list[Message] = []
        for message in messages:
            if message.error() is not None:
                self._passed_over(message)
                continue
            self._ended.discard(message.partition() or 0)
            good.append(message)
        return client.to_records(good)

    def at_end(self, partition: int) -> bool:
        """True when everything committed there has been returned."""
        return partition in self._ended

    def read_from(self, positions: Mapping[int, int]) -> None:
        """Fetch exactly these partitions from these positions; what was fetched before is forgotten."""
        self._ended.clear()
        # assign() rather than seek(): it takes effect at once, also for partitions that were not fetched
        # until now.
        self._consumer.assign([TopicPartition(self._spec.input, p, at) for p, at in sorted(positions.items())])

    def committed(self) -> Mapping[int, int | None]:
        """Stable committed positions of the owned partitions."""
        return self._committed(self._owned) if self._owned else {}

    def undecided(self) -> Sequence[int]:
        """Owned partitions whose position is not stable, asked one by one."""
        self.changelog_ends()  # a broker that is away would give all of them the same time-out
        return [partition for partition in self._owned if not self._is_stable(partition)]

    def _is_stable(self, partition: int) -> bool:
        try:
            self._committed((partition,))
        except Transient:
            return False
        return True

    def _committed(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        asked = [TopicPartition(self._spec.input, p) for p in partitions]
        try:
            answer = self._consumer.committed(asked, timeout=COMMITTED_SECONDS)
        except KafkaException as exception:
            raise self._unstable(client.error_of(exception)) from exception
        for place in answer:
            if place.error is not None:
                raise self._unstable(place.error)
        return {place.partition: place.offset if place.offset >= 0 else None for place in answer}

    def beginning(self, partition: int) -> int:
        """The first offset that the input partition still keeps."""
        place = Place(self._spec.input, partition)
        return self._admin.ends((place,))[place].low

    def changelog_ends(self) -> Mapping[int, int]:
        """High watermarks (read uncommitted) of the owned changelog partitions."""
        places = [Place(self._spec.changelog, p) for p in self._owned]
        return {place.partition: end for place, end in self._admin.high_watermarks(places).items()}

    def read_changelog(self, ends: Mapping[int, int] | None, seconds: float) -> tuple[Sequence[Record], bool]:
        """Committed changelog records, until each partition's position reached its end."""
        if ends is not None:
            self._restoring, self._restored = ends, dict.fromkeys(ends, 0)
            wanted = [TopicPartition(self._spec.changelog, p, OFFSET_BEGINNING) for p, end in ends.items() if end > 0]
            self._restorer.assign(wanted)
        records: list[Record] = []
        if not self._is_restored():
            try:
                first = self._restorer.poll(seconds)
                messages = [] if first is None else [first, *self._restorer.consume(RESTORE_LIMIT, 0.0)]
            except KafkaException as exception:
                client.raise_for(exception, f"reading {self._spec.changelog}")
            self._check()
            records = self._restore(messages)
        done = self._is_restored()
        if done:
            self._restorer.unassign()
        return records, done

    def begin(self) -> None:
        """Begin a transaction."""
        self._producer.begin()
        points.reached("host.begun")

    def produce(self, outputs: Sequence[Output]) -> None:
        """Write into the open transaction."""
        self._producer.produce(outputs)
        points.reached("host.produced")

    def send_offsets(self, positions: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """Positions, fenced by the membership as it is now (never a remembered one)."""
        # A consumer that never joined has metadata too, and offsets sent with it are not fenced at all.
        if not self._owned or not self._owned_all(positions):
            raise AbortNeeded("not_owned", "sending positions", "the assignment moved", "State is restored.")
        places = [TopicPartition(self._spec.input, p, at, metadata=notes.get(p)) for p, at in sorted(positions.items())]
        self._producer.send_offsets(places, self._consumer.consumer_group_metadata())
        points.reached("host.positions_sent")

    def commit(self) -> None:
        """Commit."""
        self._producer.commit()
        points.reached("host.committed")

    def abort(self) -> None:
        """Abort the open transaction, if any."""
        self._producer.abort()

    def renew(self) -> None:
        """A new producer of the same name: its start decides the old one's transaction."""
        self._producer.renew()

    def lag(self) -> Mapping[int, int]:
        """Committed offsets not yet polled, from what the last fetch said; asks nobody."""
        lags: dict[int, int] = {}
        for place in self._consumer.position([TopicPartition(self._spec.input, p) for p in self._owned]):
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            behind = 0 if place.partition in self._ended else max(0, high - max(place.offset, 0))
            lags[place.partition] = behind
        return lags

    def close(self) -> None:
        """Leave. A fixed member does not give up its partitions: its next process finds them as they were."""
        self._producer.close()
        self._leave()

    def kill(self) -> None:
        """End heartbeats and leave everything else as a SIGKILL would: the open transaction stays open. For
        tests."""
        self._leave()

    def _leave(self) -> None:
        # An assignment that waits to be told is told now: within close() its assign() never comes back
        # (librdkafka 2.16).
        with contextlib.suppress(KafkaException):
            self._consumer.poll(0.0)
        self._consumer.close()
        self._restorer.close()

    def _passed_over(self, message: Message) -> None:
        """A message that is no record: the end of a partition, or an error."""
        error = message.error()
        assert error is not None  # the caller has looked
        partition = message.partition() or 0
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(partition)
            return
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise Fatal(
                "offset_out_of_log",
                f"position of {self._spec.input}[{partition}]",
                error.str(),
                "Records were deleted before they were decided: restore the input from the archive.",
            )
        # Left the group because a batch took too long: on_lost follows, and the assignment is restored as a
        # whole.
        if error.code() == KafkaError._MAX_POLL_EXCEEDED or (error.retriable() and not error.fatal()):
            return
        raise client.classify(error, f"reading {self._spec.input}")

    def _restore(self, messages: Sequence[Message]) -> list[Record]:
        good = messages
        if client.failed(messages):
            good = [message for message in messages if message.error() is None]
            for message in messages:
                self._passed(message)
        records = client.to_records(good)
        # The last of each partition counts, and they come in order.
        for partition, offset in {record[1]: record[2] for record in records}.items():
            self._restored[partition] = max(self._restored[partition], offset + 1)
        return records

    def _passed(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:
            partition = message.partition() or 0
            self._restored[partition] = max(self._restored[partition], message.offset() or 0)
        elif not error.retriable() or error.fatal():
            raise client.classify(error, f"reading {self._spec.changelog}")

    def _is_restored(self) -> bool:
        return all(self._restored[p] >= end for p, end in self._restoring.items())

    def _owned_all(self, positions: Mapping[int, int]) -> bool:
        return all(p in self._owned for p in positions)

    def _unstable(self, error: KafkaError) -> Exception:
        found = client.classify(error, "asking for committed positions")
        if isinstance(found, OutcomeUnknown) or error.code() == KafkaError.UNSTABLE_OFFSET_COMMIT:
            return Transient("positions_unstable", found.what, found.why, "It is asked again.")
        return found

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._generation += 1
        self._owned = tuple(sorted(place.partition for place in partitions))
        # Fetch nothing yet: where to begin is known after the restore, and read_from says it.
        consumer.assign([])

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._generation += 1
        self._owned = ()
        self._ended.clear()

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error

    def _check(self) -> None:
        if self._fatal is not None:
            raise client.classify(self._fatal, f"the member {self._spec.member}")
