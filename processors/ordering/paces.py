"""What the batch face keeps ready of rates.py: an actor's pace and a tenant's traffic, changed in place.

Both say themselves what `evolve` would make of them; what reaches a rung, a new window, or a kind not seen before is
left to `decide`.
"""

from __future__ import annotations

from typing import cast

from processors.kernel.face import Parts
from processors.ordering.rates import MAX_KINDS, exceeds, kind_of, limit_of, on_rung, step_of
from processors.ordering.state import (
    Pace,
    Traffic,
    encode_kind,
    encode_pace,
    encode_traffic,
    pace_of,
    pace_part,
    traffic_part,
)
from schemas import codec
from schemas.flood_rules import Floods
from schemas.ids import key_of

# Later than every count: where a limit is not set.
NEVER = 1 << 62


class Tenant:
    """A tenant's traffic on this partition, its limits, and what was read of its resources."""

    __slots__ = (
        *("actions", "actor_limit", "actors", "bucket", "dirty", "first_at", "floods", "known", "limit", "name"),
        *("part", "resources", "second", "step", "window_ms"),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.part = traffic_part(key_of(name))
        self.resources: dict[bytes, tuple[bytes, str]] = {}  # the key to go on with, and the kind of the type
        self.known = self.dirty = False
        self.first_at = self.second = self.actions = self.bucket = self.actors = 0
        self.floods = Floods()
        self.actor_limit = self.limit = self.step = NEVER
        self.window_ms = 1

    def read(self, parts: Parts, partitions: int) -> bool:
        """Take over what `decide` has; False where there is nothing yet."""
        found = cast("Traffic | None", parts.get(self.part))
        if found is None:
            return False
        floods = self.floods = cast(Floods, parts.config(self.name, "floods"))
        self.actor_limit = floods.actor_per_second or NEVER
        self.limit = floods.tenant_per_second
        self.step = step_of(self.limit, partitions) or NEVER
        self.window_ms = floods.unusual.window_s * 1_000
        self.take(found)
        self.known = True
        return True

    def take(self, found: Traffic) -> None:
        """What `decide` has made of it."""
        self.first_at, self.second, self.actions = found.first_at, found.second, found.actions
        self.bucket, self.actors = found.bucket, found.actors
        self.dirty = False

    def rung(self, actions: int) -> bool:
        """Whether so many in a second are said; asked at multiples of `step` only."""
        return on_rung(actions, self.limit, self.step if self.step < NEVER else 0)

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed."""
        self.dirty = False
        raw = encode_traffic(self.first_at, self.second, self.actions, self.bucket, self.actors)
        return len(raw), (raw,)


class Slot:
    """One kind of an actor's actions: its count, the count that is unusual, and the bytes around the count."""

    __slots__ = ("after", "before", "count", "limit", "name")

    def __init__(self, name: str, count: int, limit: int, before: bytes, after: bytes) -> None:
        self.name, self.count, self.limit, self.before, self.after = name, count, limit, before, after


class Actor:
    """An actor's pace."""

    __slots__ = ("dirty", "in_second", "known", "part", "second", "slots", "window")

    def __init__(self, key: str) -> None:
        self.part = pace_part(key)
        self.known = self.dirty = False
        self.second = self.in_second = self.window = 0
        self.slots: list[Slot] = []

    def read(self, parts: Parts, floods: Floods) -> bool:
        """Take over what `decide` has; False where there is nothing yet."""
        raw = parts.raw(self.part)
        if raw is None:
            return False
        self.take(pace_of(raw) or cast(Pace, parts.get(self.part)), floods)
        return True

    def take(self, found: Pace | None, floods: Floods | None) -> None:
        """What `decide` has made of it; without its limits it is read when they are known."""
        self.known = self.dirty = False
        if found is None or floods is None:
            return
        self.second, self.in_second, self.window = found.second, found.in_second, found.window
        self.slots = [
            Slot(k.name, k.count, limit_of(k.history, floods.unusual) or NEVER, *encode_kind(k.name, k.history))
            for k in found.kinds
        ]
        self.known = True

    def slot(self, kind: str) -> Slot | None:
        """Where a kind is counted; None where `decide` must make the place."""
        for slot in self.slots:
            if slot.name == kind:
                return slot
        return self.slots[-1] if len(self.slots) >= MAX_KINDS else None

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed."""
        self.dirty = False
        kinds = [slot.before + codec.long(slot.count) + slot.after for slot in self.slots]
        raw = encode_pace(self.second, self.in_second, self.window, kinds)
        return len(raw), (raw,)


def said(in_second: int, limit: int) -> bool:
    """Whether so many of an actor in a second are said."""
    return in_second > limit and exceeds(in_second, limit)


__all__ = ["Actor", "Slot", "Tenant", "kind_of", "said"]
