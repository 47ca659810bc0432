"""Facts of deduplication that have no wire form: the action itself is forwarded, or only the state changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sighted:
    """A digest to be remembered; `times` counts earlier admissions of the same id that have left the window."""

    digest: bytes
    times: int = 0


@dataclass(frozen=True, slots=True)
class ActionAdmitted:
    """An action passes. `mark` is the part of its session's mark and `number` its place, both None without one."""

    sightings: tuple[Sighted, ...]
    offset: int
    at: int
    mark: str | None = None
    number: int = -1


@dataclass(frozen=True, slots=True)
class ActionRerouted:
    """A record lay on a partition that is not its key's; it is sent to the right one."""

    offset: int


@dataclass(frozen=True, slots=True)
class MarkTouched:
    """A session sent again what was known: its mark lives on."""

    mark: str
    at: int


@dataclass(frozen=True, slots=True)
class MarkForgotten:
    """A session has been silent for a day."""

    mark: str
