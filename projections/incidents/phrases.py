"""Pure: the phrases that sentences about incidents share."""

from __future__ import annotations

from typing import Any


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 failure`, `2 failures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def after(event: Any) -> str:
    """`12 failures and 3 affected`, of an event with `failures` and `affected_count`."""
    affected = f" and {event.affected_count:,} affected" if event.affected_count else ""
    return f"{count(event.failures, 'failure')}{affected}"


def note(event: Any) -> str:
    """`: what was said with it`, or nothing."""
    return f": {event.note.rstrip('.')}" if event.note else ""
