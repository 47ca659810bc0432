"""Names of places in a log, shared by every transport. Plain values."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Ends(NamedTuple):
    """Where a partition begins and ends, as offsets of records not yet written or no longer kept.

    `low` is the first offset kept, `stable` the last stable offset (all before it is decided: committed or
    aborted), `high` the high watermark. `low <= stable <= high`.
    """

    low: int
    stable: int
    high: int


class Placed(NamedTuple):
    """Where an acknowledged record was written."""

    topic: str
    partition: int
    offset: int
