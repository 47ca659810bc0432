"""Why a difference came: its input record, the parts that its decisions read, as they stood, and the reasons.

Called by `mandate replay` for the first difference: the partition is replayed once more up to that record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from processors.host.history import History
from processors.host.places import Place
from processors.host.replay_feed import Feed, Window
from processors.host.replay_log import Failures, failures
from processors.host.replay_match import Difference, Totals
from processors.kernel.decider import Command, Decision, TimerDue, View
from processors.kernel.room import Room
from schemas.configuration import Document
from schemas.record import Output

# Parts shown of one decision; a scan over a large tenant may read thousands.
PARTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of today's code: `what` was decided, the parts read (None: there was none), and what came out."""

    what: str
    now: int
    reasons: tuple[str, ...]
    events: tuple[str, ...]
    parts: tuple[tuple[str, Any], ...]
    more_parts: int


class _Watched:
    """A view that remembers which parts were read and what they were."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.index = view.index
        self.parts: dict[str, Any] = {}

    def get(self, part: str) -> Any | None:
        """The part with this key, or None."""
        found = self._view.get(part)
        self.parts.setdefault(part, found)
        return found

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """All parts whose key begins with `prefix`."""
        for key, part in self._view.scan(prefix):
            self.parts.setdefault(key, part)
            yield key, part

    def config(self, tenant: str, document: str) -> Document:
        """The document in force."""
        return self._view.config(tenant, document)


@dataclass(slots=True)
class _Witness:
    """Watches decisions from input offset `since` on: of the last record, the timers that fired before it, its own."""

    room: Room
    since: int
    seen: list[Decided] = field(default_factory=list)
    closed: bool = False

    def decide(self, command: Command, view: View) -> Decision:
        """The room's decision, watched where it matters."""
        offset = None if command.record is None else command.record.offset
        if offset is not None and offset < self.since:
            self.seen.clear()
            return self.room.decider.decide(command, view)
        if self.closed:
            self.seen.clear()
        watched = _Watched(view)
        decision = self.room.decider.decide(command, watched)
        self.seen.append(_decided(command, decision, watched))
        self.closed = offset is not None
        return decision


@dataclass(frozen=True, slots=True)
class Explanation:
    """The input offset at which a difference came, and today's decisions there."""

    cause: int
    decided: tuple[Decided, ...]


def explain(room: Room, history: History, window: Window, found: Difference) -> Explanation | None:
    """Where a difference came from and why; None for an extra record. Raises what `verify` raises."""
    if found.partition is None or found.cause is None:
        return None
    witness = _Witness(room, found.cause)
    watched = replace(room, decider=replace(room.decider, decide=witness.decide, face=None))
    end = history.bounds(Place(room.changelog, found.partition))[1]
    known = failures(history, room).get(found.partition, Failures())
    feed = Feed(watched, found.partition, history, window, known, end, Totals(), careful=True)
    at: list[Explanation] = []

    def sink(_: int, cause: int, __: int, outputs: Sequence[Output], ___: bool, ____: bool) -> None:
        if not at and found.replayed in outputs:
            at.append(Explanation(cause, tuple(witness.seen)))

    while not at and feed.key is not None and (found.kind != "state" or feed.position <= found.cause):
        feed.step(sink)
    return at[0] if at else Explanation(found.cause, tuple(witness.seen))


def _decided(command: Command, decision: Decision, watched: _Watched) -> Decided:
    message = command.message
    what = f"timer {message.name} of {message.part}" if isinstance(message, TimerDue) else type(message).__name__
    parts = tuple(watched.parts.items())
    return Decided(
        what,
        command.now,
        decision.reasons,
        tuple(event.kind for event in decision.events),
        parts[:PARTS_MAX],
        max(0, len(parts) - PARTS_MAX),
    )
