"""The processes of the town: members of every processor's group, who is alive, who sleeps, and how time passes.

Everything that shall happen at a time stands in one agenda. Between two entries the members work until nobody finds
anything to do; then time jumps to the next entry, timer or time-out, so that an hour of silence costs nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from processors.host.clock import ManualClock
from processors.host.errors import Fatal
from processors.host.loop import LoopSettings, RoomLoop, Step
from processors.host.memory import Killed, MemorySlot, MemoryTransport
from processors.host.memory_log import MemoryLog
from processors.host.metrics import Metrics, RoomMetrics
from processors.host.transport import SlotSpec
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.topology import Topology
from tests.simulation.slots import DrawnTicker, SteppedSlot

MAP: Topology = topology.load()
ROOMS: dict[str, Runnable] = runnables(MAP, DECIDERS)
START_MS = 1_700_000_000_000
# While something waits for a time-out (a session 6 s, a transaction 5 s) time goes in such steps.
WAITING_MS = 700
# Nothing in a small world needs more rounds at one moment; more is a loop that never comes to rest.
ROUNDS_MAX = 3_000
# Steps of a restore at one moment; more are needed where a restore reads a few records a step, or waits for somebody.
RESTORES_MAX = 20
# Timers that are due wait for a tick, and ticks are 250 ms apart.
TICK_MS = 60
# A frozen process inside a frozen process inside a frozen one tells nothing more.
FROZEN_MAX = 2
# What a supervisor needs to start a process again.
RESPAWN_MS = 200
# The end of a process that another took its place from: what a supervisor restarts without a word.
FENCED = "client_fatal"


@dataclass(eq=False, slots=True)
class Member:
    """One process of one processor. `wakes_at`: ms until which nobody lets it run although its heart beats."""

    room: str
    ordinal: int
    slot: SteppedSlot
    held: MemorySlot
    loop: RoomLoop
    alive: bool = True
    frozen: bool = False
    wakes_at: int = 0
    tries: int = 0  # steps of a restore at `tried_at`
    tried_at: int = -1
    idle_at: int = -1  # what was written to its input when it last found nothing to do


@dataclass(slots=True)
class Troubles:
    """What must never happen in a process: bugs, and ends that a restart does not mend."""

    found: list[str] = field(default_factory=list)
    fenced: int = 0

    def fatal(self, member: Member, error: Fatal) -> None:
        """A process ended itself."""
        if error.code == FENCED:
            self.fenced += 1
        else:
            self.found.append(f"{member.room}-{member.ordinal} ended: {error}")


class BrokerClock(ManualClock):
    """The broker's clock, which a bad time server may set back or forward; how long something takes is not its own."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.off_ms = 0

    def monotonic(self) -> float:
        """As everybody's."""
        return self._clock.monotonic()

    def wall_ms(self) -> int:
        """What appended records are stamped with."""
        return self._clock.wall_ms() + self.off_ms


