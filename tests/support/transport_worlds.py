"""The two logs on which a schedule is played (transport_play.py): one in memory, and topics of a real broker.

A broker's topics are made once for each of the threads that play beside each other; every schedule has a group and
producers of its own and begins where the one before it ended, behind records that are no longer kept.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import ConsumerGroupState, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from processors.host import client
from processors.host.admin import Admin, TopicState
from processors.host.clock import ManualClock
from processors.host.kafka import KafkaSlot, KafkaTransport
from processors.host.memory import MemoryReader, MemorySlot, MemoryTransport
from processors.host.memory_log import MemoryLog
from processors.host.places import Ends, Place
from processors.host.reader import LogReader
from processors.host.transport import Slot, SlotSpec
from schemas.record import Output
from tests.support.transport_play import Reader
from tests.support.transport_schedules import PARTITIONS, TOPICS, Schedule
from tests.support.waiting import PATIENCE_S, until

# Nothing times out by itself, or soon: the least that the client allows.
LONG_MS, SHORT_MS = 60_000, client.TRANSACTION_TIMEOUT_MS
# Time-out (5 s), the broker's look for such (each 1 s), and its abort.
TIMED_OUT_SECONDS = 8.0


def _places(prefix: str) -> list[Place]:
    return [Place(prefix + name, p) for name in TOPICS for p in range(PARTITIONS)]


class MemoryBeside:
    """A new log in memory for every schedule."""

    def __init__(self) -> None:
        self._clock = ManualClock()

    def begin(self, schedule: Schedule) -> None:
        """A log without records."""
        timeout = SHORT_MS if schedule.hasty else LONG_MS
        topics = dict.fromkeys(TOPICS, PARTITIONS)
        self._log = MemoryLog(self._clock, topics, transaction_timeout_ms=timeout)
        self._transport = MemoryTransport(self._log)
        self.reader: Reader = MemoryReader(self._log)

    def topic(self, name: str) -> str:
        """Its name here."""
        return name

    def spec(self, seat: int) -> SlotSpec:
        """The member of a seat."""
        return SlotSpec("room", "in", "log", seat, ("in", "out"))

    def open(self, seat: int) -> Slot:
        """A new process."""
        return self._transport.open(self.spec(seat))

    def sent(self, slot: Slot) -> None:
        """All is sent at once."""

    def kill(self, slot: Slot) -> None:
        """As SIGKILL."""
        assert isinstance(slot, MemorySlot)
        slot.kill()

    def append(self, output: Output) -> None:
        """One plain record."""
        self._log.append(output)

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """Where partitions end."""
        return {place: self._log.ends(place) for place in places}

    def at_rest(self) -> bool:
        """A rebalance takes no time."""
        return True

    def wait(self, living: Sequence[int]) -> None:
        """More than a session, and than a short transaction's time-out."""
        self._clock.advance(10_000)

    def decide(self, seat: int) -> None:
        """A producer of this name ends what is open."""
        self._log.init_producer(self.spec(seat).member)

    def end(self) -> None:
        """Nothing is kept."""


class KafkaBeside:
    """Topics of one thread on a broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._number = 0
        self._admin = Admin(bootstrap)
        self._groups = AdminClient(client.unpolled(client.base(bootstrap, None)))
        self._admin.create([TopicState(prefix + name, PARTITIONS) for name in TOPICS])
        self._transports: dict[int, KafkaTransport] = {}
        plain = {"linger.ms": 0, "message.timeout.ms": 60_000}  # what is appended is there, however slowly
        self._plain = Producer(client.producing(client.base(bootstrap, None)) | plain)
        self._reader = LogReader(bootstrap, name=prefix)
        self.reader: Reader = self._reader
        self._killed: list[Slot] = []
        self._timeout_ms = LONG_MS

    def begin(self, schedule: Schedule) -> None:
        """A group of a new name, behind everything that is there."""
        self._number += 1
        self._timeout_ms = SHORT_MS if schedule.hasty else LONG_MS
        places = _places(self._prefix)
        until(lambda: all(e.stable == e.high for e in self.ends(places).values()), 30, "transactions of before")
        written = {place: ends.high for place, ends in self.ends(places).items() if ends.high > ends.low}
        if written:
            self._admin.delete_before(written)

    def topic(self, name: str) -> str:
        """Its name here."""
        return self._prefix + name

    def spec(self, seat: int) -> SlotSpec:
        """The member of a seat."""
        room = f"{self._prefix}{self._number}"
        return SlotSpec(room, self.topic("in"), self.topic("log"), seat, (self.topic("in"), self.topic("out")))

    def open(self, seat: int) -> Slot:
        """A new process."""
        if self._timeout_ms not in self._transports:
            self._transports[self._timeout_ms] = KafkaTransport(
                self._bootstrap, transaction_timeout_ms=self._timeout_ms
            )
        return self._transports[self._timeout_ms].open(self.spec(seat))

    def sent(self, slot: Slot) -> None:
        """Wait until its producer has sent what it holds."""
        assert isinstance(slot, KafkaSlot)
        slot._producer.flush()

    def kill(self, slot: Slot) -> None:
        """Heartbeats end without a leave; the open transaction stays open."""
        assert isinstance(slot, KafkaSlot)
        if slot not in self._killed:
            self._killed.append(slot)
            slot.kill()

    def append(self, output: Output) -> None:
        """One plain record, acknowledged."""
        assert output.partition is not None
        headers: list[tuple[str, str | bytes | None]] = [*output.headers]
        self._plain.produce(output.topic, output.value, output.key, output.partition, headers=headers)
        assert self._plain.flush(60) == 0

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """Where partitions end, as the broker says."""
        return self._admin.ends(places)

    def at_rest(self) -> bool:
        """No rebalance goes on."""
        group = self.spec(0).group
        described = self._groups.describe_consumer_groups([group], request_timeout=PATIENCE_S)[group]
        return described.result(PATIENCE_S).state in (ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY)

    def wait(self, living: Sequence[int]) -> None:
        """Until the group has put out its dead, and short transactions their time-out behind them."""
        names = {self.spec(seat).member for seat in living}
        end = time.monotonic() + (TIMED_OUT_SECONDS if self._timeout_ms == SHORT_MS else 0.0)
        until(lambda: set(self._admin.members(self.spec(0).group)) <= names, 40, "dead members to be put out")
        until(lambda: time.monotonic() >= end, 40, "time-outs")

    def decide(self, seat: int) -> None:
        """A producer of this name ends what is open."""
        Producer(client.base(self._bootstrap, None) | {"transactional.id": self.spec(seat).member}).init_transactions(
            30
        )

    def end(self) -> None:
        """Let go of this schedule's clients."""
        self._killed.clear()

    def close(self) -> None:
        """Delete the topics."""
        self._reader.close()
        with contextlib.suppress(KafkaException):
            self._plain.flush(60)
        self._admin.delete([self._prefix + name for name in TOPICS])
