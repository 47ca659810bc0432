"""One decision, worked out whole before any of it is applied: what raises half-way leaves no trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from processors.kernel.decider import Command, Decision, Send, SetTimer
from processors.kernel.room import Room
from processors.kernel.store import Overlay, Store, Timers


@dataclass(frozen=True, slots=True)
class Staged:
    """A decision with its consequences. `sends`: per event, (reacting processor, its topic, commands)."""

    decision: Decision
    changes: dict[str, Any | None]
    timers: dict[str, Timers]
    sends: tuple[tuple[tuple[str, str, tuple[Send, ...]], ...], ...]


class BrokenContract(Exception):
    """A processor returned what the contract does not allow."""


def stage(room: Room, store: Store, command: Command) -> Staged:
    """Decide, evolve over all events, set timers, react. Raises whatever the processor raises, or
    BrokenContract."""
    decider = room.decider
    view = Overlay(store)
    decision = decider.decide(command, view)
    if not decision.reasons:
        raise BrokenContract("a decision without a reason")
    if (type(command.message) in room.answered) != (decision.answer is not None):
        raise BrokenContract("a person's command needs an answer, and only it has one")
    for event in decision.events:
        view.changes.update(decider.evolve(view, event.message))
    timers = _timers(decision, view, store, command)
    sends = tuple(
        tuple((r.room, r.topic, tuple(r.react(event.message))) for r in room.reactions) for event in decision.events
    )
    return Staged(decision, view.changes, timers, sends)


def _timers(decision: Decision, view: Overlay, store: Store, command: Command) -> dict[str, Timers]:
    out: dict[str, dict[str, tuple[int, bytes]]] = {}
    for change in decision.timers:
        deleted = change.part in view.changes and view.changes[change.part] is None
        current = out.setdefault(change.part, {} if deleted else dict(store.timers(change.part)))
        if isinstance(change, SetTimer):
            if change.due <= command.now:
                raise BrokenContract(
                    f"timer {change.name} of {change.part} is due at {change.due}, now is {command.now}"
                )
            if view.get(change.part) is None:
                raise BrokenContract(f"timer {change.name} of {change.part}, a part that does not exist")
            current[change.name] = (change.due, command.id)
        else:
            current.pop(change.name, None)
    return {key: timers for key, timers in out.items() if view.get(key) is not None}
