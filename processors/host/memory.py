"""The transport in memory: the same contract as kafka.py, on virtual time, without I/O. One thread.

Called by unit, contract, property and scenario tests, and by replay. A `hook` may stop a process at any
point, as SIGKILL would: it is called as hook(point, member) with the points of POINTS and may raise Killed,
AbortNeeded or OutcomeUnknown. After Killed the slot is given up with `kill` and a new one is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from processors.host.errors import AbortNeeded, Fatal, Transient
from processors.host.memory_log import Identity, MemoryLog
from processors.host.places import Ends, Place, Placed
from processors.host.reader import Batch
from processors.host.transport import SlotSpec
from schemas.record import Output, Record

POINTS = ("begin", "produce", "send_offsets", "commit", "committed")
Hook = Callable[[str, str], None]
# Changelog records a step; small, so that tests meet a restore in several steps.
RESTORE_LIMIT = 1_000


class Killed(Exception):
    """A hook stopped the process here. Nothing may be called on its slot any more, except `kill`."""


class MemoryTransport:
    """Slots and ticks on a MemoryLog."""

    def __init__(self, log: MemoryLog, hook: Hook | None = None, restore_limit: int = RESTORE_LIMIT) -> None:
        self.log = log
        self.hook = hook
        self.restore_limit = restore_limit
        self._ticker = MemoryTicker(log)

    def open(self, spec: SlotSpec) -> MemorySlot:
        """Become this member; the seat's holder before is fenced and its open transaction aborted."""
        for topic in (spec.input, spec.changelog):
            self.log.partitions(topic)
        return MemorySlot(self.log, spec, self._point, self.restore_limit)

    def ticker(self) -> MemoryTicker:
        """The sender of ticks."""
        return self._ticker

    def stuck(self) -> str | None:
        """Nothing waits here."""
        return None

    def _point(self, point: str, member: str) -> None:
        if self.hook is not None:
            self.hook(point, member)


