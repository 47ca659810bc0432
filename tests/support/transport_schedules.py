"""Random schedules for two transports at once: what a room's processes do to a log, drawn from a seed and kept legal.

A schedule is a tuple of steps on one group of two partitions, an output topic and a changelog. `legal` drops what the
loop never does (a commit of nothing begun, a poll inside a transaction), so that any part of a schedule is one too and
`shrink` may leave steps out. Not drawn, because the memory is harsher there on purpose (memory_groups.py): a rebalance
takes effect at once in memory, and on a broker when living members poll and dead ones were put out. So nobody joins or
is put out while a living member is in its transaction, and nobody joins while a dead member keeps its seat.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

TOPICS = ("in", "out", "log")
PARTITIONS = 2
SEATS = 3
STEPS_MIN, STEPS_MAX = 8, 26


class Step(NamedTuple):
    """One step. `who` is a process (numbered by its `open`), `args` depend on the kind."""

    kind: str
    who: int = 0
    args: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({self.who}{''.join(f', {x}' for x in self.args)})"


class Schedule(NamedTuple):
    """`hasty`: transactions time out after 5 s instead of 60, so that `wait` ends those that are open."""

    hasty: bool
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return f"{'hasty: ' if self.hasty else ''}{' '.join(map(str, self.steps))}"


@dataclass(slots=True)
class _Process:
    seat: int
    living: bool = True
    current: bool = True
    joined: bool = False
    open: bool = False
    # Its transaction holds records or positions: a successor, or time, has something to end.
    holds: bool = False


@dataclass(slots=True)
class Known:
    """What is known of a schedule without playing it: who lives, who is in a transaction, who is to be settled."""

    hasty: bool
    processes: dict[int, _Process] = field(default_factory=dict)
    seats: set[int] = field(default_factory=set)
    settled: bool = True
    waited: bool = False

    def current(self) -> list[int]:
        """Living processes that hold their seats."""
        return [n for n, p in self.processes.items() if p.living and p.current]

    def apt(self, kind: str) -> list[int]:
        """Processes for which a step of this kind continues what they do."""
        inside = kind in ("produce", "send_offsets", "commit", "abort")
        return [n for n in self.current() if self.processes[n].open == inside and self.processes[n].joined]

    def busy(self) -> bool:
        """A living member is in its transaction."""
        return any(self.processes[n].open for n in self.current())

    def silent(self) -> bool:
        """A seat's last process is dead and nobody has its place: time will free its partitions."""
        return any(not p.living and p.current and p.seat in self.seats for p in self.processes.values())

    def take(self, step: Step) -> bool:
        """True when the step is legal now; then it has been taken."""
        if step.kind == "open":
            return self._open(step)
        if step.kind in ("append", "read"):
            return True
        if step.kind == "settle":
            return self._settle()
        if step.kind == "wait":
            return self._wait()
        process = self.processes.get(step.who)
        return process is not None and _OF_A_PROCESS[step.kind](self, process)

    def _open(self, step: Step) -> bool:
        seat = step.args[0]
        moves = seat not in self.seats
        if step.who in self.processes or (moves and (self.busy() or self.silent())):
            return False
        for process in self.processes.values():
            if process.seat == seat:
                process.current = False
                process.holds = False  # the new producer's start has ended it
        self.processes[step.who] = _Process(seat)
        self.seats.add(seat)
        self.settled = self.settled and not moves
        return True

    def _settle(self) -> bool:
        if self.busy():
            return False
        for number in self.current():
            self.processes[number].joined = True
        self.settled = True
        return True

    def _wait(self) -> bool:
        ends = self.hasty and any(p.holds for p in self.processes.values())
        if self.waited or (self.silent() and self.busy()) or not (self.silent() or ends):
            return False
        self.waited = True
        for process in self.processes.values():
            if not process.living and process.current and process.seat in self.seats:
                self.seats.discard(process.seat)
                self.settled = False
            if self.hasty:
                process.holds = False
        return True


def _begins(known: Known, p: _Process) -> bool:
    # While the group is being settled only who has no part in it may begin: a newcomer, or one whose seat was taken.
    if not p.living or p.open or (p.current and p.joined and not known.settled):
        return False
    p.open = True
    return True


def _writes(known: Known, p: _Process) -> bool:
    if not (p.living and p.open):
        return False
    p.holds = p.holds or p.current
    return True


def _ends(known: Known, p: _Process) -> bool:
    """Also of a dead process: its EndTxn was on its way."""
    if not p.open:
        return False
    p.open = p.holds = False
    return True


def _idle(known: Known, p: _Process) -> bool:
    """Asked outside of a transaction by a member whose group is at rest."""
    return p.living and not p.open and p.current and p.joined and known.settled


