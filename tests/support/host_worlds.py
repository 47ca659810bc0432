"""Two worlds for one contract suite of the host: a log in memory on virtual time, and a real broker.

A `Process` is one loop on one slot, stepped by the test in its own thread on both. `run` steps all living
processes until a condition holds. `Faults` is a slot that fails at a chosen point, whatever is behind it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from confluent_kafka import Producer

from processors.host.admin import Admin, TopicState
from processors.host.clock import Clock, ManualClock, SystemClock
from processors.host.kafka import KafkaSlot, KafkaTransport
from processors.host.loop import LoopSettings, RoomLoop, Step
from processors.host.memory import Killed, MemorySlot, MemoryTransport
from processors.host.memory_log import Identity, MemoryLog
from processors.host.metrics import Metrics, RoomMetrics
from processors.host.places import Place
from processors.host.reader import LogReader
from processors.host.transport import SlotSpec
from processors.kernel.room import room_of
from processors.kernel.runnable import Runnable
from schemas import codec
from schemas.envelope import headers_of
from schemas.ids import derive, key_of
from schemas.messages.kernel import Progress
from schemas.record import Output, Record
from tests.support import tally
from tests.support.host_faults import Faults, Process
from tests.support.waiting import PATIENCE_S, until

EVENTS = codec.Words((*tally.STREAMS["tally.events"], *tally.STREAMS["dead.letters"]))
COMMANDS = codec.Words(tally.STREAMS["tally.commands"])
_runs = itertools.count(1)


def runnable(prefix: str, partitions: int, event_bytes: int) -> Runnable:
    """The tally processor on topics that begin with `prefix` (dead letters keep their name)."""
    plain = tally.topology(partitions)
    names = {name: name if name == "dead.letters" else prefix + name for name in plain.topics}
    topics = {names[n]: replace(t, name=names[n]) for n, t in plain.topics.items()}
    events = names["tally.events"]
    topics[events] = replace(topics[events], max_bytes=event_bytes)
    # One topic for all worlds of a broker, so its partitions are the same in all.
    topics["dead.letters"] = replace(topics["dead.letters"], partitions=2)
    spec = plain.rooms["tally"]
    spec = replace(
        spec,
        input=names[spec.input],
        changelog=names[spec.changelog],
        writes={kind: names[topic] for kind, topic in spec.writes.items()},
    )
    wired = replace(plain, topics=topics, rooms={"tally": spec})
    return Runnable(room_of(tally.DECIDER, wired, {"tally": tally.DECIDER}, tally.STREAMS))


class World(Protocol):
    """What a contract test may do."""

    room: Runnable
    clock_behind_ms: int

    def start(self, ordinal: int = 0, settings: LoopSettings | None = None) -> Process: ...

    def kill(self, process: Process) -> None: ...

    def run(self, condition: Callable[[], object], what: str, *, seconds: float = 20.0) -> None: ...

    def send(self, output: Output) -> None: ...

    def records(self, topic: str) -> list[Record]: ...

    def orphan(self, output: Output) -> Callable[[], None]: ...

    def set_position(self, partition: int, position: int) -> None: ...

    def trim(self, partition: int, offset: int) -> None: ...


class Common:
    """What both worlds share: messages in, events out."""

    room: Runnable
    processes: list[Process]

    def __init__(self) -> None:
        self.clock_behind_ms = 0
        self._numbers = itertools.count(1)
        self.processes = []

    def output(self, message: Any, partition: int | None = None) -> Output:
        """A command record as a door would write it, with an id of its own."""
        number = next(self._numbers)
        key = key_of(message.tenant)
        headers = headers_of(derive("contract", number), type(message).__name__, "test", key, 0)
        return Output(self.room.input, partition, key.encode(), codec.encode(message), headers)

    def announcement(self, tenant: str, version: int, window_s: int, partition: int) -> Output:
        """A version of a configuration document, as the gateway's outbox announces it."""
        message = tally.announcement(tenant, version, window_s)
        return Output(self.room.input, partition, None, codec.encode(message))

    def loop(self, slot: Faults, ticker: Any, clock: Clock, settings: LoopSettings | None) -> RoomLoop:
        """A loop with the room's limits."""
        limits = {name: topic.max_bytes for name, topic in self.room.room.topology.topics.items()}
        metrics = RoomMetrics(Metrics(), self.room.name)
        return RoomLoop(
            self.room, slot, ticker, clock, metrics, limits, settings or LoopSettings(tick_hold_seconds=0.0)
        )

    def spec(self, ordinal: int) -> SlotSpec:
        """The slot's name, unique to this world."""
        name = self.room.input.removesuffix("tally.commands") + "tally"
        return SlotSpec(name, self.room.input, self.room.changelog, ordinal, self.room.outputs)

    def step_all(self, seconds: float) -> None:
        """Step every living process once; one that is killed in its step is taken off."""
        for process in [p for p in self.processes if p.alive]:
            try:
                process.loop.step(seconds)
            except Killed:
                self.kill(process)

    def kill(self, process: Process) -> None:
        """The process ends as by SIGKILL."""
        raise NotImplementedError