class MemorySlot:
    """A member of a room's group in memory. See transport.Slot for what each method promises."""

    def __init__(self, log: MemoryLog, spec: SlotSpec, hook: Hook, restore_limit: int = RESTORE_LIMIT) -> None:
        self._log = log
        self._restore_limit = restore_limit
        self._spec = spec
        self._hook = hook
        self._group = log.group(spec.group, spec.input)
        self._identity: Identity = log.init_producer(spec.member)
        self._seat = self._group.join(spec.member)
        self._generation = 0
        self._owned: tuple[int, ...] = ()
        self._fetch: dict[int, int] = {}
        self._changelog: dict[int, int] = {}
        self._changelog_ends: Mapping[int, int] = {}
        self._open = False
        # Something was sent in the open transaction; of one without, the broker is told neither begin nor end.
        self._sent = False
        self.renewed = 0

    @property
    def generation(self) -> int:
        """Moves whenever the assignment does."""
        return self._generation

    @property
    def owned(self) -> tuple[int, ...]:
        """Input partitions assigned now, ascending."""
        return self._owned

    @property
    def identity(self) -> Identity:
        """The producer's name and epoch, for tests that delay its EndTxn."""
        return self._identity

    def poll(self, limit: int, seconds: float, fill: bool = False) -> Sequence[Record]:
        """Committed records; never waits. An assignment that moved is learnt in the same call, after the
        fetch."""
        if self._open:
            raise AssertionError("poll inside a transaction")
        records: list[Record] = []
        for partition in sorted(self._fetch):
            place = Place(self._spec.input, partition)
            found, position = self._log.read(place, self._fetch[partition], limit - len(records))
            self._fetch[partition] = position
            records += found
        moved = self._group.learn(self._seat)
        if moved is not None:
            self._generation += 1
            self._owned = moved
            self._fetch = {}
        return records

    def at_end(self, partition: int) -> bool:
        """True when everything committed there has been returned."""
        if partition not in self._fetch:
            return False
        return self._fetch[partition] >= self._log.ends(Place(self._spec.input, partition)).stable

    def read_from(self, positions: Mapping[int, int]) -> None:
        """Return exactly these partitions from these positions."""
        self._fetch = dict(positions)

    def committed(self) -> Mapping[int, int | None]:
        """Stable committed positions; Transient while a transaction holds one of them."""
        if self.undecided():
            raise Transient("positions_unstable", self._spec.group, "a transaction is undecided", "Ask again.")
        return {p: self._position(p) for p in self._owned}

    def undecided(self) -> Sequence[int]:
        """Owned partitions held by an undecided transaction."""
        held = self._log.unstable(self._spec.group)
        return [p for p in self._owned if Place(self._spec.input, p) in held]

    def beginning(self, partition: int) -> int:
        """The first offset kept."""
        return self._log.ends(Place(self._spec.input, partition)).low

    def changelog_ends(self) -> Mapping[int, int]:
        """High watermarks of the owned changelog partitions."""
        return {p: self._log.ends(Place(self._spec.changelog, p)).high for p in self._owned}

    def read_changelog(self, ends: Mapping[int, int] | None, seconds: float) -> tuple[Sequence[Record], bool]:
        """Committed changelog records until each partition's position reached its end."""
        if ends is not None:
            self._changelog_ends = ends
            self._changelog = {p: self._log.ends(Place(self._spec.changelog, p)).low for p in ends}
        records: list[Record] = []
        for partition, position in self._changelog.items():
            place = Place(self._spec.changelog, partition)
            found, self._changelog[partition] = self._log.read(place, position, self._restore_limit)
            records += found
        return records, all(self._changelog[p] >= end for p, end in self._changelog_ends.items())

    def begin(self) -> None:
        """Begin a transaction."""
        self._hook("begin", self._spec.member)
        self._log.begin(self._identity)
        self._open, self._sent = True, False

    def produce(self, outputs: Sequence[Output]) -> None:
        """Write into the open transaction; a hook stops it half-way."""
        half = len(outputs) // 2
        self._sent = self._sent or bool(outputs)
        self._log.write(self._identity, outputs[:half])
        self._hook("produce", self._spec.member)
        self._log.write(self._identity, outputs[half:])

    def send_offsets(self, positions: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """Positions, fenced by the membership."""
        self._hook("send_offsets", self._spec.member)
        if not set(positions) <= set(self._owned):
            raise AbortNeeded("not_owned", "sending positions", "the assignment moved", "State is restored.")
        # The coordinator of the transaction is asked before that of the group.
        self._sent = True
        self._log.add_offsets(self._identity, self._spec.group, {})
        self._group.check_current(self._seat, frozenset(positions))
        placed = {Place(self._spec.input, p): (at, notes.get(p, "")) for p, at in positions.items()}
        self._log.add_offsets(self._identity, self._spec.group, placed)

    def commit(self) -> None:
        """Commit."""
        self._hook("commit", self._spec.member)
        self._end(commit=True)
        self._hook("committed", self._spec.member)

    def abort(self) -> None:
        """Abort the open transaction, if any."""
        if self._open:
            self._end(commit=False)

    def _end(self, commit: bool) -> None:
        if self._sent:
            self._log.end(self._identity, commit)
        self._open = False

    def renew(self) -> None:
        """A new producer of the same name; what was open is aborted, what was decided stays."""
        self._open = False
        self._identity = self._log.init_producer(self._spec.member)
        self.renewed += 1

    def lag(self) -> Mapping[int, int]:
        """Committed offsets not yet polled."""
        ends = {p: self._log.ends(Place(self._spec.input, p)).stable for p in self._fetch}
        return {p: max(0, ends[p] - at) for p, at in self._fetch.items()}

    def close(self) -> None:
        """Leave; the seat waits for the next process of this name as long as a session."""
        self.kill()

    def kill(self) -> None:
        """SIGKILL or SIGSTOP: no heartbeat from now on. What was open stays open until somebody ends it."""
        self._group.silence(self._seat)

    def resume(self) -> None:
        """SIGCONT after `kill`: the process goes on where it was, and learns what it missed."""
        self._group.resume(self._seat)

    @property
    def moved(self) -> bool:
        """Whether the next poll brings another assignment, or finds the seat taken."""
        return self._group.moved(self._seat)

    def leave(self) -> None:
        """Give up the seat for good: the partitions go to others at once."""
        self._group.leave(self._spec.member)

    def _position(self, partition: int) -> int | None:
        found = self._group.offsets.get(Place(self._spec.input, partition))
        return None if found is None else found[0]


class MemoryTick:
    """A tick on its way; here it has arrived."""

    def __init__(self, placed: Placed) -> None:
        self.placed: Placed | None = placed
        self.failed = False


class MemoryTicker:
    """Appends ticks at once. `sent` counts them; for tests, `mute` loses them and `back` is what back_at says."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.sent = 0
        self.mute = False
        self.back = float("-inf")

    def send(self, output: Output) -> MemoryTick:
        """Append one tick, or lose it."""
        self.sent += 1
        if self.mute:
            lost = MemoryTick(Placed(output.topic, output.partition or 0, -1))
            lost.placed, lost.failed = None, True
            return lost
        return MemoryTick(self._log.append(output))

    def serve(self) -> None:
        """Nothing is on its way."""

    def back_at(self) -> float:
        """As the test says."""
        return self.back

    def close(self) -> None:
        """Nothing to forget."""


class MemoryReader:
    """reader.LogReader on a MemoryLog: the same methods, never waits."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._positions: dict[Place, int] = {}

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read exactly these places from these positions; None is the first record still kept."""
        chosen: dict[Place, int] = {}
        for place, position in positions.items():
            low, _, high = self._log.ends(place)
            if position is not None and not low <= position <= high:
                raise Fatal("offset_out_of_log", f"position {position}", f"{low} to {high} are kept", "Rebuild.")
            chosen[place] = low if position is None else position
        self._positions = chosen

    def seek(self, place: Place, position: int) -> None:
        """Read this place again from `position`."""
        self.assign({**self._positions, place: position})

    def read(self, limit: int, seconds: float) -> Batch:
        """Up to `limit` records."""
        before: dict[Place, int] = {}
        records: list[Record] = []
        for place, position in self._positions.items():
            found, after = self._log.read(place, position, limit - len(records))
            records += found
            if after != position:
                before[place] = position
                self._positions[place] = after
        return Batch(tuple(records), before, {place: self._positions[place] for place in before})

    def position(self, place: Place) -> int:
        """The next offset."""
        return self._positions[place]

    def positions(self) -> Mapping[Place, int]:
        """Every assigned place's next offset."""
        return dict(self._positions)

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """First kept offset, last stable offset and high watermark."""
        return {place: self._log.ends(place) for place in places}

    def lag(self) -> Mapping[Place, int]:
        """Offsets between the last stable offset and each position."""
        return {place: max(0, self._log.ends(place).stable - at) for place, at in self._positions.items()}

    def close(self) -> None:
        """Nothing to leave."""
