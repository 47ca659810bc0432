"""What goes wrong in the town, drawn: where (a point of the loop, or a moment), to whom, and what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from processors.host.errors import AbortNeeded, OutcomeUnknown
from processors.host.memory import Killed
from tests.simulation.slots import OPEN, POINTS, TURNING
from tests.simulation.town import Member, Town

# How long a dead process stays away: a supervisor's 0.1 s, and longer than a session (6 s) or a transaction (5 s).
AWAY_MS = (100, 100, 1_500, 5_500, 9_000)
FROZEN_MS = (300, 4_000, 7_000, 14_000)
SLOW_MS = (2_000, 20_000, 70_000)


@dataclass(eq=False, slots=True)
class Ambush:
    """Something that happens to the next member of a processor who reaches a point for the n-th time."""

    room: str
    point: str
    passes: int
    what: str


class Faults:
    """Draws faults into the agenda, and plays them until `calm`."""

    def __init__(self, town: Town, random: Random, work: Callable[[], None]) -> None:
        self._town = town
        self._random = random
        self._work = work
        self._waiting: list[Ambush] = []
        self._over = False
        self.played: list[str] = []
        town.at = self._reached

    def begin(self, count: int, until: int) -> None:
        """Draw `count` faults between now and `until`."""
        town, random = self._town, self._random
        for _ in range(count):
            town.on(town.now + random.randrange(max(1, until - town.now)), self._drawn())
        for _ in range(2 if town.stepping else 0):
            town.on(town.now + random.randrange(max(1, until - town.now)), lambda: self._unless_over(self._clock_steps))

    def _drawn(self) -> Callable[[], None]:
        """Half of them in the middle of a step, the others between steps."""
        random = self._random
        room = random.choice(list(self._town.rooms))
        if random.randrange(3):
            point = random.choice(TURNING if random.randrange(4) else POINTS)
            what = random.choice(("kill", "kill", "freeze", "abort", "unknown", "late end", "slow marker"))
            ambush = Ambush(room, point, random.choice((1, 1, 2, 5)), what)
            return lambda: self._unless_over(lambda: self._waiting.append(ambush))
        what = random.choice(("kill", "slow", "join", "retire", "double"))
        return lambda: self._unless_over(lambda: self._between(room, what))

    def _unless_over(self, do: Callable[[], None]) -> None:
        if not self._over:
            do()

    def calm(self) -> None:
        """No fault any more; whoever is dead or slow comes back, what is late arrives."""
        town = self._town
        self._over = True
        self._waiting.clear()
        town.ticker.faults = 0
        town.log.deliver_late()
        town.log.deliver_markers()
        for member in list(town.members.values()):
            member.wakes_at = 0
            if not member.alive:
                town.start(member.room, member.ordinal)
        for room in town.rooms:
            if not any(name == room for name, _ in town.members):
                town.start(room, 0)

    # --- in the middle of a step --------------------------------------------------------------------------------------

    def _reached(self, member: Member, point: str) -> None:
        for ambush in self._waiting:
            if ambush.room == member.room and ambush.point == point:
                ambush.passes -= 1
                if ambush.passes == 0:
                    self._waiting.remove(ambush)
                    self._spring(ambush, member)
                return

    def _spring(self, ambush: Ambush, member: Member) -> None:
        what, point = ambush.what, ambush.point
        if what == "abort" and point not in OPEN:
            what = "kill"
        if what in ("unknown", "late end", "slow marker") and point not in ("offsets", "commit?", "commit"):
            what = "freeze"
        if what == "late end" and point != "commit?":
            what = "unknown"
        self.played.append(f"{what} of {member.room}-{member.ordinal} at {point}")
        match what:
            case "kill":
                self._dies(member)
            case "freeze":
                self._town.freeze(member, self._random.choice(FROZEN_MS))
            case "abort":
                raise AbortNeeded("simulated", "a transaction", "the broker says so", "It is done again.")
            case "unknown":
                raise OutcomeUnknown("simulated", "a transaction", "no answer", "It is found out.")
            case "late end":
                self._late_end(member)
            case _:
                self._slow_marker(member)

    def _dies(self, member: Member) -> None:
        away = self._random.choice(AWAY_MS)
        self._town.on(self._town.now + away, lambda: self._unless_over(lambda: self._back(member)))
        raise Killed("SIGKILL")

    def _back(self, member: Member) -> None:
        """The same slot again; or another one in its place, and its partitions go to other owners."""
        town, random = self._town, self._random
        if town.members.get((member.room, member.ordinal)) is not member or member.alive:
            return
        if random.randrange(4) == 0:
            town.retire(member.room, member.ordinal)
            town.start(member.room, (member.ordinal + 1) % 3)
        else:
            town.start(member.room, member.ordinal)

    def _late_end(self, member: Member) -> None:
        """The EndTxn leaves the process, which then dies or waits; it arrives whenever it arrives."""
        town, random = self._town, self._random
        town.log.delay_end(member.held.identity, commit=random.randrange(4) > 0)
        town.on(town.now + random.choice((10, 900, 4_000)), lambda: (town.log.deliver_late(), None)[1])
        if random.randrange(2):
            self._dies(member)
        town.freeze(member, random.choice((1_000, 4_500)))
        raise OutcomeUnknown("simulated", "a transaction", "no answer", "It is found out.")

    def _slow_marker(self, member: Member) -> None:
        """The outcome is decided and known; one topic's partitions learn it later. Perhaps the process dies first."""
        town, random = self._town, self._random
        room = town.rooms[member.room]
        town.log.slow_markers.add(random.choice((room.changelog, room.changelog, *room.outputs)))
        town.on(town.now + random.choice((30, 1_000, 8_000)), town.log.deliver_markers)
        if random.randrange(2):
            self._waiting.append(Ambush(member.room, "commit", 1, "kill"))

    def _clock_steps(self) -> None:
        """The broker's clock is set anew, and whoever starts now has to begin with the time that he restored."""
        town = self._town
        town.step_clock()
        self.played.append(f"the broker's clock is {town.broker.off_ms} ms off")
        for room in town.rooms:
            town.on(town.now + 40, partial(self._unless_over, partial(self._between, room, "kill")))
        for ms in (50, 60, 70, 800):
            town.on(town.now + ms, self._work)

    # --- between steps ------------------------------------------------------------------------------------------------

    def _between(self, room: str, what: str) -> None:
        town, random = self._town, self._random
        members = [m for m in town.members.values() if m.room == room and m.alive and not m.frozen]
        if not members:
            return
        member = random.choice(members)
        self.played.append(f"{what} of {room}-{member.ordinal}")
        match what:
            case "kill":
                town.kill(member)
                town.on(town.now + random.choice(AWAY_MS), lambda: self._unless_over(lambda: self._back(member)))
            case "slow":
                member.wakes_at = town.now + random.choice(SLOW_MS)
            case "join":
                free = [o for o in range(3) if (room, o) not in town.members]
                if free:
                    town.start(room, random.choice(free))
            case "retire" if len(members) > 1:
                town.retire(room, member.ordinal)
            case _:
                # A second process of the same slot while the first one still runs.
                town.start(room, member.ordinal)
