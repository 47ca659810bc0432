"""The batch face of signals (KERNEL 25): a normal action, which says nothing and changes nothing.

Plain is an action without error, change, effect or label on a resource none of whose failures waits. Where tries are
counted (a dependency, or what heals by retries) it is one try more, in place while its bucket runs; where its type
writes data, one write more of a writer who was told in this minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from processors.kernel.decider import Configured
from processors.kernel.face import Parts
from processors.signals import writes as writing
from processors.signals.state import (
    Held,
    Tally,
    Writing,
    Wrote,
    dependency_part,
    encode_first,
    encode_older,
    tries_part,
    writing_part,
    wrote_part,
)
from processors.signals.tallies import width_ms
from schemas import codec
from schemas.head import glance, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL, CHANGE, EFFECT, ERROR, LABEL
from schemas.record import Headers
from schemas.signal_rules import Signals
from schemas.write_rules import write_points

# Texts that were read with care: usually 60 bytes each, at most 12 KB; twice 16,384 are 2 MB, 400 MB if somebody tries.
TEXTS = 4_096
# Resources that were looked up among the declared dependencies: 200 bytes each, 13 MB at worst. Then it starts anew.
RESOURCES = 65_536


class _Tally:
    """A tally as `evolve` would make it."""

    __slots__ = ("after", "before", "dirty", "end", "failures", "number", "part", "tries", "width")

    def __init__(self, part: str, tally: Tally) -> None:
        self.part = part
        self.number, self.tries, self.failures = tally.number, tally.tries, tally.failures
        self.width = tally.width_ms
        self.end = (tally.number + 1) * tally.width_ms
        self.before, self.after = encode_older(tally)
        self.dirty = False

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed."""
        self.dirty = False
        numbers = codec.long(self.number) + codec.long(self.tries) + codec.long(self.failures)
        raw = self.before + numbers + self.after
        return len(raw), (raw,)


class _Wrote:
    """A writer's count as `evolve` would make it."""

    __slots__ = ("before", "count", "dirty", "part")

    def __init__(self, part: str, wrote: Wrote) -> None:
        self.part, self.count, self.before = part, wrote.count, encode_first(wrote)
        self.dirty = False

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed."""
        self.dirty = False
        raw = self.before + codec.long(self.count)
        return len(raw), (raw,)


class _Settings(NamedTuple):
    """What a tenant's document says, and what was looked up in it."""

    declared: bool  # are there dependencies
    width: int  # of a bucket of tries
    writes: dict[str, bool]  # by type: does it write data


