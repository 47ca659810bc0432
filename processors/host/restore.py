"""Bringing back the state of an assignment, in the one order that loses and doubles nothing.

    1. committed positions of the input, asked until they are stable (no undecided transaction holds any of
    them); 2. then the high watermark of the changelog, undecided transactions included;
    3. then the changelog, committed records only, until the position has reached that watermark.

Called by the loop in steps, so that the member keeps polling meanwhile. 1 before 2: a predecessor whose
EndTxn arrives late would else move positions after we looked at the changelog. 2 with undecided transactions
and 3 up to it: an orphan in the changelog hides records that were committed after it, until it is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from processors.host import points
from processors.host.clock import Clock
from processors.host.errors import Fatal, OutcomeUnknown, Transient
from processors.host.ports import Engine, Room
from processors.host.transport import Slot, group_of

log = logging.getLogger(__name__)

# An orphan ends by its own time-out (5 s) and the broker's scan (1 to 10 s); a broker that restarts in
# between takes 14 s more: 29 s. What is undecided for longer needs a person. A new process would meet the same, so
# this one asks on and says that it is not healthy.
UNDECIDED_SECONDS = 30.0
# A broker that does not answer at all: four times the same, then a new process tries with new clients.
BROKER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Restored:
    """One partition, ready to decide from `position`."""

    engine: Engine
    position: int


class Restore:
    """One restore of one assignment. `step` until it gives the partitions; thrown away when the assignment
    moves."""

    def __init__(self, room: Room, slot: Slot, clock: Clock, from_progress: bool) -> None:
        self._room = room
        self._slot = slot
        self._clock = clock
        self._from_progress = from_progress
        self._engines: dict[int, Engine] = {}
        self._committed: Mapping[int, int | None] | None = None
        self._beginnings: Mapping[int, int] = {}
        self._reading = False
        self._loaded: set[int] = set()
        self.started = clock.monotonic()
        self._moved = self.started
        # Why this restore does not end by itself, or None; gone as soon as it goes on.
        self.trouble: Transient | None = None

    def step(self, seconds: float) -> Mapping[int, Restored] | None:
        """Go on for about `seconds`; the restored partitions when complete, else None. Raises Fatal."""
        if self._committed is None:
            self._committed = self._stable()
            if self._committed is None:
                return None
            self._goes_on()
            points.reached("host.positions_stable")
            self._engines = {p: self._room.engine(p) for p in self._slot.owned}
        ends = None
        if not self._reading:
            ends = self._asked()
            if ends is None:
                return None
            points.reached("host.changelog_ends")
        self._reading = True
        records, done = self._slot.read_changelog(ends, seconds)
        for record in records:
            self._engines[record.partition].load(record)
            self._loaded.add(record.partition)
        if records or done:
            self._goes_on()
        if not done:
            if self._late(UNDECIDED_SECONDS):
                self._stands("changelog_undecided", f"the changelog {self._room.changelog}")
            return None
        try:
            return {p: Restored(engine, self._position(p, engine)) for p, engine in self._engines.items()}
        except Fatal:
            if not self._overtaken():
                raise
        return None

    def _overtaken(self) -> bool:
        """Whether positions moved since they were asked; the restore then begins anew.

        A process that was stopped between the two questions comes back to a changelog that another owner wrote. That is
        no contradiction: the next poll tells it what became of its assignment.
        """
        try:
            moved = self._slot.committed() != self._committed
        except Transient:
            moved = True  # somebody is about to
        if moved:
            log.warning("%s: another process moved its positions during the restore; it begins anew", self._room.name)
            self._committed, self._reading, self._loaded = None, False, set()
        return moved

    def _stable(self) -> Mapping[int, int | None] | None:
        try:
            return self._slot.committed()
        except Transient:
            if self.trouble is None and self._late(UNDECIDED_SECONDS):
                self._say_unstable()
            return None

    def _say_unstable(self) -> None:
        try:
            partitions = self._slot.undecided()
        except (Transient, OutcomeUnknown):
            self._broker_in_time(f"the committed positions of {self._room.input}")
            return
        if partitions:
            places = ", ".join(f"{self._room.input}[{p}]" for p in partitions)
            self._stands("positions_unstable", f"{places} of the group {group_of(self._room.name)}")

    def _asked(self) -> Mapping[int, int] | None:
        try:
            never = [p for p, at in (self._committed or {}).items() if at is None]
            self._beginnings = {p: self._slot.beginning(p) for p in never}
            return self._slot.changelog_ends()
        except (Transient, OutcomeUnknown):
            self._broker_in_time(f"the ends of {self._room.changelog}")
            return None

    def _stands(self, code: str, what: str) -> None:
        if self.trouble is None:
            self.trouble = Transient(
                code,
                what,
                f"a transaction that nobody ends holds them for more than {UNDECIDED_SECONDS:.0f} s",
                "Find it with kafka-transactions.sh find-hanging, and see how it was decided before it is ended "
                "(docs/operating.md, Hanging transactions). It is asked again until then.",
            )
            log.error("%s: %s", self._room.name, self.trouble)

    def _goes_on(self) -> None:
        if self.trouble is not None:
            after = self._clock.monotonic() - self._moved
            log.warning("%s: %s is over after %.0f s", self._room.name, self.trouble.code, after)
        self._moved = self._clock.monotonic()
        self.trouble = None

    def _late(self, seconds: float) -> bool:
        return self._clock.monotonic() - self._moved > seconds

    def _broker_in_time(self, what: str) -> None:
        if self._late(BROKER_SECONDS):
            why = f"no answer for more than {BROKER_SECONDS:.0f} s"
            raise Fatal("broker_away", what, why, "See that the broker is up; the next process tries again.")

    def _position(self, partition: int, engine: Engine) -> int:
        assert self._committed is not None  # set by the first step
        to = engine.ready().to
        committed = self._committed.get(partition)
        where = f"{self._room.name}[{partition}]"
        if committed is None and to is not None and self._from_progress:
            return to
        if committed is None and partition in self._loaded:
            raise Fatal(
                "changelog_without_offset",
                where,
                f"the group has no committed position, but the changelog ends at position {to}",
                "If the group's offsets expired, start once with --from-progress; else find out who deleted them.",
            )
        if committed is None:
            return self._beginnings[partition]
        if committed != to:
            raise Fatal(
                "progress_mismatch",
                where,
                f"the group is at {committed}, the changelog at {to}",
                "Somebody moved the group's offsets, or the changelog is another one's: do not go on.",
            )
        return committed