def _polls(known: Known, p: _Process) -> bool:
    """Also a process whose seat another one holds: that is how it learns of it."""
    fenced = p.living and not p.open and p.joined and not p.current and p.seat in known.seats
    return _idle(known, p) or (fenced and known.settled)


def _renews(known: Known, p: _Process) -> bool:
    if not (p.living and p.current):
        return False
    p.open = p.holds = False
    return True


def _dies(known: Known, p: _Process) -> bool:
    # A newcomer that dies before it has joined may or may not have been seen by the group.
    if not (p.living and p.joined and known.settled):
        return False
    p.living = False
    return True


_OF_A_PROCESS: dict[str, Callable[[Known, _Process], bool]] = {
    "begin": _begins,
    "produce": _writes,
    "send_offsets": _writes,
    "commit": _ends,
    "abort": _ends,
    "renew": _renews,
    "crash": _dies,
    "poll": _polls,
    "committed": _idle,
    "restore": _idle,
}
_WEIGHTS = {
    "open": 3,
    "settle": 4,
    "append": 3,
    "read": 4,
    "wait": 1,
    "begin": 14,
    "produce": 14,
    "send_offsets": 12,
    "commit": 12,
    "abort": 4,
    "renew": 1,
    "crash": 4,
    "poll": 5,
    "committed": 5,
    "restore": 4,
}


def draw(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = random.Random(seed)
    known = Known(hasty=dice.random() < 0.08)
    # Waiting takes six real seconds: one schedule in eight may.
    patient = known.hasty or dice.random() < 0.08
    steps = [Step("open", 0, (0,)), Step("settle")]
    for step in steps:
        known.take(step)
    kinds = [kind for kind in _WEIGHTS if kind != "wait" or patient]
    weights = [_WEIGHTS[kind] * (6 if kind == "wait" else 1) for kind in kinds]
    goal = dice.randint(STEPS_MIN, STEPS_MAX)
    while len(steps) < goal:
        step = _step(dice, dice.choices(kinds, weights)[0], known)
        if known.take(step):
            steps.append(step)
    return legal(Schedule(known.hasty, tuple(steps)))


def _step(dice: random.Random, kind: str, known: Known) -> Step:
    # Mostly who is in a transaction, or could be: others are asked often enough by the rest.
    apt = known.apt(kind) if dice.random() < 0.85 else []
    who = dice.choice(apt or list(known.processes))
    if kind == "open":
        return Step(kind, len(known.processes), (dice.choice((0, 0, 0, 1, 1, 2)),))
    if kind == "append":
        return Step(kind, 0, (dice.randrange(PARTITIONS), dice.randint(1, 3)))
    if kind == "produce":
        count = dice.randint(1, 3)
        places = [(dice.randrange(len(TOPICS)), dice.randrange(PARTITIONS)) for _ in range(count)]
        return Step(kind, who, tuple(n for place in places for n in place))
    if kind == "send_offsets":
        mask = dice.choice((1, 2, 3))
        return Step(kind, who, (mask, dice.randint(0, 9)))
    if kind == "poll":
        return Step(kind, who, (dice.randint(0, 4), dice.choice((1, 3, 100))))
    return Step(kind, who)


def legal(schedule: Schedule) -> Schedule:
    """Its legal steps, and an end that leaves nothing undecided and looks at everything."""
    known = Known(schedule.hasty)
    steps = [step for step in schedule.steps if step.kind != "decide" and step != LOOK and known.take(step)]
    number = max([step.who for step in steps], default=0)
    for seat in sorted({p.seat for p in known.processes.values() if p.holds}):
        number += 1
        # What is left open is ended by a producer of the same name, as by the next process of the seat.
        steps.append(Step("decide", number, (seat,)))
    return Schedule(schedule.hasty, (*steps, LOOK))


LOOK = Step("read", 0, (0,))  # the one at the end


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool], more: Callable[[], bool]) -> Schedule:
    """A shorter schedule that still fails, looked for while there is `more` time."""
    while True:
        for shorter in _halving(schedule):
            if not more():
                return schedule
            if fails(shorter):
                schedule = shorter
                break
        else:
            return schedule


def _halving(schedule: Schedule) -> Iterator[Schedule]:
    """Shorter ones: without a half, a quarter, …, a single step."""
    steps = schedule.steps
    size = len(steps) // 2
    while size >= 1:
        for start in range(0, len(steps), size):
            shorter = legal(Schedule(schedule.hasty, steps[:start] + steps[start + size :]))
            if len(shorter.steps) < len(steps):
                yield shorter
        size //= 2
