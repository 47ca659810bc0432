"""The batch face of deduplication (KERNEL 25): new ids that continue their session's numbers, decided in place.

Plain is an action on its right partition under its right key, whose id (and content, if it did something) nobody has
seen for three slots of the window, and whose number, if it has one, is its session's highest plus one. What is sent
again within the window is dropped here, too. Everything else goes to `decide`. Both look into one index; what `decide`
would append goes into the open piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from processors.dedup.rules import MARK_MS, PIECE_BYTES, digest_prefix
from processors.dedup.sightings import RING, SLOT_S, WINDOW_S, Sightings, packed, unpacked
from processors.dedup.state import Mark, Window, encode_mark, mark_part, window_part, window_pieces
from processors.kernel.face import Aside, Parts
from schemas.codec import encode_values
from schemas.envelope import FLAGS
from schemas.head import glance, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import EFFECT, ActionDropped
from schemas.partitioning import partition_of
from schemas.record import Headers

# Sessions kept ready: about 700 bytes each with their key's digests, so 45 MB at worst. When full it starts anew.
SESSIONS = 65_536
# Texts of (resource, type) that were read with care: usually 60 bytes each, at most 8 KB, so at worst 32 MB.
WHATS = 4_096


class _Piece:
    """The part that takes the next sighting."""

    __slots__ = ("dirty", "entries", "part", "slot")

    def __init__(self, part: str, slot: int, entries: bytes) -> None:
        self.part, self.slot, self.entries, self.dirty = part, slot, bytearray(entries), False

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed."""
        self.dirty = False
        return window_pieces(self.slot, self.entries)