class Town:
    """All members on one log. `stepping`: its broker's clock may go back."""

    def __init__(self, random: Random, orphans_ms: int = 5_000, stepping: bool = False) -> None:
        self.random = random
        self.map = MAP
        self.clock = ManualClock(START_MS)
        self.broker = BrokerClock(self.clock)
        self.stepping = stepping
        topics = {t.name: t.partitions for t in self.map.topics.values()}
        self.log = MemoryLog(self.broker, topics, transaction_timeout_ms=orphans_ms)
        self.transport = MemoryTransport(self.log, restore_limit=random.choice((7, 40, 1_000)))
        self.rooms = ROOMS
        self.ticker = DrawnTicker(self.log, random, self._soon)
        self.members: dict[tuple[str, int], Member] = {}
        # Processes whose slot another one took while they lived.
        self.ghosts: list[Member] = []
        self.troubles = Troubles()
        # Called at every point of every member; may raise what a broker or an operator would.
        self.at: Callable[[Member, str], None] = lambda member, point: None
        # Who is not a processor and works in every round; says whether there was something to do.
        self.others: list[Callable[[], bool]] = []
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._frozen = 0
        self._limits = {t.name: t.max_bytes for t in self.map.topics.values()}

    # --- processes ----------------------------------------------------------------------------------------------------

    def start(self, room: str, ordinal: int) -> Member:
        """A new process of this slot; whoever had it is fenced."""
        wired = self.rooms[room]
        held = self.transport.open(SlotSpec(room, wired.input, wired.changelog, ordinal, wired.outputs))
        cell: list[Member] = []
        slot = SteppedSlot(held, lambda point: self.at(cell[0], point))
        metrics = RoomMetrics(Metrics(), room)
        most = self.random.choice((1, 3, 40, 2_000))
        settings = LoopSettings(tick_hold_seconds=0.0, batch_records=most, plain_batch_records=most)
        loop = RoomLoop(wired, slot, self.ticker, self.clock, metrics, self._limits, settings)
        member = Member(room, ordinal, slot, held, loop)
        cell.append(member)
        before = self.members.get((room, ordinal))
        if before is not None and self.log.holds(before.held.identity):
            self.troubles.found.append(f"{room}-{ordinal} began, and what its process before left open is still open")
        if before is not None and before.alive:
            self.ghosts.append(before)  # it does not know it yet
        self.members[room, ordinal] = member
        return member

    def kill(self, member: Member) -> None:
        """SIGKILL: what is open stays open."""
        member.alive = False
        member.held.kill()

    def restart(self, room: str, ordinal: int) -> None:
        """A supervisor starts the process again if it is dead."""
        member = self.members.get((room, ordinal))
        if member is not None and not member.alive:
            self.start(room, ordinal)

    def retire(self, room: str, ordinal: int) -> None:
        """Scaling down: the slot is given up for good."""
        member = self.members.pop((room, ordinal), None)
        if member is not None:
            member.alive = False
            member.held.kill()
            member.held.leave()

    def freeze(self, member: Member, ms: int) -> None:
        """SIGSTOP in the middle of a step, everybody else goes on, SIGCONT. Called from `at`."""
        if self._frozen >= FROZEN_MAX:
            return
        self._frozen += 1
        member.frozen = True
        member.held.kill()
        self.pass_to(self.now + ms)
        member.frozen = False
        if self.members.get((member.room, member.ordinal)) is member:
            member.held.resume()
        self._frozen -= 1

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Virtual time, ms."""
        return self.clock.wall_ms()

    def on(self, time: int, do: Callable[[], None]) -> None:
        """Put something into the agenda."""
        self._count += 1
        heapq.heappush(self._agenda, (max(time, self.now), self._count, do))

    def _soon(self, do: Callable[[], None]) -> None:
        self.on(self.now + self.random.choice((1, 90, 800)), do)

    def step_clock(self) -> None:
        """The broker's clock is set anew, back or forward; less than the 5 s at which processors stand still."""
        self.broker.off_ms = self.random.choice((-4_000, -1_500, 0, 2_500))

    def pass_to(self, end: int) -> None:
        """Let time pass up to `end`, everybody working, the agenda kept."""
        while True:
            while self._agenda and self._agenda[0][0] <= self.now:
                heapq.heappop(self._agenda)[2]()
                if self.random.randrange(3) == 0:
                    self.round()
            self.rest()
            if self.now >= end and not (self._agenda and self._agenda[0][0] <= self.now):
                return
            self.clock.advance(max(1, min(end, self._next()) - self.now) if self.now < end else 0)

    def rest(self) -> None:
        """Rounds until nobody finds anything to do at this moment."""
        for _ in range(ROUNDS_MAX):
            if not self.round():
                return
        raise AssertionError("the town does not come to rest")

    def round(self) -> bool:
        """Everybody once, in a drawn order."""
        self.ghosts = [m for m in self.ghosts if m.alive]
        members = [*self.members.values(), *self.ghosts]
        self.random.shuffle(members)
        moved = False
        for member in members:
            if self._wanted(member):
                moved |= self._step(member)
        for other in self.others:
            moved |= other()
        return moved

    def _wanted(self, member: Member) -> bool:
        if not member.alive or member.frozen or member.wakes_at > self.now:
            return False
        if (
            member.idle_at != self.log.written(self.rooms[member.room].input)
            or member.held.moved
            or not member.loop.ready
        ):
            return True
        return any(
            (due := engine.earliest_due()) is not None and due <= self.now for engine in member.loop.engines.values()
        )

    def _step(self, member: Member) -> bool:
        written = self.log.written(self.rooms[member.room].input)
        try:
            done = member.loop.step(0.0)
        except Killed:
            self.kill(member)
            return True
        except Fatal as error:
            self.troubles.fatal(member, error)
            self.kill(member)
            # Any other end is for a person to look at: started again, the process would end the same way.
            if error.code == FENCED:
                self.on(self.now + RESPAWN_MS, lambda: self.restart(member.room, member.ordinal))
            return True
        except Exception as bug:
            self.troubles.found.append(f"{member.room}-{member.ordinal}: {type(bug).__name__}: {bug}")
            self.kill(member)
            return True
        member.idle_at = written if done is Step.IDLE else -1
        if done is Step.RESTORING:
            # A restore that waits for somebody's transaction says no more than that it goes on.
            member.tries = member.tries + 1 if member.tried_at == self.now else 1
            member.tried_at = self.now
            return member.tries < RESTORES_MAX
        # A tick that was just sent is something to do, also at the very end.
        return done is not Step.IDLE or self.log.written(self.rooms[member.room].input) != written

    def _next(self) -> int:
        """When something happens next: an entry of the agenda, a timer, a time-out."""
        times = [self._agenda[0][0]] if self._agenda else []
        for member in self.members.values():
            if not member.alive or member.frozen or not member.loop.ready:
                times.append(self.now + WAITING_MS)
                continue
            dues = (engine.earliest_due() for engine in member.loop.engines.values())
            times += [max(due, member.wakes_at, self.now + TICK_MS) for due in dues if due is not None]
        return min(times, default=self.now + 3_600_000)
