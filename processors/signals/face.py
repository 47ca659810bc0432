"""The batch face of signals (KERNEL 25): a normal action, which says nothing and changes nothing.

Plain is an action without error, change, effect or label on a resource none of whose failures waits. Where tries are
counted (a dependency, or what heals by retries) it is one try more, in place while its bucket runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from processors.kernel.decider import Configured
from processors.kernel.face import Parts
from processors.signals.state import Held, Tally, dependency_part, encode_older, tries_part
from processors.signals.tallies import width_ms
from schemas import codec
from schemas.head import glance, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL, CHANGE, EFFECT, ERROR, LABEL
from schemas.record import Headers
from schemas.signal_rules import Signals

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


class SignalsFace:
    """See kernel.face.Face for what each method promises."""

    event = ""  # a normal action goes nowhere
    reason = "normal"
    aside = ""
    aside_reasons: tuple[str, ...] = ()

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._whos: dict[bytes, str] = {}  # with the tenant
        self._whats: dict[bytes, tuple[str, str]] = {}  # with resource and type
        self._waiting: dict[bytes, set[str]] | None = None  # by Kafka key: the parts of failures that wait
        self._tallies: dict[str, _Tally] = {}  # by part
        self._settings: dict[str, tuple[bool, int]] = {}  # by tenant: are dependencies declared, how wide are buckets
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
        tenant = self._whos.get(who) or _keep(self._whos, who, _tenant_of(who))
        named = self._whats.get(what) or _keep(self._whats, what, what_of(what))
        if tenant is None or named is None or not (key.isascii() or _is_text(key)):
            return None
        declared, width = self._settings.get(tenant) or self._read(tenant)
        if not (declared or self._tallies) or traits & BACKFILL:
            return key
        part = None
        if declared:
            place = (tenant, named[0])
            found = self._declared.get(place)
            if found is None and place not in self._declared:
                found = self._look_up(place)
            if found is not None:
                part, width = found
        tally = self._tallies.get(part or tries_part(key.decode(), named[1]))
        if tally is None:
            return None if part is not None else key
        if now >= tally.end or tally.width != width:
            return None
        tally.tries += 1
        if not tally.dirty:
            tally.dirty = True
            self._parts.touch(tally.part, tally)
        return key

    def _read(self, tenant: str) -> tuple[bool, int]:
        settings = cast(Signals, self._parts.config(tenant, "signals"))
        found = self._settings[tenant] = (bool(settings.dependencies), width_ms(settings.intermittent.window_s))
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
            key = _key(part)
            if value is not None:
                self._waiting.setdefault(key, set()).add(part)
            elif part in self._tallies:
                del self._tallies[part]
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


def _tenant_of(who: bytes) -> str | None:
    found = who_of(who)
    return None if found is None else found[0]


def _key(part: str) -> bytes:
    """The Kafka key of a waiting failure's part (state.held_part)."""
    return part.rsplit("/held/", 1)[0].encode()


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
