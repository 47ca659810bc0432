"""The dedup read model's half of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from processors.host.places import Place
from projections.dedup import marks as numbers
from projections.dedup.project import NAME, SIZES, VERSION, Kind, PlaceState, heads_of, kinds_of, project, sizes_of
from projections.redis_store import Mark, Planned
from schemas import topology
from schemas.record import Record


class DedupWriter:
    """Remembers how many sightings each slot has, and the marks of late: kept as long as its writes succeed."""

    def __init__(self, kinds: Mapping[str, Kind] | None = None) -> None:
        self._kinds = kinds_of(topology.load()) if kinds is None else kinds
        self._states: dict[Place, PlaceState] | None = None
        self._hours: dict[int, numbers.Hours] = {}
        self._known = numbers.Known(NAME, VERSION)

    def plan(self, client: Any, records: Sequence[Record], marks: Mapping[Place, Mark]) -> Planned:
        """See RedisWriter."""
        if self._states is None:
            self._states = sizes_of(client.hgetall(SIZES), marks)
            latest = {place.partition: mark.at or 0 for place, mark in marks.items() if self._admitted(place)}
            self._hours = numbers.hours_of(client.hgetall(numbers.sizes_key(NAME, VERSION)), latest)
        states = {place: state.copy() for place, state in self._states.items()}
        heads = heads_of(records, self._kinds)
        operations, since, rejected = project(records, self._kinds, states, heads)
        hours = {partition: state.copy() for partition, state in self._hours.items()}
        passed = [
            numbers.Passed(head, record.partition, record.offset, record.append_time)
            for record, head in zip(records, heads, strict=True)
            if head is not None and self._admitted(Place(record.topic, record.partition))
        ]
        wanted = [(who, each.partition) for each in passed if (who := numbers.owner(each.head)) is not None]
        known = self._known.load(client, wanted, hours)
        numbers.project(passed, known, hours, operations, (NAME, VERSION))

        def adopt() -> None:
            self._states = states
            self._hours = hours
            self._known.adopt(known)

        return Planned(operations, adopt, since, rejected)

    def _admitted(self, place: Place) -> bool:
        return self._kinds.get(place.topic) == "admitted"
