"""What is remembered of what people were told of an incident's further failures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aggregate:
    """People know of `failures`, as of `since` (ms of log time; 0: nothing was counted yet).

    `due` is when they are told next, 0 while nothing more came; `times` how often they were. Until `muted_until` they
    are not told. Its timer is `aggregate`.
    """

    failures: int = 0
    since: int = 0
    due: int = 0
    times: int = 0
    muted_until: int = 0


@dataclass(frozen=True, slots=True)
class AggregateKept:
    """What people know is this now."""

    part: str
    aggregate: Aggregate


PARTS = (Aggregate,)


def aggregate_part(incident: str) -> str:
    """Where it is for the incident whose part is `incident`; it goes with the incident."""
    return f"{incident}/aggregate"
