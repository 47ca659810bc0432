"""What the facts of deduplication change in its state. No rules of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.dedup.events import ActionAdmitted, MarkForgotten, MarkTouched
from processors.dedup.rules import advance, alive, append
from processors.dedup.state import Mark
from processors.kernel.decider import View


def evolve(view: View, event: Any) -> Mapping[str, Any | None]:
    """The parts that an event changes. Digests of one action fall into the same part: each sees the last."""
    if isinstance(event, ActionAdmitted):
        return _admitted(view, event)
    if isinstance(event, MarkTouched):
        mark: Mark | None = view.get(event.mark)
        if mark is None:
            return {}
        return {event.mark: Mark(mark.highest, mark.floor, mark.holes, event.at)}
    if isinstance(event, MarkForgotten):
        return {event.mark: None}
    return {}


def _admitted(view: View, event: ActionAdmitted) -> Mapping[str, Any | None]:
    changes = _Over(view)
    for sighted in event.sightings:
        part, window = append(changes, sighted.digest, sighted.times, event.at // 1000, event.offset)
        changes.parts[part] = window
    if event.mark is not None:
        mark = alive(view.get(event.mark), event.at)
        changes.parts[event.mark] = advance(mark, event.number, event.at)
    return changes.parts


class _Over:
    """A view with the changes of this event laid over it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.parts: dict[str, Any | None] = {}
        self.scan, self.config, self.index = view.scan, view.config, view.index

    def get(self, part: str) -> Any | None:
        """The part with this key, or None."""
        return self.parts[part] if part in self.parts else self._view.get(part)
