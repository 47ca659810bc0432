"""A slot that fails at a chosen point, whatever transport is behind it, and the process that a test steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from processors.host.loop import RoomLoop
from processors.host.transport import Slot
from schemas.record import Output, Record

Point = Callable[[str], None]


def nothing(point: str) -> None:
    """No fault."""


class Faults:
    """A slot that calls `at(point)` before begin, produce, send_offsets and commit, and after a commit."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.at: Point = nothing
        self.polls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.slot, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # A test may put anything in the place of a method.
        object.__setattr__(self, name, value)

    def poll(self, limit: int, seconds: float, fill: bool = False) -> Sequence[Record]:
        """Count, and poll."""
        self.polls += 1
        return self.slot.poll(limit, seconds, fill)

    def begin(self) -> None:
        """Begin, or fail."""
        self.at("begin")
        self.slot.begin()

    def produce(self, outputs: Sequence[Output]) -> None:
        """Half of it, perhaps a failure, the other half."""
        half = len(outputs) // 2
        self.slot.produce(outputs[:half])
        self.at("produce")
        self.slot.produce(outputs[half:])

    def send_offsets(self, positions: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """Fail, or send."""
        self.at("send_offsets")
        self.slot.send_offsets(positions, notes)

    def commit(self) -> None:
        """Fail before, or after."""
        self.at("commit")
        self.slot.commit()
        self.at("committed")


@dataclass(eq=False, slots=True)
class Process:
    """One loop on one slot."""

    loop: RoomLoop
    slot: Faults
    ordinal: int
    alive: bool = True
