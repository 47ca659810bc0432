"""The dedup read model's half of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from processors.host.places import Place
from projections.dedup.project import SIZES, Kind, PlaceState, kinds_of, project, sizes_of
from projections.redis_store import Mark, Planned
from schemas import topology
from schemas.record import Record


class DedupWriter:
    """Remembers how many sightings each slot has: read once, then kept as long as its writes succeed."""

    def __init__(self, kinds: Mapping[str, Kind] | None = None) -> None:
        self._kinds = kinds_of(topology.load()) if kinds is None else kinds
        self._states: dict[Place, PlaceState] | None = None

    def plan(self, client: Any, records: Sequence[Record], marks: Mapping[Place, Mark]) -> Planned:
        """See RedisWriter."""
        if self._states is None:
            self._states = sizes_of(client.hgetall(SIZES), marks)
        states = {place: state.copy() for place, state in self._states.items()}
        operations, since, rejected = project(records, self._kinds, states)

        def adopt() -> None:
            self._states = states

        return Planned(operations, adopt, since, rejected)
