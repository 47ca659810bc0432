"""A processor as a host runs it: its topics, and a fresh engine for each partition it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from processors.kernel.decider import Decider
from processors.kernel.engine import Engine
from processors.kernel.room import Room, room_of
from schemas.topology import DEAD_LETTERS, Topology


@dataclass(frozen=True, slots=True)
class Runnable:
    """One wired processor. The host needs its names and engines, nothing else."""

    room: Room

    @property
    def name(self) -> str:
        """The processor's name."""
        return self.room.name

    @property
    def input(self) -> str:
        """Its one input topic."""
        return self.room.input

    @property
    def changelog(self) -> str:
        """The topic of its state, with as many partitions as the input."""
        return self.room.changelog

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every topic it may write to, its changelog left out, by name."""
        reactions = (reaction.topic for reaction in self.room.reactions)
        return tuple(sorted({*self.room.spec.writes.values(), *reactions, DEAD_LETTERS}))

    @property
    def plain(self) -> bool:
        """Whether it has a batch face: most of its records are decided in place."""
        return self.room.decider.face is not None

    def engine(self, partition: int) -> Engine:
        """A new engine without state."""
        return Engine(self.room, partition)


def runnables(topology: Topology, deciders: Mapping[str, Decider]) -> dict[str, Runnable]:
    """Every processor of the table, wired by the map. Raises KeyError when the two disagree."""
    return {name: Runnable(room_of(decider, topology, deciders)) for name, decider in deciders.items()}
