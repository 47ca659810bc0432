"""One processor in its place on the map: its decider, its input's words, where its events go, who reacts to
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from processors.kernel.decider import Decider, React
from schemas.codec import Words, schema_ids
from schemas.messages.kernel import CONFIGURATION, Tick
from schemas.messages.tables import STREAMS
from schemas.topology import RoomSpec, Topology


@dataclass(frozen=True, slots=True)
class Reaction:
    """Another processor's (or the own) reading of this one's events."""

    room: str
    topic: str
    react: React


@dataclass(frozen=True, slots=True)
class Room:
    """A decider wired to topics. `answered` are the commands of people, which get an Answer record."""

    decider: Decider
    spec: RoomSpec
    topology: Topology
    words: Words
    reactions: tuple[Reaction, ...]
    answered: frozenset[type]
    tick_ids: frozenset[int]
    configuration_ids: frozenset[int]

    @property
    def name(self) -> str:
        """The processor's name."""
        return self.spec.name

    @property
    def input(self) -> str:
        """Its one input topic."""
        return self.spec.input

    @property
    def changelog(self) -> str:
        """The topic of its state."""
        return self.spec.changelog

    @property
    def partitions(self) -> int:
        """Partitions of the input, and so of the changelog."""
        return self.topology.partitions(self.spec.input)


def room_of(
    decider: Decider,
    topology: Topology,
    deciders: Mapping[str, Decider],
    streams: Mapping[str, tuple[type, ...]] = STREAMS,
) -> Room:
    """Wire one decider; `deciders` holds those that it feeds. Raises KeyError when the map and the code
    disagree."""
    spec = topology.rooms[decider.name]
    classes = streams[topology.topics[spec.input].stream]
    reactions = []
    for target in spec.feeds:
        react = deciders[target].react
        if react is None:
            raise KeyError(f"{spec.name} feeds {target}, which has no react")
        reactions.append(Reaction(target, topology.rooms[target].input, react))
    answered = frozenset(c for c in classes if {"command_id", "body_hash"} <= {f.name for f in fields(c)})
    return Room(
        decider,
        spec,
        topology,
        Words(classes),
        tuple(reactions),
        answered,
        schema_ids(Tick),
        frozenset(number for kind in CONFIGURATION for number in schema_ids(kind)),
    )
