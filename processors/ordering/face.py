"""The batch face of ordering (KERNEL 25): actions that are in order, decided in place.

Plain is an action whose clock can be believed, whose number, if it has one, is its session's highest plus one, and with
which no rung of a rate is reached; so is an import of the past, of which nothing is asked. Everything else goes to
`decide`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from processors.kernel.decider import Configured
from processors.kernel.face import Parts
from processors.ordering.paces import Actor, Tenant, said
from processors.ordering.rates import kind_of
from processors.ordering.rules import FUTURE_MS, MARK_MS, STALE_MS
from processors.ordering.state import PACE, Mark, Traffic, encode_mark, key_of_part, mark_of, mark_part
from schemas.envelope import with_flags
from schemas.head import TEXTS, drift_of, glance, numbers_at, what_at, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL
from schemas.record import Headers

# Sessions kept ready: about 800 bytes each with their actor, so 105 MB at worst; 100,000 live actors of one partition
# have room. When full it starts anew.
SESSIONS = 131_072
# Sessions of one actor that are kept beside that of its last record, looked at one by one.
BESIDE = 8
# Keys of resources kept ready: usually 200 bytes each with what they were read from, at most 24 KB; 100 MB at worst.
RESOURCES = 4_096


class _Session:
    """A session under a key: its mark as `evolve` would make it, its actor and tenant.

    `who` and `end`: its texts as they stand in a head, and where they end; `what`: resource and type of its last record
    as they stand there, and `found` what `_resource` knows of them. `next`: another session of the same actor.
    """

    __slots__ = (
        *("actor", "dirty", "end", "found", "highest", "known", "next", "open_gaps", "part", "seen_at", "tenant"),
        *("what", "who"),
    )

    def __init__(self, key: bytes, who: bytes, tenant: Tenant, actor: Actor, session: str) -> None:
        self.tenant, self.actor = tenant, actor
        self.who, self.end = who, TEXTS + len(who)
        self.what = b""
        self.found: tuple[bytes, str] | None = None
        self.next: _Session | None = None
        self.part = mark_part(key.decode(), session)
        self.known = self.dirty = False
        self.highest = self.open_gaps = self.seen_at = 0

    def take(self, mark: Mark) -> None:
        """Take over what `decide` has."""
        self.highest, self.open_gaps, self.seen_at = mark.highest, mark.open_gaps, mark.seen_at
        self.known, self.dirty = True, False

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
        self._partitions = partitions
        self._last: dict[bytes, _Session] = {}  # by Kafka key: that of its last record
        self._tenants: dict[str, Tenant] = {}
        self._traffic: dict[str, Tenant] = {}  # by part
        self._sessions = self._resources = 0  # how many are kept

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | None:
        """Pass an action that is in order."""
        session = self._last.get(key)
        if session is None or not value.startswith(session.who, TEXTS):
            session = self._met(key, value)
            if session is None:
                return None
        numbers = numbers_at(value, session.end)
        if numbers is None:
            return None
        number, times, traits, texts = numbers
        tenant, actor = session.tenant, session.actor
        found = session.found
        if found is None or not value.startswith(session.what, texts):
            found = self._found(session, value, texts)
        if found is None or (headers and with_flags(headers) != headers):
            return None
        onward, kind = found
        if traits & BACKFILL:
            return onward
        if not -STALE_MS <= drift_of(value, times) <= FUTURE_MS:
            return None
        if number >= 0:
            if not session.known and not self._mark(session):
                return None
            if number != session.highest + 1 or now - session.seen_at >= MARK_MS:
                return None
        if not (tenant.known or tenant.read(self._parts, self._partitions)):
            return None
        if not (actor.known or actor.read(self._parts, tenant.floods)):
            return None
        slot = actor.slot(kind)
        if slot is None or now // tenant.window_ms != actor.window or slot.count + 1 == slot.limit:
            return None
        second = now // 1_000
        in_second = actor.in_second + 1 if second == actor.second else 1
        actions = tenant.actions + 1 if second == tenant.second else 1
        if said(in_second, tenant.actor_limit) or (not actions % tenant.step and tenant.rung(actions)):
            return None
        # Nothing above has changed anything; parts are touched in the order in which `evolve` would change them.
        if number >= 0:
            session.highest, session.seen_at = number, now
            if not session.dirty:
                session.dirty = True
                self._parts.touch(session.part, session)
        slot.count += 1
        actor.second, actor.in_second = second, in_second
        if not actor.dirty:
            actor.dirty = True
            self._parts.touch(actor.part, actor)
        tenant.second, tenant.actions = second, actions
        if not tenant.dirty:
            tenant.dirty = True
            self._parts.touch(tenant.part, tenant)
        return onward

    def _met(self, key: bytes, value: bytes) -> _Session | None:
        """The session of a record that is not the one of its key's last record."""
        seen = glance(value)
        if seen is None:
            return None
        who = seen[0]
        first = before = self._last.get(key)
        session, beside = None if first is None else first.next, 0
        while session is not None and session.who != who and beside < BESIDE:
            before, session, beside = session, session.next, beside + 1
        if first is None or before is None:
            session = self._session(key, who, None)
        elif session is None or session.who != who:
            session = self._session(key, who, first.actor)
            if session is not None and self._last.get(key) is first:  # not begun anew
                before.next = None  # what was kept longest is kept no more, if there are too many
                session.next = first
        else:
            before.next, session.next = session.next, first
        if session is not None:
            self._last[key] = session
        return session

    def _found(self, session: _Session, value: bytes, texts: int) -> tuple[bytes, str] | None:
        """What is known of a resource and type that are not those of the session's last record."""
        what = what_at(value, texts)
        if what is None:
            return None
        found = session.tenant.resources.get(what) or self._resource(value, what, session.tenant)
        if found is not None:
            session.what, session.found = what, found
        return found

    def _session(self, key: bytes, who: bytes, actor: Actor | None) -> _Session | None:
        """A session met for the first time."""
        found = who_of(who)
        if found is None:
            return None
        tenant, _, name = found
        try:
            subject = key.decode()
        except UnicodeDecodeError:
            return None
        if self._sessions >= SESSIONS:
            self._forget()
            actor = None
        self._sessions += 1
        owner = self._tenants.get(tenant)
        if owner is None:
            owner = self._tenants[tenant] = Tenant(tenant)
            self._traffic[owner.part] = owner
        return _Session(key, who, owner, actor or Actor(subject), name)

    def _forget(self) -> None:
        """Start anew. Whose bytes are promised keep their promise; what is read again is read from there."""
        self._last, self._tenants, self._traffic = {}, {}, {}
        self._sessions = self._resources = 0

    def _mark(self, session: _Session) -> bool:
        raw = self._parts.raw(session.part)
        if raw is None:
            return False
        session.take(mark_of(raw) or cast(Mark, self._parts.get(session.part)))
        return True

    def _resource(self, value: bytes, what: bytes, tenant: Tenant) -> tuple[bytes, str] | None:
        found = what_of(what)
        if found is None:
            return None
        if self._resources >= RESOURCES:
            for each in self._tenants.values():
                each.resources.clear()
            self._resources = 0
        self._resources += 1
        tenant.resources[what] = onward = (key_of(tenant.name, found[0]).encode(), kind_of(found[1]))
        return onward

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """Read again what `decide` changed, and everything after an announcement, since limits come with it."""
        if any(isinstance(event, Configured) for event in events):
            self._forget()
            return
        for part, value in changes.items():
            if isinstance(value, Traffic):
                tenant = self._traffic.get(part)
                if tenant is not None and tenant.known:
                    tenant.take(value)
                continue
            key, what = key_of_part(part)
            session = self._last.get(key)
            if what == PACE and session is not None:
                owner = session.tenant
                known = owner.known or owner.read(self._parts, self._partitions)
                session.actor.take(value, owner.floods if known else None)
            while session is not None and session.part != part:
                session = session.next
            if session is not None and isinstance(value, Mark):
                session.take(value)
            elif session is not None:
                session.known = session.dirty = False
