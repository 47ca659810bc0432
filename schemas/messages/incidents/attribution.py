"""What is said about causes: the ranked changes with the parts of their points, the kind of an incident, and what one
could do about it (advice only: nothing here acts).
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class CausePart:
    """One part of a change's points, which may be negative; `why` in words, with its numbers."""

    name: str
    points: int
    why: str


@dataclass(frozen=True, slots=True)
class RankedCause:
    """A change that may be the cause: `score` points of 1,000 (the sum of `parts`, from 0 to 990), `percent` as people
    see it (lower where another change has as many points). `relation` is where the change was, seen from what fails.
    """

    change_id: Id16
    kind: str
    resource: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    changed_at: int
    seconds_before: int
    relation: str
    score: int
    percent: int
    parts: tuple[CausePart, ...]