class MemoryWorld(Common):
    """The log in memory."""

    def __init__(self, partitions: int = 2, event_bytes: int = 1_048_576) -> None:
        super().__init__()
        self.room = runnable("", partitions, event_bytes)
        self.clock = ManualClock()
        counts = {n: t.partitions for n, t in self.room.room.topology.topics.items()}
        # Long, so that what a test leaves undecided is decided by the test and not by a time-out.
        self.log = MemoryLog(self.clock, counts, transaction_timeout_ms=60_000)
        self.transport = MemoryTransport(self.log)

    def start(self, ordinal: int = 0, settings: LoopSettings | None = None) -> Process:
        """A new process of this slot."""
        slot = Faults(self.transport.open(self.spec(ordinal)))
        clock = Behind(self.clock, self)
        process = Process(self.loop(slot, self.transport.ticker(), clock, settings), slot, ordinal)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """No heartbeat any more; what is open stays open."""
        process.alive = False
        self.freeze(process)

    def freeze(self, process: Process) -> None:
        """SIGSTOP: no heartbeat until it is stepped again."""
        assert isinstance(process.slot.slot, MemorySlot)
        process.slot.slot.kill()

    def identity(self, process: Process) -> Identity:
        """The name and epoch of its producer."""
        assert isinstance(process.slot.slot, MemorySlot)
        return process.slot.slot.identity

    def run(self, condition: Callable[[], object], what: str, *, seconds: float = 20.0) -> None:
        """Step everybody, 20 ms of virtual time a round, until the condition holds."""
        for _ in range(int(seconds * 50)):
            if condition():
                return
            self.step_all(0.0)
            self.clock.advance(20)
        raise AssertionError(f"{what} not within {seconds} virtual seconds")

    def send(self, output: Output) -> None:
        """Append one record."""
        self.log.append(output)

    def records(self, topic: str) -> list[Record]:
        """Committed records of a topic, by partition and offset."""
        return self.log.records(topic)

    def orphan(self, output: Output) -> Callable[[], None]:
        """A stranger's transaction that writes and stays open; call the result to abort it."""
        stranger = self.log.init_producer("stranger")
        self.log.begin(stranger)
        self.log.write(stranger, [output])
        return lambda: self.log.end(stranger, commit=False)

    def set_position(self, partition: int, position: int) -> None:
        """Somebody moves the group's position behind our back."""
        spec = self.spec(0)
        self.log.group(spec.group, spec.input).offsets[Place(spec.input, partition)] = (position, "")

    def let_pass(self, ms: int) -> None:
        """Time passes and nobody is stepped."""
        self.clock.advance(ms)

    def expire_members(self) -> None:
        """Wait out the session of dead members."""
        self.clock.advance(10_000)

    def trim(self, partition: int, offset: int) -> None:
        """Retention deletes input records below `offset`."""
        self.log.delete_before(Place(self.room.input, partition), offset)


class Behind:
    """A clock whose wall is behind by what the world says."""

    def __init__(self, clock: Clock, world: Common) -> None:
        self._clock = clock
        self._world = world

    def monotonic(self) -> float:
        """As the clock behind it."""
        return self._clock.monotonic()

    def wall_ms(self) -> int:
        """Behind."""
        return self._clock.wall_ms() - self._world.clock_behind_ms


