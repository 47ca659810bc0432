"""A member's slot and its ticks, with a place before and behind every step at which something may happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from processors.host.memory import MemorySlot
from processors.host.memory_log import MemoryLog
from processors.host.places import Placed
from schemas.record import Output, Record

# In the order in which a life meets them: restore, then turn after turn.
RESTORING = ("committed?", "committed", "ends?", "ends", "changelog?", "changelog")
TURNING = ("poll?", "poll", "begin?", "begin", "half", "produced", "offsets", "commit?", "commit")
POINTS = (*RESTORING, *TURNING)
# Inside a transaction, before its outcome is on its way: here the broker may say that it must be aborted.
OPEN = ("begin", "half", "produced", "offsets", "commit?")

Reached = Callable[[str], None]


class SteppedSlot:
    """A slot of the log in memory that says `reached(point)`: a name with `?` before the call, without it behind."""

    def __init__(self, slot: MemorySlot, reached: Reached) -> None:
        self.slot = slot
        self._reached = reached

    @property
    def generation(self) -> int:
        """See transport.Slot, as for every method here."""
        return self.slot.generation

    @property
    def owned(self) -> tuple[int, ...]:
        """Input partitions assigned now."""
        return self.slot.owned

    def poll(self, limit: int, seconds: float, fill: bool = False) -> Sequence[Record]:
        """Poll."""
        self._reached("poll?")
        found = self.slot.poll(limit, seconds, fill)
        self._reached("poll")
        return found

    def at_end(self, partition: int) -> bool:
        """Everything there has been returned."""
        return self.slot.at_end(partition)

    def read_from(self, positions: Mapping[int, int]) -> None:
        """Read these partitions from there."""
        self.slot.read_from(positions)

    def committed(self) -> Mapping[int, int | None]:
        """The positions, if they are stable."""
        self._reached("committed?")
        found = self.slot.committed()
        self._reached("committed")
        return found

    def undecided(self) -> Sequence[int]:
        """Partitions with a position that is not stable."""
        return self.slot.undecided()

    def beginning(self, partition: int) -> int:
        """The first offset kept."""
        return self.slot.beginning(partition)

    def changelog_ends(self) -> Mapping[int, int]:
        """High watermarks of the changelog."""
        self._reached("ends?")
        found = self.slot.changelog_ends()
        self._reached("ends")
        return found

    def read_changelog(self, ends: Mapping[int, int] | None, seconds: float) -> tuple[Sequence[Record], bool]:
        """Read on in the changelog."""
        self._reached("changelog?")
        found = self.slot.read_changelog(ends, seconds)
        self._reached("changelog")
        return found

    def begin(self) -> None:
        """Begin."""
        self._reached("begin?")
        self.slot.begin()
        self._reached("begin")

    def produce(self, outputs: Sequence[Output]) -> None:
        """One half, the other half."""
        half = (len(outputs) + 1) // 2
        self.slot.produce(outputs[:half])
        self._reached("half")
        self.slot.produce(outputs[half:])
        self._reached("produced")

    def send_offsets(self, positions: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """The positions of the transaction."""
        self.slot.send_offsets(positions, notes)
        self._reached("offsets")

    def commit(self) -> None:
        """Commit."""
        self._reached("commit?")
        self.slot.commit()
        self._reached("commit")

    def abort(self) -> None:
        """Abort."""
        self.slot.abort()

    def renew(self) -> None:
        """Another producer of this name."""
        self.slot.renew()

    def lag(self) -> Mapping[int, int]:
        """What is not polled yet."""
        return self.slot.lag()

    def close(self) -> None:
        """Leave."""
        self.slot.close()


class DrawnTick:
    """A tick on its way."""

    def __init__(self) -> None:
        self.placed: Placed | None = None
        self.failed = False


class DrawnTicker:
    """Ticks that arrive, are lost, arrive twice, or late. `later(do)` does something when some time has passed."""

    def __init__(self, log: MemoryLog, random: Random, later: Callable[[Callable[[], None]], None]) -> None:
        self._log = log
        self._random = random
        self._later = later
        self.faults = 0  # of a hundred ticks, how many do not simply arrive

    def send(self, output: Output) -> DrawnTick:
        """One tick."""
        tick = DrawnTick()
        if self._random.randrange(100) >= self.faults:
            tick.placed = self._log.append(output)
            return tick
        match self._random.randrange(3):
            case 0:
                self._later(lambda: setattr(tick, "failed", True))
            case 1:
                tick.placed = self._log.append(output)
                self._log.append(output)
            case _:
                self._later(lambda: setattr(tick, "placed", self._log.append(output)))
        return tick

    def serve(self) -> None:
        """Reports come by themselves."""

    def back_at(self) -> float:
        """The broker never was away."""
        return float("-inf")

    def close(self) -> None:
        """Nothing to forget."""
