"""Plays a schedule on a transport and writes down what can be observed; once in memory, then on a broker beside it.

What a broker does later (markers, assignments, time-outs) is looked at again until it is as the memory said, or for
LOOK_SECONDS: then what was seen last stands in the trace and differs. What it does at once is compared as it came.
Errors of `begin` and `produce` in a process that was replaced or timed out are told by its next request that waits for
an answer: a client may learn of them at any moment before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from processors.host.errors import AbortNeeded, Fatal, HostError, OutcomeUnknown, Transient
from processors.host.places import Ends, Place
from processors.host.transport import Slot, SlotSpec
from schemas.record import Output, Record
from tests.support.transport_schedules import PARTITIONS, TOPICS, Known, Schedule, Step
from tests.support.waiting import until

T = TypeVar("T")
LOOK_SECONDS = 60.0
# What one look at a changelog that does not end may take; nothing more can come while its orphan is open.
PATIENCE_SECONDS = 0.3
# Below the time-out of short transactions (5 s).
SHORT_SECONDS = 4.0
Seen = tuple[int, str, Any]
KINDS = ((AbortNeeded, "abort"), (OutcomeUnknown, "unknown"), (Transient, "transient"), (Fatal, "fatal"))


class Reader(Protocol):
    """What both readers of committed records do."""

    def assign(self, positions: Mapping[Place, int | None]) -> None: ...

    def read(self, limit: int, seconds: float) -> Any: ...

    def position(self, place: Place) -> int: ...


class World(Protocol):
    """A log of its own for one schedule at a time."""

    reader: Reader

    def begin(self, schedule: Schedule) -> None: ...

    def topic(self, name: str) -> str: ...

    def spec(self, seat: int) -> SlotSpec: ...

    def open(self, seat: int) -> Slot: ...

    def sent(self, slot: Slot) -> None: ...

    def kill(self, slot: Slot) -> None: ...

    def append(self, output: Output) -> None: ...

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]: ...

    def at_rest(self) -> bool: ...

    def wait(self, living: Sequence[int]) -> None: ...

    def decide(self, seat: int) -> None: ...

    def end(self) -> None: ...


class TooSlow(Exception):
    """A transaction was open for so long that it may have timed out, which was not drawn."""


def kind_of(error: HostError) -> str:
    """The class of an error, which is all that the loop goes by."""
    return next(name for kind, name in KINDS if isinstance(error, kind))


class Play:
    """One schedule on one world. `expected` is the trace of the memory; without it nothing is waited for."""

    def __init__(self, world: World, schedule: Schedule, expected: Sequence[Seen] | None) -> None:
        self._world = world
        self._schedule = schedule
        self._expected = expected
        self.trace: list[Seen] = []
        self._known = Known(schedule.hasty)
        self._slots: dict[int, Slot] = {}
        self._generations: dict[int, int] = {}
        self._late: dict[int, str] = {}
        self._ended: set[int] = set()
        self._base: dict[Place, int] = {}
        self._records: list[Any] = []
        self._began: dict[int, float] = {}
        self._at = 0

    def run(self) -> list[Seen]:
        """Every step; stops at the first that is not as expected."""
        self._world.begin(self._schedule)
        places = [Place(self._world.topic(name), p) for name in TOPICS for p in range(PARTITIONS)]
        self._base = {place: ends.high for place, ends in self._world.ends(places).items()}
        self._world.reader.assign(self._base)
        try:
            for at, step in enumerate(self._schedule.steps):
                self._at = at
                self._known.take(step)
                getattr(self, f"_{step.kind}")(step)
                if step.kind in ("open", "commit", "abort", "renew", "decide"):
                    # Markers are written after the answer: what is written next would take their offsets.
                    self._ends()
                self._in_time(step)
                if self.differs():
                    break
        finally:
            for number in self._slots:
                self._end(number)
            if self._at + 1 < len(self._schedule.steps):
                # It stopped half-way: what is open is nobody's to end.
                for seat in {p.seat for p in self._known.processes.values()}:
                    self._world.decide(seat)
            self._world.end()
        return self.trace

    def _in_time(self, step: Step) -> None:
        """Before the time-out of short transactions is waited for, none may be near it."""
        if not self._schedule.hasty or self._known.waited:
            return
        if step.kind == "begin":
            self._began[step.who] = time.monotonic()
        elif step.kind in ("commit", "abort", "renew"):
            self._began.pop(step.who, None)
        if any(time.monotonic() - began > SHORT_SECONDS for began in self._began.values()):
            raise TooSlow

    def differs(self) -> bool:
        """The last thing seen is not what the memory saw."""
        if self._expected is None or not self.trace:
            return False
        return self.trace[-1] != self._expected[len(self.trace) - 1]

    # --- looking
    # --------------------------------------------------------------------------------------------------

    def _see(self, what: str, ask: Callable[[], T], seconds: float = LOOK_SECONDS) -> T:
        """Look until it is as expected."""
        number = len(self.trace)
        awaited = self._expected is not None and number < len(self._expected)
        end = time.monotonic() + seconds

        def look() -> bool:
            self.trace[number:] = [(self._at, what, ask())]
            return not awaited or not self.differs() or time.monotonic() > end

        until(look, 4 * seconds, what)
        return cast(T, self.trace[number][2])

    def _call(self, step: Step, call: Callable[[], None]) -> None:
        """One call on a slot: what it raised by kind, at once or by the next one that waits for an answer."""
        number = step.who
        if number in self._ended:
            self.trace.append((self._at, step.kind, "dead"))
            return
        process = self._known.processes[number]
        waits = step.kind not in ("begin", "produce")
        sure = process.current and not (self._schedule.hasty and self._known.waited)
        found = self._late.pop(number, "ok") if waits else "ok"
        if found == "ok" and (waits or number not in self._late):
            try:
                call()
            except HostError as error:
                found = kind_of(error)
        if not waits and not sure:
            if found != "ok":
                self._late[number] = found
            return
        self.trace.append((self._at, step.kind, found))
        if found == "fatal":
            self._end(number)

    def _end(self, number: int) -> None:
        if number not in self._ended:
            self._ended.add(number)
            self._world.kill(self._slots[number])

    def _plain(self, record: Record) -> Any:
        place = Place(record.topic, record.partition)
        name = self._name(record.topic)
        return (name, record.partition, record.offset - self._base[place], record.key, record.value, record.headers)

    def _name(self, topic: str) -> str:
        return next(name for name in TOPICS if self._world.topic(name) == topic)

    def _ends(self) -> Mapping[Place, Ends]:
        """Where every partition ends, seen from where this schedule began."""
        found: dict[Place, Ends] = {}

        def ask() -> list[Any]:
            found.update(self._world.ends(list(self._base)))
            return [
                (self._name(place.topic), place.partition, ends.stable - base, ends.high - base)
                for place, base in self._base.items()
                for ends in [found[place]]
            ]

        self._see("ends", ask)
        return found

    # --- steps
    # ----------------------------------------------------------------------------------------------------

    def _open(self, step: Step) -> None:
        self._slots[step.who] = self._world.open(step.args[0])
        self._generations[step.who] = self._slots[step.who].generation

    def _settle(self, step: Step) -> None:
        members = [n for n in self._known.current() if n not in self._ended]

        def ask() -> list[Any]:
            for number in members:
                self._slots[number].poll(1, 0.0)
            if not self._world.at_rest():
                return []
            return [(n, self._slots[n].owned, self._slots[n].generation != self._generations[n]) for n in members]

        self._see("owned", ask)
        self._generations.update({n: self._slots[n].generation for n in members})

    def _append(self, step: Step) -> None:
        partition, count = step.args
        for n in range(count):
            self._world.append(self._output("in", partition, n))

    def _output(self, name: str, partition: int, n: int) -> Output:
        value = f"{self._at}.{n}".encode()
        return Output(self._world.topic(name), partition, b"key", value, (("step", value),))

    def _begin(self, step: Step) -> None:
        self._call(step, self._slots[step.who].begin)

    def _produce(self, step: Step) -> None:
        slot = self._slots[step.who]
        places = list(zip(step.args[::2], step.args[1::2], strict=True))
        outputs = [self._output(TOPICS[topic], partition, n) for n, (topic, partition) in enumerate(places)]

        def call() -> None:
            slot.produce(outputs)
            # A crash may lose what a client has not sent yet; here it has sent all.
            self._world.sent(slot)

        self._call(step, call)

    def _send_offsets(self, step: Step) -> None:
        mask, at = step.args
        topic = self._world.topic("in")
        positions = {p: self._base[Place(topic, p)] + at for p in range(PARTITIONS) if mask >> p & 1}
        notes = dict.fromkeys(positions, f"now={self._at}")
        self._call(step, lambda: self._slots[step.who].send_offsets(positions, notes))

    def _commit(self, step: Step) -> None:
        self._call(step, self._slots[step.who].commit)

    def _abort(self, step: Step) -> None:
        self._call(step, self._slots[step.who].abort)

    def _renew(self, step: Step) -> None:
        self._late.pop(step.who, None)
        self._call(step, self._slots[step.who].renew)

    def _crash(self, step: Step) -> None:
        if step.who not in self._ended:
            self._world.kill(self._slots[step.who])

    def _wait(self, step: Step) -> None:
        self._world.wait([self._known.processes[n].seat for n in self._known.current()])
        self._ends()

    def _decide(self, step: Step) -> None:
        self._world.decide(step.args[0])

    def _read(self, step: Step) -> None:
        stable = {place: ends.stable for place, ends in self._ends().items()}
        reader = self._world.reader

        def ask() -> list[Any]:
            behind = [place for place in stable if reader.position(place) < stable[place]]
            if behind:
                self._records += [self._plain(record) for record in reader.read(1_000, 0.05).records]
            at = {place: reader.position(place) - base for place, base in self._base.items()}
            return [sorted(self._records), [at[place] for place in self._base]]

        self._see("read", ask)

    def _committed(self, step: Step) -> None:
        slot = self._slots[step.who]
        if step.who in self._ended:
            return

        def ask() -> Any:
            try:
                found = slot.committed()
            except Transient:
                return ("undecided", list(slot.undecided()))
            base = {p: self._base[Place(self._world.topic("in"), p)] for p in found}
            return [(p, at if at is None else at - base[p]) for p, at in sorted(found.items())]

        self._see("committed", ask)

    def _restore(self, step: Step) -> None:
        slot = self._slots[step.who]
        if step.who in self._ended:
            return
        topic = self._world.topic("log")

        def ends() -> list[Any]:
            return [(p, at - self._base[Place(topic, p)]) for p, at in sorted(slot.changelog_ends().items())]

        found = self._see("changelog ends", ends)
        asked: Mapping[int, int] | None = {p: at + self._base[Place(topic, p)] for p, at in found}
        state: list[Any] = []

        def read() -> list[Any]:
            nonlocal asked
            records, done = slot.read_changelog(asked, PATIENCE_SECONDS)
            asked = None
            state.extend(self._plain(record) for record in records)
            return [sorted(state), done]

        self._see("changelog", read)

    def _poll(self, step: Step) -> None:
        slot = self._slots[step.who]
        if step.who in self._ended:
            return
        topic = self._world.topic("in")
        begin, limit = step.args
        ends = self._ends()
        owned = {p: Place(topic, p) for p in slot.owned}
        if self._known.processes[step.who].current:
            slot.read_from({p: min(self._base[at] + begin, ends[at].stable) for p, at in owned.items()})
        got: list[Any] = []

        def ask() -> Any:
            try:
                got.extend(self._plain(record) for record in slot.poll(limit, 0.02))
            except HostError as error:
                return kind_of(error)
            if self._expected is None and not all(slot.at_end(p) for p in owned):
                return ask()  # the memory is not asked again
            return [sorted(got), [slot.at_end(p) for p in sorted(owned)]]

        if self._see("poll", ask) == "fatal":
            self._end(step.who)
