"""All processors at once on virtual time, without a broker: one queue of records at their append times and of timers at
their due times (KERNEL 27, 28).

    what came from outside      is queued at its recorded time
    what a processor writes     whose id was recorded: at the recorded time and place; else at its cause's `now` and the
                                recorded latency of the same words, or the median of that edge
    timers                      at their due times, before records of the same ms
    what was recorded, and is written no more, vanishes

A cause is always before its effect, so one pass is enough; under recorded settings every record is found, and the run
equals the record. Called by what-if. It reads a timetable and writes to nobody: outputs go to `written`, nothing leaves
the process.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import median_low

from processors.host.memory_timetable import Arrival, Lay, Timetable, identity
from processors.host.places import Place
from processors.kernel.engine import DecideFailed, Engine
from schemas import codec
from schemas.envelope import CE_TYPE
from schemas.ids import Id
from schemas.messages.kernel import Tick
from schemas.record import Output, Record, header

# Latencies kept of one edge: enough for a median, 80 KB.
LATENCIES_PER_EDGE = 10_000
# Where nothing was recorded of an edge: an exactly-once hop takes 20-50 ms (DESIGN 10: five of them 150 ms).
LATENCY_MS = 30
# A transaction is pretended after so many records of an engine, so that changed parts become bytes again.
FLUSH_EVERY = 1_000
# Firings before one record: everything that is due. A number, because the engine wants a budget.
ALL_FIRINGS = 1 << 30
# New records of a place are numbered far behind all recorded ones.
NEW_OFFSETS = 1 << 48

# (processor, by a timer, target topic, type of the record)
Edge = tuple[str, bool, str, str]


@dataclass(slots=True)
class Latencies:
    """How long recorded outputs took from their cause's `now` to the log, measured by a run under recorded settings."""

    edges: dict[Edge, list[int]] = field(default_factory=dict)
    words: dict[bytes, int] = field(default_factory=dict)

    def measured(self, edge: Edge, output: Output, took_ms: int) -> None:
        """One output was found in the record."""
        times = self.edges.setdefault(edge, [])
        if len(times) < LATENCIES_PER_EDGE:
            times.append(took_ms)
        if edge[3]:
            self.words[_digest(output)] = took_ms

    def of(self, edge: Edge, output: Output) -> int:
        """What a new output takes: as long as the same words took in the record; else the median of its edge, of its
        processor and target, or the constant."""
        same = self.words.get(_digest(output))
        if same is not None:
            return same
        for likeness in (4, 3, 1):
            times = [t for e, ts in self.edges.items() if _like(e, edge, likeness) for t in ts]
            if times:
                return median_low(times)
        return LATENCY_MS


def _like(one: Edge, other: Edge, fields: int) -> bool:
    return one[:fields] == other[:fields]


def _digest(output: Output) -> bytes:
    digest = blake2b(output.topic.encode() + b"\0", digest_size=16)
    digest.update(output.value or b"")
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Later:
    """A record that the outside sends in this run only, at `time` (ms)."""

    time: int
    output: Output


@dataclass(frozen=True, slots=True)
class Written:
    """An output of a run: who wrote it at which log time, and whether the record has it too."""

    room: str
    now: int
    output: Output
    recorded: bool


# What the caller plays: a record from outside may be changed or withheld (None) when its time has come; whatever is
# written is shown, and may make the outside send something later.
Arriving = Callable[[Record, int], Record | None]
Heard = Callable[[Written], Iterable[Later]]
_TIMER, _RECORDED, _NEW = 0, 1, 2
# Of the topic its place along the pipeline: of one ms, a cause is decided before what it has caused in that ms.
_Order = tuple[int, int, int, str, int]
_At = tuple[str, int, int]


