"""The batch face of ordering (KERNEL 25): actions that are in order, decided in place.

Plain is an action whose clock can be believed and whose number, if it has one, is its session's highest plus one; so is
an import of the past, of which nothing is asked. Everything else goes to `decide`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from processors.kernel.face import Parts
from processors.ordering.rules import FUTURE_MS, MARK_MS, STALE_MS
from processors.ordering.state import Mark, encode_mark, mark_part
from schemas.envelope import with_flags
from schemas.head import drift_of, glance, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL
from schemas.record import Headers

# Sessions kept ready: about 500 bytes each, so 32 MB at worst. When full it starts anew.
SESSIONS = 65_536
# Keys of resources kept ready: usually 200 bytes each with what they were read from, at most 24 KB; 100 MB at worst.
RESOURCES = 4_096


class _Session:
    """A session under a key: its mark as `evolve` would make it, and the keys of the tenant's resources."""

    __slots__ = ("dirty", "highest", "key", "known", "open_gaps", "part", "resources", "seen_at", "tenant")

    def __init__(self, key: bytes, tenant: str, session: str, resources: dict[bytes, bytes]) -> None:
        self.key, self.tenant, self.resources = key, tenant, resources
        self.part = mark_part(key.decode(), session)
        self.known = self.dirty = False
        self.highest = self.open_gaps = self.seen_at = 0

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed: what `evolve` would make of the mark."""
        self.dirty = False
        raw = encode_mark(self.highest, self.open_gaps, self.seen_at)
        return len(raw), (raw,)


class OrderingFace:
    """See kernel.face.Face for what each method promises."""

    event = "ActionOrdered"
    reason = "in_order"
    aside = ""
    aside_reasons: tuple[str, ...] = ()

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._sessions: dict[bytes, _Session] = {}  # by tenant, actor and session as they stand in the head
        self._marked: dict[str, _Session] = {}  # by part
        self._resources: dict[str, dict[bytes, bytes]] = {}  # by tenant
        self._kept = 0

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | None:
        """Pass an action that is in order."""
        seen = glance(value)
        if seen is None:
            return None
        who, number, times, traits, what = seen
        session = self._sessions.get(who) or self._session(key, value, who)
        if session is None or session.key != key:
            return None
        onward = session.resources.get(what) or self._resource(value, what, session)
        if onward is None or (headers and with_flags(headers) != headers):
            return None
        if traits & BACKFILL:
            return onward
        if not -STALE_MS <= drift_of(value, times) <= FUTURE_MS:
            return None
        if number >= 0:
            if not session.known and not self._mark(session):
                return None
            if number != session.highest + 1 or now - session.seen_at >= MARK_MS:
                return None
            session.highest, session.seen_at = number, now
            if not session.dirty:
                session.dirty = True
                self._parts.touch(session.part, session)
        return onward

    def _session(self, key: bytes, value: bytes, who: bytes) -> _Session | None:
        """A session met for the first time."""
        found = who_of(value, who)
        if found is None:
            return None
        tenant, _, name = found
        try:
            key.decode()
        except UnicodeDecodeError:
            return None
        if len(self._sessions) >= SESSIONS:
            self._sessions, self._marked = {}, {}
        session = _Session(key, tenant, name, self._resources.setdefault(tenant, {}))
        self._sessions[who] = self._marked[session.part] = session
        return session

    def _mark(self, session: _Session) -> bool:
        mark: Mark | None = self._parts.get(session.part)
        if mark is None:
            return False
        session.highest, session.open_gaps, session.seen_at = mark.highest, mark.open_gaps, mark.seen_at
        session.known = True
        return True

    def _resource(self, value: bytes, what: bytes, session: _Session) -> bytes | None:
        found = what_of(value, what)
        if found is None:
            return None
        if self._kept >= RESOURCES:
            for kept in self._resources.values():
                kept.clear()
            self._kept = 0
        self._kept += 1
        session.resources[what] = onward = key_of(session.tenant, found[0]).encode()
        return onward

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """Read the marks again that `decide` changed."""
        for part in changes:
            session = self._marked.get(part)
            if session is not None:
                session.known = session.dirty = False
