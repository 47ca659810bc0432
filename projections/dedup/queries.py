"""Reading sightings for the doors. One script asks every slot: 14 places of 145 slots are 3.4 ms of Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from processors.dedup.state import Mark as SessionMark
from processors.host.places import Place
from projections.dedup.marks import newest, sizes_key
from projections.dedup.project import NAME, SIZES, VERSION, Kind
from projections.plain import Json, time_text
from projections.redis_keys import positions_key, tenant_key
from projections.redis_reading import as_of, ask, marks
from projections.redis_store import Mark

_LOOK = """
local found = {redis.call('HGETALL', KEYS[1])}
for _, slot in ipairs(redis.call('HKEYS', KEYS[2])) do
  local lines = redis.call('HGET', ARGV[1] .. slot, ARGV[2])
  if lines then
    found[#found + 1] = slot
    found[#found + 1] = lines
  end
end
return found
"""


_MARK = """
local found = {}
for _, hour in ipairs(redis.call('HKEYS', KEYS[1])) do
  local text = redis.call('HGET', ARGV[1] .. hour, ARGV[2])
  if text then found[#found + 1] = text end
end
return found
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One sighting: where its record is, when it was appended (ms), and what the line's JSON says."""

    kind: Kind
    place: Place
    offset: int
    at: int
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sightings:
    """All sightings of one id, by kind and in log order; `since`: nothing before it is known. Positions as of."""

    seen: tuple[Seen, ...]
    since: int | None
    positions: Mapping[Place, Mark]

    def of(self, kind: Kind) -> tuple[Seen, ...]:
        """Those of one kind."""
        return tuple(each for each in self.seen if each.kind == kind)

    @property
    def as_of(self) -> list[Json]:
        """Positions as every answer shows them."""
        return as_of(self.positions)

    @property
    def window(self) -> Json:
        """What it can speak for: {since, until} as RFC 3339, None where nothing was read yet."""
        times = [mark.at for mark in self.positions.values() if mark.at is not None]
        return {"since": time_text(self.since), "until": time_text(max(times, default=None))}


async def sightings(client: Any, tenant: str, field: bytes, kinds: Mapping[str, Kind]) -> Sightings:
    """What is known of an event id (or of `project.coordinates`) of a tenant. Raises NotReady `redis_unavailable`."""
    keys = [positions_key(NAME, VERSION), SIZES]
    found = await ask(client, _LOOK, keys, tenant_key(tenant, NAME, VERSION), field)
    positions = marks(found[0])
    seen: list[Seen] = []
    for slot, lines in zip(found[1::2], found[2::2], strict=True):
        topic, _, partition = slot.decode().rpartition(":")[0].rpartition("/")
        if topic in kinds:
            place = Place(topic, int(partition))
            seen += [_seen(kinds[topic], place, line) for line in lines.decode().split("\n")]
    seen.sort(key=lambda each: (each.at, each.place, each.offset))
    return Sightings(tuple(seen), spoken_since(positions.values()), positions)


async def mark(client: Any, tenant: str, session: bytes) -> SessionMark | None:
    """The mark of a session (`marks.digest`), None when no number of it passed lately. Raises NotReady."""
    prefix = tenant_key(tenant, NAME, VERSION, "marks:")
    found = newest(await ask(client, _MARK, [sizes_key(NAME, VERSION)], prefix, session))
    return None if found is None else found.mark


def spoken_since(positions: Iterable[Mark]) -> int | None:
    """Since when (ms) every place can speak; None before anything was read."""
    marks_ = [mark for mark in positions if mark.since is not None]
    cut = [mark.since for mark in marks_ if mark.since is not None and not mark.whole]
    whole = [mark.since for mark in marks_ if mark.since is not None]
    # A topic that has only just got its first record has nothing before it that could be missing.
    return max(cut) if cut else min(whole, default=None)


def _seen(kind: Kind, place: Place, line: str) -> Seen:
    offset, at, *said = line.split(" ", 2)
    return Seen(kind, place, int(offset), int(at), json.loads(said[0]) if said else {})
