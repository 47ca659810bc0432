"""What the host needs of a room: an engine per input partition. Structural, so that the kernel's engine fits
as it is.

The host never looks into keys, values or parts; it hands records in, takes outputs out, and moves positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from schemas.record import Output, Record


class Advance(Protocol):
    """What one record did: outputs in order, timers fired, and whether the record itself was decided."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """To be written in this transaction, in this order."""

    @property
    def fired(self) -> int:
        """Timers that fired before the record (counts against the budget)."""

    @property
    def consumed(self) -> bool:
        """False: the budget ran out first; end the transaction at this offset and come again with the
        record."""


class AdvanceAll(Protocol):
    """What many records did."""

    @property
    def outputs(self) -> list[Output]:
        """To be written in this transaction, in this order."""

    @property
    def decided(self) -> int:
        """How many of them were decided; fewer than given: the budget ran out, come again with the rest."""

    @property
    def fired(self) -> int:
        """Timers that fired (counts against the budget)."""

    @property
    def begun(self) -> bool:
        """A timer fired before the first undecided record."""


class Position(Protocol):
    """Where the last committed transaction of a partition ended."""

    @property
    def to(self) -> int | None:
        """Next offset to decide; None: this partition was never decided."""

    @property
    def last_now(self) -> int:
        """`now` of the last decision, ms of log time (0: never)."""


class Engine(Protocol):
    """One room on one input partition. Not thread-safe; thrown away and restored on any abort."""

    def load(self, record: Record) -> None:
        """Restore: one changelog record of this partition, in log order."""

    def ready(self) -> Position:
        """After the last load: where the last transaction ended."""

    def advance(self, record: Record, budget: int, redo: bool = False) -> Advance:
        """Fire what is due (at most `budget`), then decide the record."""

    def advance_all(self, records: Sequence[Record], budget: int, redo: AbstractSet[int] = frozenset()) -> AdvanceAll:
        """The same for many records in order; what raises names its record. `redo`: offsets that raised before."""

    def flush(self, to: int) -> Sequence[Output]:
        """Changelog records of the transaction that ends before offset `to`; clears the dirty set."""

    def earliest_due(self) -> int | None:
        """When the next timer is due, ms of log time."""

    def tick(self) -> Output:
        """The record that lets time pass on this partition."""

    @property
    def last_now(self) -> int:
        """`now` of the last decision, ms of log time."""

    @property
    def keys(self) -> int:
        """Live parts."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Decisions by reason since the engine was made."""


class Room(Protocol):
    """A room as the host runs it."""

    @property
    def name(self) -> str:
        """Its name; the consumer group and the transactional ids are made of it."""

    @property
    def input(self) -> str:
        """Its one input topic."""

    @property
    def changelog(self) -> str:
        """Its changelog topic, with as many partitions as the input."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every topic it may write to, its changelog left out."""

    @property
    def plain(self) -> bool:
        """Whether most of its records are decided in place, at a few microseconds each."""

    def engine(self, partition: int) -> Engine:
        """A new engine without state."""