class SignalsFace:
    """See kernel.face.Face for what each method promises."""

    event = ""  # a normal action goes nowhere
    reason = "normal"
    aside = ""
    aside_reasons: tuple[str, ...] = ()

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._whos: dict[bytes, tuple[str, str, str]] = {}  # with tenant, actor and session
        self._whats: dict[bytes, tuple[str, str]] = {}  # with resource and type
        self._waiting: dict[bytes, set[str]] | None = None  # by Kafka key: the parts of failures that wait
        self._tallies: dict[str, _Tally] = {}  # by part
        self._wrote: dict[str, _Wrote] = {}  # by part
        self._full: set[str] = set()  # parts of tenants of whose further writers nothing is told in this minute
        self._settings: dict[str, _Settings] = {}  # by tenant
        # By tenant and resource: the tally of its dependency, and how wide its buckets are; None where it has none.
        self._declared: dict[tuple[str, str], tuple[str, int] | None] = {}

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | None:
        """Pass over a normal action."""
        seen = glance(value)
        if seen is None:
            return None
        who, _, _, traits, what = seen
        if traits & (ERROR | CHANGE | EFFECT | LABEL) or key in self._failures():
            return None
        whose = self._whos.get(who) or _keep(self._whos, who, who_of(who))
        named = self._whats.get(what) or _keep(self._whats, what, what_of(what))
        if whose is None or named is None or not (key.isascii() or _is_text(key)):
            return None
        tenant = whose[0]
        settings = self._settings.get(tenant) or self._read(tenant)
        writes = settings.writes.get(named[1])
        if writes is None:
            writes = self._writes(tenant, settings, named[1])
        if writes and not traits & BACKFILL:
            wrote = self._wrote.get(wrote_part(key.decode(), whose[1], named[1]))
            if wrote is None and writing_part(key_of(tenant)) not in self._full:
                return None
            if not self._tried(key, tenant, named, settings, now):
                return None
            if wrote is not None:
                wrote.count += 1
                if not wrote.dirty:
                    wrote.dirty = True
                    self._parts.touch(wrote.part, wrote)
            return key
        if not (settings.declared or self._tallies) or traits & BACKFILL:
            return key
        return key if self._tried(key, tenant, named, settings, now) else None

    def _tried(self, key: bytes, tenant: str, named: tuple[str, str], settings: _Settings, now: int) -> bool:
        """One try more, where tries are counted; False (nothing changed) where `decide` is to be asked."""
        part, width = None, settings.width
        if settings.declared:
            place = (tenant, named[0])
            found = self._declared.get(place)
            if found is None and place not in self._declared:
                found = self._look_up(place)
            if found is not None:
                part, width = found
        tally = self._tallies.get(part or tries_part(key.decode(), named[1]))
        if tally is None:
            return part is None
        if now >= tally.end or tally.width != width:
            return False
        tally.tries += 1
        if not tally.dirty:
            tally.dirty = True
            self._parts.touch(tally.part, tally)
        return True

    def _read(self, tenant: str) -> _Settings:
        settings = cast(Signals, self._parts.config(tenant, "signals"))
        found = _Settings(bool(settings.dependencies), width_ms(settings.intermittent.window_s), {})
        self._settings[tenant] = found
        return found

    def _writes(self, tenant: str, settings: _Settings, kind: str) -> bool:
        rules = cast(Signals, self._parts.config(tenant, "signals")).writes
        if len(settings.writes) >= TEXTS:
            settings.writes.clear()
        found = settings.writes[kind] = write_points(rules, kind) is not None
        return found

    def _look_up(self, place: tuple[str, str]) -> tuple[str, int] | None:
        tenant, resource = place
        dependency = cast(Signals, self._parts.config(tenant, "signals")).dependency(resource)
        if len(self._declared) >= RESOURCES:
            self._declared.clear()
        found = None
        if dependency is not None:
            found = (dependency_part(key_of(tenant), dependency.name), width_ms(dependency.baseline_window_s))
        self._declared[place] = found
        return found

    def _failures(self) -> dict[bytes, set[str]]:
        if self._waiting is None:
            self._waiting = {}
            for part, _ in self._parts.all_of(Held):
                self._waiting.setdefault(_key(part), set()).add(part)
            self._tallies = {part: _Tally(part, tally) for part, tally in self._parts.all_of(Tally)}
            self._wrote = {part: _Wrote(part, wrote) for part, wrote in self._parts.all_of(Wrote)}
            self._full = {part for part, now in self._parts.all_of(Writing) if _is_full(now)}
        return self._waiting

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """Which failures wait now, and what is counted; everything is looked up again after an announcement."""
        if any(isinstance(event, Configured) for event in events):
            self._settings.clear()
            self._declared.clear()
        if self._waiting is None:
            return
        for part, value in changes.items():
            if isinstance(value, Tally):
                self._tallies[part] = _Tally(part, value)
                continue
            if isinstance(value, Wrote):
                self._wrote[part] = _Wrote(part, value)
                continue
            if isinstance(value, Writing):
                if _is_full(value):
                    self._full.add(part)
                continue
            key = _key(part)
            if value is not None:
                self._waiting.setdefault(key, set()).add(part)
            elif self._tallies.pop(part, None) is not None or self._wrote.pop(part, None) is not None:
                continue
            elif part in self._full:
                self._full.remove(part)
            elif key in self._waiting:
                self._waiting[key].discard(part)
                if not self._waiting[key]:
                    del self._waiting[key]


_Kept = TypeVar("_Kept")


def _keep(texts: dict[bytes, _Kept], raw: bytes, found: _Kept | None) -> _Kept | None:
    if found is None:
        return None
    if len(texts) >= TEXTS:
        texts.clear()
    texts[raw] = found
    return found


def _is_full(now: Writing) -> bool:
    return now.writers >= writing.WRITERS_PER_MINUTE


def _key(part: str) -> bytes:
    """The Kafka key of a waiting failure's part (state.held_part)."""
    return part.rsplit("/held/", 1)[0].encode()


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