class _Session:
    """A session of an actor under a key: what its records need each time. `mark` is what `evolve` would make of it."""

    __slots__ = (
        "actor",
        "dirty",
        "highest",
        "key",
        "mark",
        "of_content",
        "of_id",
        "of_number",
        "part",
        "seen_at",
        "session",
        "tenant",
    )

    def __init__(self, key: bytes, tenant: str, actor: str, session: str) -> None:
        self.key, self.tenant, self.actor, self.session = key, tenant, actor, session.encode()
        self.of_id, self.of_number = digest_prefix(b"i", key), digest_prefix(b"n", key)
        self.of_content = digest_prefix(b"c", key)
        self.part = mark_part(key.decode(), session) if session else None
        self.mark: Mark | None = None
        self.highest = self.seen_at = 0
        self.dirty = False

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed: what `evolve` would make of the mark."""
        assert self.mark is not None  # nothing is touched before it was read
        self.dirty = False
        raw = encode_mark(self.highest, self.mark.floor, self.mark.holes, self.seen_at)
        return len(raw), (raw,)


class DedupFace:
    """See kernel.face.Face for what each method promises."""

    event = "ActionAdmitted"
    reason = "admitted"
    aside = "ActionDropped"
    aside_reasons: tuple[str, ...] = ("redelivered", "redelivered_event_id")

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._topic = topic
        self._partition, self._partitions = partition, partitions
        self._sessions: dict[bytes, _Session] = {}  # by tenant, actor and session as they stand in the head
        self._marked: dict[str, _Session] = {}  # by part
        self._whats: set[bytes] = set()
        self._sightings: Sightings = parts.index
        self._piece: _Piece | None = None

    # --- deciding -------------------------------------------------------------------------------------------------

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | Aside | None:
        """Admit a plain action, or drop one that was delivered again."""
        seen_by = glance(value)
        if seen_by is None:
            return None
        who, number, _, traits, what = seen_by
        session = self._sessions.get(who) or self._session(key, value, who)
        if session is None or session.key != key or (what not in self._whats and not self._what(value, what)):
            return None
        second = now // 1000
        slot = second // SLOT_S
        if slot != self._sightings.slot:
            self._sightings.turn(slot)
        current, before, oldest = self._sightings.kept
        of_id = blake2b(session.of_id + value[5:21], digest_size=16).digest()
        if of_id in current or of_id in before or of_id in oldest:
            return self._again(session, value, number, offset, headers, now, of_id)
        sightings = [of_id]
        numbered = session.part is not None and number >= 0
        if numbered:
            if session.mark is None and not self._mark(session):
                return None
            if number != session.highest + 1 or now - session.seen_at >= MARK_MS:
                return None
            sightings.append(blake2b(session.of_number + b"%d:" % number + session.session, digest_size=16).digest())
        if traits & EFFECT:
            content = blake2b(session.of_content + value[21:37], digest_size=16).digest()
            if content in current or content in before:
                return None
            sightings.append(content)
        if headers and any(name == FLAGS for name, _ in headers):
            return None
        sighted = packed(second % SLOT_S, 0, offset)
        for one in sightings:
            current[one] = sighted
        self._append(sightings, second, slot, offset)
        if numbered:
            session.highest, session.seen_at = number, now
            self._touch(session)
        return key

    def _again(
        self, session: _Session, value: bytes, number: int, offset: int, headers: Headers, now: int, of_id: bytes
    ) -> Aside | None:
        """Drop an action whose id lies in the window, as `decide` does; one that was known earlier is its matter."""
        second, sightings = now // 1000, self._sightings
        slot = second // SLOT_S
        found = sightings.find(of_id, slot)
        if found is None:
            slot -= 1
            found = sightings.find(of_id, slot)
            if found is None:
                return None
        within, _, first = unpacked(found)
        if second - (slot * SLOT_S + within) >= WINDOW_S or (headers and any(name == FLAGS for name, _ in headers)):
            return None
        numbered = session.part is not None and number >= 0
        if numbered and (session.mark is not None or self._mark(session)) and now - session.seen_at < MARK_MS:
            session.seen_at = now
            self._touch(session)
        event_id = value[5:21]
        # In the order of its fields.
        dropped = (
            session.tenant,
            session.actor,
            event_id,
            "redelivered",
            "event_id",
            self._topic,
            self._partition,
            offset,
            first,
            now,
            value,
        )
        return Aside(encode_values(ActionDropped, dropped), event_id)

    def _append(self, sightings: list[bytes], second: int, slot: int, offset: int) -> None:
        """What rules.append does, in place."""
        rest = (second % SLOT_S).to_bytes(2, "big") + b"\x00" + offset.to_bytes(8, "big")
        piece = self._piece
        for one in sightings:
            if piece is None or piece.slot != slot or len(piece.entries) >= PIECE_BYTES:
                piece = self._piece = self._open(slot)
            piece.entries += one + rest
            if not piece.dirty:
                piece.dirty = True
                self._parts.touch(piece.part, piece)

    def _session(self, key: bytes, value: bytes, who: bytes) -> _Session | None:
        """A session met for the first time, if its records belong here."""
        found = who_of(value, who)
        if found is None:
            return None
        tenant, actor, name = found
        if key != key_of(tenant, actor).encode() or partition_of(key, self._partitions) != self._partition:
            return None
        if len(self._sessions) >= SESSIONS:
            self._sessions, self._marked = {}, {}
        session = self._sessions[who] = _Session(key, tenant, actor, name)
        if session.part is not None:
            self._marked[session.part] = session
        return session

    def _touch(self, session: _Session) -> None:
        if not session.dirty:
            session.dirty = True
            assert session.part is not None
            self._parts.touch(session.part, session)

    def _mark(self, session: _Session) -> bool:
        assert session.part is not None
        mark: Mark | None = self._parts.get(session.part)
        if mark is None:
            return False
        session.mark, session.highest, session.seen_at = mark, mark.highest, mark.seen_at
        return True

    def _what(self, value: bytes, what: bytes) -> bool:
        if what_of(value, what) is None:
            return False
        if len(self._whats) >= WHATS:
            self._whats.clear()
        self._whats.add(what)
        return True

    # --- the window -----------------------------------------------------------------------------------------------

    def _open(self, slot: int) -> _Piece:
        """The piece that takes the next sighting, as rules.append finds it; an expired part's key is used again."""
        n = self._sightings.last
        while True:
            part = window_part(slot % RING, n)
            found: Window | None = self._parts.get(part)
            if found is None or found.slot != slot:
                self._parts.put(part, Window(slot, b""))
                return _Piece(part, slot, b"")
            if len(found.entries) < PIECE_BYTES:
                return _Piece(part, slot, found.entries)
            n += 1

    # --- beside `decide` ------------------------------------------------------------------------------------------

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """Read again what `decide` changed."""
        for part, value in changes.items():
            session = self._marked.get(part)
            if session is not None:
                session.mark, session.dirty = None, False
            if isinstance(value, Window):
                self._piece = None