class KafkaWorld(Common):
    """A real broker; topics of this world's own names."""

    def __init__(self, bootstrap: str, partitions: int = 2, event_bytes: int = 1_048_576) -> None:
        super().__init__()
        prefix = f"w{next(_runs)}x{time.time_ns() % 1_000_000_000}."
        self.room = runnable(prefix, partitions, event_bytes)
        self.bootstrap = bootstrap
        self.partitions = partitions
        self.admin = Admin(bootstrap)
        topics = self.room.room.topology.topics.values()
        self.admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in topics])
        # Long, so that what a test leaves undecided is decided by the test and not by a time-out.
        self.transport = KafkaTransport(bootstrap, transaction_timeout_ms=60_000)
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "linger.ms": 0,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
            }
        )
        self._letters_from = {
            Place("dead.letters", p): ends.high
            for p in range(self.room.room.topology.partitions("dead.letters"))
            for ends in [self.admin.ends([Place("dead.letters", p)])[Place("dead.letters", p)]]
        }
        self._readers: dict[str, tuple[LogReader, list[Record]]] = {}

    def start(self, ordinal: int = 0, settings: LoopSettings | None = None) -> Process:
        """A new process of this slot."""
        slot = Faults(self.transport.open(self.spec(ordinal)))
        clock = Behind(SystemClock(), self)
        process = Process(self.loop(slot, self.transport.ticker(), clock, settings), slot, ordinal)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """Heartbeats end without a leave; the open transaction stays open."""
        process.alive = False
        assert isinstance(process.slot.slot, KafkaSlot)
        process.slot.slot.kill()

    def run(self, condition: Callable[[], object], what: str, *, seconds: float = 30.0) -> None:
        """Step everybody until the condition holds."""
        seconds = max(seconds, PATIENCE_S)
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} not within {seconds} s")
            self.step_all(0.02)

    def send(self, output: Output) -> None:
        """Append one record and wait for it."""
        arguments: dict[str, Any] = {"value": output.value, "key": output.key, "headers": list(output.headers)}
        if output.partition is not None:
            arguments["partition"] = output.partition
        self.producer.produce(output.topic, **arguments)
        assert self.producer.flush(60) == 0

    def records(self, topic: str) -> list[Record]:
        """Committed records of a topic so far, by partition and offset."""
        if topic not in self._readers:
            reader = LogReader(self.bootstrap, name="contract")
            count = self.room.room.topology.partitions(topic)
            places = [Place(topic, p) for p in range(count)]
            reader.assign({place: self._letters_from.get(place) for place in places})
            self._readers[topic] = (reader, [])
        reader, found = self._readers[topic]
        while any(reader.lag().values()):
            found += reader.read(10_000, 0.2).records
        return sorted(found, key=lambda r: (r.partition, r.offset))

    def orphan(self, output: Output) -> Callable[[], None]:
        """A stranger's transaction that writes and stays open; call the result to abort it."""
        names = {"bootstrap.servers": self.bootstrap, "transactional.id": self.room.input + "-stranger"}
        # Open until the test ends it, however long that takes.
        stranger = Producer(names | {"transaction.timeout.ms": 600_000})
        stranger.init_transactions(60)
        stranger.begin_transaction()
        assert output.partition is not None
        stranger.produce(output.topic, key=output.key, value=output.value, partition=output.partition)
        assert stranger.flush(60) == 0
        return lambda: stranger.abort_transaction(60)

    def set_position(self, partition: int, position: int) -> None:
        """Somebody moves the group's position behind our back."""
        self.admin.move(self.spec(0).group, {Place(self.room.input, partition): position})

    def let_pass(self, ms: int) -> None:
        """Time passes and nobody is stepped."""
        end = time.monotonic() + ms / 1_000
        until(lambda: time.monotonic() >= end, ms / 1_000 + 10, "time to pass")

    def expire_members(self) -> None:
        """Wait out the session of dead members."""
        until(lambda: not self.admin.members(self.spec(0).group), 30, "an empty group")

    def trim(self, partition: int, offset: int) -> None:
        """Retention deletes input records below `offset`."""
        self.admin.delete_before({Place(self.room.input, partition): offset})

    def close(self) -> None:
        """End everything and delete the topics."""
        for process in self.processes:
            if process.alive:
                process.slot.slot.close()
        for reader, _ in self._readers.values():
            reader.close()
        self.admin.delete([t for t in self.room.room.topology.topics if t != "dead.letters"])


def events(world: World) -> list[Any]:
    """Decoded committed events, by partition and offset."""
    topic = world.room.room.spec.writes["Counted"]
    return [_event(r.value) for r in world.records(topic) if r.value is not None]


# A test that waits for the last event asks for all of them again and again.
@lru_cache(maxsize=100_000)
def _event(value: bytes) -> Any:
    return EVENTS.decode(value)


def letters(world: World) -> list[Any]:
    """Decoded dead letters of this world's room."""
    found = [EVENTS.decode(r.value) for r in world.records("dead.letters") if r.value is not None]
    return [letter for letter in found if letter.topic == world.room.input]


def counted(world: World) -> dict[str, list[int]]:
    """Per name, the totals in the order in which they were announced; exactly once means 1, 2, 3, …"""
    totals: dict[str, list[int]] = {}
    for event in events(world):
        if isinstance(event, tally.Counted):
            totals.setdefault(event.name, []).append(event.total)
    return totals


def progress(world: World) -> list[Progress]:
    """All Progress records of the changelog, by partition and offset."""
    words = codec.Words(tally.STREAMS["changelog"])
    found = [words.decode(r.value) for r in world.records(world.room.changelog) if r.value is not None]
    return [message for message in found if isinstance(message, Progress)]


__all__ = ["Faults", "KafkaWorld", "Killed", "MemoryWorld", "Process", "Step", "World"]
