"""A consumer group in memory: fixed members, range assignment, generations, fencing, positions. Called by
memory_log.py.

Harsher than the real protocol in one point: a rebalance takes effect at once, without waiting for members
that do not poll. So the new owner may begin while the old one is still in its transaction, which is what
fencing must withstand.
"""

from __future__ import annotations

from dataclasses import dataclass

from processors.host.clock import ManualClock
from processors.host.errors import AbortNeeded, Fatal
from processors.host.places import Place


@dataclass(eq=False, slots=True)
class Membership:
    """One process's seat in a group. `generation` is the one it has learnt of; `silent_since` ms: its heart
    stopped."""

    instance: str
    generation: int = -1
    silent_since: int | None = None


class Group:
    """Members, their assignment and the group's positions. `offsets`: place -> (position, note)."""

    def __init__(self, name: str, topic: str, partitions: int, clock: ManualClock, session_ms: int) -> None:
        self.name = name
        self.offsets: dict[Place, tuple[int, str]] = {}
        self.generation = 0
        self._sent: dict[Place, int] = {}
        self._topic = topic
        self._partitions = partitions
        self._clock = clock
        self._session_ms = session_ms
        self._members: dict[str, Membership] = {}
        self._assignment: dict[str, tuple[int, ...]] = {}

    def join(self, instance: str) -> Membership:
        """Take a seat. Who had the seat of this instance before is fenced, and its partitions stay with the
        seat."""
        seat = Membership(instance)
        known = instance in self._members
        self._members[instance] = seat
        if not known:
            self._rebalance()
        return seat

    def leave(self, instance: str) -> None:
        """Give up a seat for good (scaling down)."""
        if self._members.pop(instance, None) is not None:
            self._rebalance()

    def settle(self, place: Place, position: tuple[int, str], sent: int) -> None:
        """A committed position counts unless one that was sent after it was committed before it."""
        if sent > self._sent.get(place, 0):
            self._sent[place] = sent
            self.offsets[place] = position

    def silence(self, seat: Membership) -> None:
        """The process was killed or frozen: after the session time-out its partitions go to others."""
        if seat.silent_since is None:
            seat.silent_since = self._clock.wall_ms()

    def resume(self, seat: Membership) -> None:
        """SIGCONT: its heart beats again, unless its session ran out meanwhile (then it learns so)."""
        seat.silent_since = None

    def moved(self, seat: Membership) -> bool:
        """Whether `learn` would have something to say. Moves nothing but what time has moved."""
        self._expire()
        return self._members.get(seat.instance) is not seat or seat.generation != self.generation

    def learn(self, seat: Membership) -> tuple[int, ...] | None:
        """The assignment, if it moved since this seat last looked; else None. Raises Fatal when the seat was
        taken."""
        self._expire()
        self._check(seat)
        if seat.instance not in self._members:
            # Its session ran out while it was silent, and now it is back: it joins again.
            seat.silent_since = None
            self._members[seat.instance] = seat
            self._rebalance()
        if seat.generation == self.generation:
            return None
        seat.generation = self.generation
        return self._assignment[seat.instance]

    def check_current(self, seat: Membership, partitions: frozenset[int]) -> None:
        """Raises AbortNeeded unless the seat knows the latest assignment and owns these partitions; Fatal if
        taken."""
        self._expire()
        self._check(seat)
        owned = self._assignment.get(seat.instance, ())
        if seat.generation != self.generation or seat.instance not in self._members or not partitions <= set(owned):
            raise AbortNeeded(
                "transaction_abort", f"the member {seat.instance}", "the group moved on", "State is restored."
            )

    def _check(self, seat: Membership) -> None:
        current = self._members.get(seat.instance)
        if current is not None and current is not seat:
            raise Fatal(
                "client_fatal",
                f"the member {seat.instance}",
                "another process took its seat (FENCED_INSTANCE_ID)",
                "The process ends; its successor goes on.",
            )

    def _expire(self) -> None:
        now = self._clock.wall_ms()
        gone = [
            name
            for name, seat in self._members.items()
            if seat.silent_since is not None and now - seat.silent_since >= self._session_ms
        ]
        for name in gone:
            del self._members[name]
        if gone:
            self._rebalance()

    def _rebalance(self) -> None:
        self.generation += 1
        names = sorted(self._members)
        self._assignment = {}
        start = 0
        for index, name in enumerate(names):
            share = self._partitions // len(names) + (1 if index < self._partitions % len(names) else 0)
            self._assignment[name] = tuple(range(start, start + share))
            start += share