class Merge:
    """One run. `engines` hold their state at the beginning, by input place, in the order of the pipeline.

    A run without `latencies` measures them, and finds out what was `on_its_way` when it began.
    """

    def __init__(
        self,
        engines: Mapping[Place, Engine],
        table: Timetable,
        arriving: Arriving,
        heard: Heard,
        latencies: Latencies | None = None,
        arrivals: list[Arrival] | None = None,
        on_its_way: frozenset[_At] = frozenset(),
    ) -> None:
        self._engines = engines
        self._stages = {topic: n for n, topic in enumerate(dict.fromkeys(place.topic for place in engines))}
        listed = table.arrivals if arrivals is None else arrivals
        self._arrivals = sorted(listed, key=lambda a: (a.time, self._order(*a.order)))
        self._lay = dict(table.lay)
        self._ends = table.ends
        # What was on its way when the run began: found out by the run that measures, known to every other.
        self.on_its_way: set[_At] = set(on_its_way)
        self._flights = frozenset(a.order for a in listed if a.written is not None)
        self._written: set[_At] = set()
        self._arriving = arriving
        self._heard = heard
        self._known = latencies
        self.latencies = latencies or Latencies()
        self._queue: list[tuple[int, int, _Order, int, Place, Record | None]] = []
        self._count = 0
        self._armed: dict[Place, int] = {}
        self._since_flush: dict[Place, int] = dict.fromkeys(engines, 0)
        self._new: dict[Place, int] = {}
        self._sent: set[tuple[Place, int]] = set()
        self.decided = 0

    def run(self, until_ms: int) -> None:
        """From the first record to `until_ms`, timers too."""
        for place in self._engines:
            self._arm(place)
        at = 0
        while True:
            arrival = self._arrivals[at] if at < len(self._arrivals) else None
            queued = self._queue[0] if self._queue else None
            if arrival is not None and (queued is None or self._first(arrival, queued)):
                if arrival.time > until_ms:
                    return
                at += 1
                if arrival.written is not None and not self._was_on_its_way(arrival, arrival.written):
                    continue
                record = self._arriving(arrival.record, arrival.time)
                if record is not None:
                    self._take(record, arrival.time)
            elif queued is not None:
                heapq.heappop(self._queue)
                time, _, _, _, place, found = queued
                if time > until_ms:
                    return
                self._next_of_queue(place, found, time)
            else:
                return

    def _was_on_its_way(self, arrival: Arrival, name: tuple[str, Id]) -> bool:
        """Whether nobody in this run writes this record, so that its cause lies before the beginning."""
        if self._known is None and arrival.order not in self._written:
            self.on_its_way.add(arrival.order)
        if arrival.order not in self.on_its_way:
            return False
        lays = self._lay.get(name, ())
        self._lay[name] = tuple(y for y in lays if (arrival.record.topic, y.partition, y.offset) != arrival.order)
        return True

    # --- one step
    # -------------------------------------------------------------------------------------------------

    def _next_of_queue(self, place: Place, record: Record | None, time: int) -> None:
        if record is None:
            self._fire(place, time)
            return
        if (place, record.offset) in self._sent:
            self._sent.discard((place, record.offset))
            changed = self._arriving(record, time)
            if changed is None:
                return
            record = changed
        self._take(record, time)

    def _fire(self, place: Place, due: int) -> None:
        if self._engines[place].earliest_due() != due:
            if self._armed.get(place) == due:
                del self._armed[place]
                self._arm(place)
            return
        self._armed.pop(place, None)
        tick = Record(place.topic, place.partition, self._ends.get(place, 0), due, None, codec.encode(Tick()))
        self._decide(place, tick, due, fired=True)

    def _take(self, record: Record, time: int) -> None:
        place = Place(record.topic, record.partition)
        if record.append_time != time:
            record = Record(
                record.topic, record.partition, record.offset, time, record.key, record.value, record.headers
            )
        self._decide(place, record, time, fired=False)

    def _decide(self, place: Place, record: Record, time: int, fired: bool) -> None:
        engine = self._engines[place]
        self.decided += 1
        due = engine.earliest_due()
        try:
            # Where a timer fires, what raises becomes a dead letter at once: the firings before it were applied.
            advance = engine.advance(record, ALL_FIRINGS, due is not None and due <= max(engine.last_now, time))
        except DecideFailed:
            # As the host does: what raises is tried once more and becomes a dead letter. Nothing of it was applied.
            advance = engine.advance(record, ALL_FIRINGS, True)
        now = engine.last_now
        for ordinal, output in enumerate(advance.outputs):
            self._write(engine.room.name, place, record.offset, ordinal, output, now, fired)
        self._since_flush[place] += 1
        if self._since_flush[place] >= FLUSH_EVERY:
            engine.flush(record.offset + 1)
            self._since_flush[place] = 0
        self._arm(place)

    def _arm(self, place: Place) -> None:
        due = self._engines[place].earliest_due()
        armed = self._armed.get(place)
        if due is not None and (armed is None or due < armed):
            self._armed[place] = due
            self._push(due, _TIMER, self._order(place.topic, place.partition, 0), place, None)

    # --- what is written
    # ------------------------------------------------------------------------------------------

    def _write(self, room: str, cause: Place, offset: int, ordinal: int, output: Output, now: int, fired: bool) -> None:
        assert output.partition is not None  # the writer of the kernel names it
        target = Place(output.topic, output.partition)
        found: Lay | None = None
        if target in self._engines:
            kind = (header(output.headers, CE_TYPE) or b"").decode()
            found = self._found(output)
            edge = (room, fired, output.topic, kind)
            if found is not None:
                if self._known is None:
                    self.latencies.measured(edge, output, max(0, found.time - now))
                order = self._order(target.topic, found.partition, found.offset)
                self._queue_record(max(found.time, now), _RECORDED, order, output, found.partition, found.offset)
            else:
                time = now + self.latencies.of(edge, output)
                order = self._order(cause.topic, cause.partition, offset, kind, ordinal)
                self._queue_record(time, _NEW, order, output, target.partition, self._next(target))
        for later in self._heard(Written(room, now, output, found is not None)):
            self.send(later)

    def send(self, later: Later) -> None:
        """The outside sends a record in this run."""
        assert later.output.partition is not None  # callers of a run know the map
        place = Place(later.output.topic, later.output.partition)
        offset = self._next(place)
        order = self._order(place.topic, place.partition, offset)
        self._sent.add((place, offset))
        self._queue_record(later.time, _NEW, order, later.output, place.partition, offset)

    def _found(self, output: Output) -> Lay | None:
        name = output.topic, identity(output.headers, output.value)
        lays = self._lay.pop(name, ())
        if not lays:
            return None
        if len(lays) > 1:
            self._lay[name] = lays[1:]
        at = output.topic, lays[0].partition, lays[0].offset
        if at in self._flights:
            self._written.add(at)
        return lays[0]

    def _next(self, place: Place) -> int:
        self._new[place] = self._new.get(place, NEW_OFFSETS) + 1
        return self._new[place]

    def _queue_record(self, time: int, rank: int, order: _Order, output: Output, partition: int, offset: int) -> None:
        record = Record(output.topic, partition, offset, time, output.key, output.value, output.headers)
        self._push(time, rank, order, Place(output.topic, partition), record)

    def _push(self, time: int, rank: int, order: _Order, place: Place, record: Record | None) -> None:
        self._count += 1
        heapq.heappush(self._queue, (time, rank, order, self._count, place, record))

    def _order(self, topic: str, partition: int, offset: int, kind: str = "", ordinal: int = 0) -> _Order:
        return self._stages[topic], partition, offset, kind, ordinal

    def _first(self, arrival: Arrival, queued: tuple[int, int, _Order, int, Place, Record | None]) -> bool:
        """Whether the arrival comes before the first of the queue."""
        return (arrival.time, _RECORDED, self._order(*arrival.order)) < queued[:3]
