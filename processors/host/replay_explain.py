"""Why one input record led to what it did: the parts that its decisions read, as they stood, and the reasons.

Called by `mandate replay` for the first difference: the partition is replayed once more up to that record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from processors.host.history import History
from processors.host.places import Place
from processors.host.replay_feed import Feed, Window
from processors.host.replay_log import Failures, failures
from processors.host.replay_match import Totals
from processors.kernel.decider import Command, Decision, TimerDue, View
from processors.kernel.room import Room
from schemas.configuration import Document

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
    """Watches the decisions that the record at `cause` leads to: the timers that fire before it, then its own."""

    room: Room
    cause: int
    seen: list[Decided] = field(default_factory=list)
    done: bool = False

    def decide(self, command: Command, view: View) -> Decision:
        """The room's decision, watched where it matters."""
        offset = None if command.record is None else command.record.offset
        if self.done or (offset is not None and offset != self.cause):
            self.done = self.done or (offset is not None and offset > self.cause)
            if not self.done:
                self.seen.clear()
            return self.room.decider.decide(command, view)
        watched = _Watched(view)
        self.done = offset is not None
        decision = self.room.decider.decide(command, watched)
        self.seen.append(_decided(command, decision, watched))
        return decision


def explain(room: Room, history: History, window: Window, partition: int, cause: int) -> tuple[Decided, ...]:
    """What today's code decided at input offset `cause`; () for a record that no decision was asked for.

    Raises what `verify` raises.
    """
    witness = _Witness(room, cause)
    watched = replace(room, decider=replace(room.decider, decide=witness.decide))
    end = history.bounds(Place(room.changelog, partition))[1]
    known = failures(history, room).get(partition, Failures())
    feed = Feed(watched, partition, history, window, known, end, Totals())
    while not witness.done and feed.key is not None:
        feed.step(lambda *_: None)
    return tuple(witness.seen) if witness.done else ()


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
