"""The batch face of deduplication (KERNEL 25): new ids that continue their session's numbers, decided in place.

Plain is an action on its right partition under its right key, whose id (and content, if it did something) nobody has
seen for three slots of the window, and whose number, if it has one, is its session's highest plus one. What is sent
again within the window is dropped here, too. Everything else goes to `decide`. Both look into one index; what `decide`
would append goes into the open piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Any, cast

from processors.dedup.drops import Redelivered
from processors.dedup.rules import MARK_MS, PIECE_BYTES, digest_prefix
from processors.dedup.sightings import (
    ENTRY,
    ENTRY_BYTES,
    RING,
    SECOND_BITS,
    SLOT_S,
    TIMES_BITS,
    WINDOW_S,
    Sightings,
    unpacked,
)
from processors.dedup.state import (
    Mark,
    Window,
    encode_mark,
    key_of_mark,
    mark_of,
    mark_part,
    window_part,
    window_pieces,
)
from processors.kernel.face import Aside, Parts
from schemas.envelope import FLAGS
from schemas.head import TEXTS, glance, numbers_at, what_at, what_of, who_of
from schemas.ids import key_of
from schemas.messages.actions import EFFECT
from schemas.partitioning import partition_of
from schemas.record import Headers

# Sessions kept ready: about 600 bytes each, so 80 MB at worst; 100,000 live actors of one partition have room. When
# full it starts anew.
SESSIONS = 131_072
# Sessions of one actor that are kept beside that of its last record, looked at one by one.
BESIDE = 8
# Texts of (resource, type) that were read with care: usually 60 bytes each, at most 8 KB, so at worst 32 MB.
WHATS = 4_096
# A sighting as rules.append packs it: digest, second within its slot, times, offset; and the two of a numbered action.
_ONE = ENTRY.pack
_TWO = Struct(">16sHBQ16sHBQ").pack
TWO_FIT = PIECE_BYTES - ENTRY_BYTES  # a piece shorter than this takes two more


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
    """A session of an actor under a key: what its records need each time. `mark` is what `evolve` would make of it.

    `who` and `end`: its texts as they stand in a head, and where they end; `what`: those of its last record. `next`:
    another session of the same actor. Its mark is `known` when `decide` has made one and it was taken over.
    """

    __slots__ = (
        *("dirty", "end", "floor", "highest", "holes", "known", "next", "of_id", "of_number", "part", "seen_at"),
        *("session", "what", "who"),
    )

    def __init__(self, key: bytes, who: bytes, what: bytes, session: str) -> None:
        self.who, self.end, self.what = who, TEXTS + len(who), what
        self.session = session.encode()
        self.of_id, self.of_number = digest_prefix(b"i", key), digest_prefix(b"n", key)
        self.part = mark_part(key.decode(), session) if session else None
        self.next: _Session | None = None
        self.highest = self.seen_at = self.floor = 0
        self.holes: tuple[int, ...] = ()
        self.known = self.dirty = False

    def take(self, mark: Mark) -> None:
        """Take over what `decide` has."""
        self.highest, self.floor, self.holes, self.seen_at = mark.highest, mark.floor, mark.holes, mark.seen_at
        self.known, self.dirty = True, False

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """See kernel.face.Changed: what `evolve` would make of the mark."""
        self.dirty = False
        raw = encode_mark(self.highest, self.floor, self.holes, self.seen_at)
        return len(raw), (raw,)


class DedupFace:
    """See kernel.face.Face for what each method promises."""

    event = "ActionAdmitted"
    reason = "admitted"
    aside = "ActionDropped"
    aside_reasons: tuple[str, ...] = ("redelivered", "redelivered_event_id")

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._drops = Redelivered(topic, partition)
        self._partition, self._partitions = partition, partitions
        self._last: dict[bytes, _Session] = {}  # by Kafka key: that of its last record
        self._kept = 0  # sessions since it was last begun anew
        self._whats: dict[bytes, bytes] = {}  # each by itself: sessions share them
        self._sightings: Sightings = parts.index
        self._piece: _Piece | None = None
        # The second of the last record: log time from `_from` on and before `_until` (ms).
        self._from = self._until = self._second = self._slot = 0

    # --- deciding -------------------------------------------------------------------------------------------------

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | Aside | None:
        """Admit a plain action, or drop one that was delivered again."""
        session = self._last.get(key)
        if session is None or not value.startswith(session.who, TEXTS):
            session = self._met(key, value)
            if session is None:
                return None
        numbers = numbers_at(value, session.end)
        if numbers is None:
            return None
        number, _, traits, texts = numbers
        if not value.startswith(session.what, texts) and not self._what(session, value, texts):
            return None
        if not self._from <= now < self._until:
            self._tick(now)
        current, before, oldest = self._sightings.kept
        of_id = blake2b(session.of_id + value[5:21], digest_size=16).digest()
        if of_id in current or of_id in before or of_id in oldest:
            return self._again(session, value, number, offset, headers, now, of_id)
        if headers and any(name == FLAGS for name, _ in headers):
            return None
        of_number = content = None
        if number >= 0 and session.part is not None:
            if not session.known and not self._mark(session):
                return None
            if number != session.highest + 1 or now - session.seen_at >= MARK_MS:
                return None
            of_number = blake2b(session.of_number + b"%d:" % number + session.session, digest_size=16).digest()
        if traits & EFFECT:
            content = blake2b(digest_prefix(b"c", key) + value[21:37], digest_size=16).digest()
            if content in current or content in before:
                return None
        # What sightings.packed makes of it, with `times` 0.
        current[of_id] = sighted = (offset << SECOND_BITS | self._second) << TIMES_BITS
        if of_number is None:
            self._append(of_id, offset)
        else:
            current[of_number] = sighted
            piece = self._piece
            if piece is not None and piece.dirty and piece.slot == self._slot and len(piece.entries) < TWO_FIT:
                piece.entries += _TWO(of_id, self._second, 0, offset, of_number, self._second, 0, offset)
            else:
                self._append(of_id, offset)
                self._append(of_number, offset)
        if content is not None:
            current[content] = sighted
            self._append(content, offset)
        if of_number is not None:
            session.highest, session.seen_at = number, now
            if not session.dirty:
                self._touch(session)
        return key

    def _tick(self, now: int) -> None:
        """Another second."""
        second = now // 1000
        self._from, self._until = second * 1000, second * 1000 + 1000
        self._slot, self._second = divmod(second, SLOT_S)
        if self._slot != self._sightings.slot:
            self._sightings.turn(self._slot)

    def _again(
        self, session: _Session, value: bytes, number: int, offset: int, headers: Headers, now: int, of_id: bytes
    ) -> Aside | None:
        """Drop an action whose id lies in the window, as `decide` does; one that was known earlier is its matter."""
        slot, age = self._slot, self._second  # of the slot's begin
        found = self._sightings.find(of_id, slot)
        if found is None:
            found = self._sightings.find(of_id, slot - 1)
            if found is None:
                return None
            age += SLOT_S
        within, _, first = unpacked(found)
        if age - within >= WINDOW_S or (headers and any(name == FLAGS for name, _ in headers)):
            return None
        numbered = session.part is not None and number >= 0
        if numbered and (session.known or self._mark(session)) and now - session.seen_at < MARK_MS:
            session.seen_at = now
            if not session.dirty:
                self._touch(session)
        return Aside(self._drops.message(value, session.end, session.session, offset, first, now), value[5:21])

    def _append(self, what: bytes, offset: int) -> None:
        """What rules.append does, in place."""
        piece = self._piece
        if piece is None or piece.slot != self._slot or len(piece.entries) >= PIECE_BYTES:
            piece = self._piece = self._open(piece)
        piece.entries += _ONE(what, self._second, 0, offset)
        if not piece.dirty:
            piece.dirty = True
            self._parts.touch(piece.part, piece)

    # --- what is known of a session -------------------------------------------------------------------------------

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
            session = self._session(key, who, seen[4], True)
        elif session is None or session.who != who:
            session = self._session(key, who, seen[4], False)
            if session is not None:
                before.next = None  # what was kept longest is kept no more, if there are too many
                session.next = first
        else:
            before.next, session.next = session.next, first
        if session is not None:
            self._last[key] = session
        return session

    def _session(self, key: bytes, who: bytes, what: bytes, unknown: bool) -> _Session | None:
        """A session met for the first time, if its records belong here; `unknown`: so is its actor."""
        found, shared = who_of(who), self._shared(what)
        if found is None or shared is None:
            return None
        tenant, actor, name = found
        if key != key_of(tenant, actor).encode():
            return None
        if unknown and partition_of(key, self._partitions) != self._partition:
            return None
        if self._kept >= SESSIONS:
            self._last, self._kept = {}, 0
        self._kept += 1
        return _Session(key, who, shared, name)

    def _touch(self, session: _Session) -> None:
        session.dirty = True
        assert session.part is not None
        self._parts.touch(session.part, session)

    def _mark(self, session: _Session) -> bool:
        assert session.part is not None
        raw = self._parts.raw(session.part)
        if raw is None:
            return False
        session.take(mark_of(raw) or cast(Mark, self._parts.get(session.part)))
        return True

    def _what(self, session: _Session, value: bytes, texts: int) -> bool:
        """Whether resource and type, which are not those of the session's last record, are what care reads there."""
        what = what_at(value, texts)
        shared = None if what is None else self._shared(what)
        if shared is None:
            return False
        session.what = shared
        return True

    def _shared(self, what: bytes) -> bytes | None:
        """Resource and type as they were first seen, if they are what care reads there."""
        found = self._whats.get(what)
        if found is None and what_of(what) is not None:
            if len(self._whats) >= WHATS:
                self._whats.clear()
            found = self._whats[what] = what
        return found

    # --- the window -----------------------------------------------------------------------------------------------

    def _open(self, full: _Piece | None) -> _Piece:
        """The piece that takes the next sighting, as rules.append finds it; an expired part's key is used again.

        `full`: the last one of this slot, if it was this face that filled it.
        """
        slot, n = self._slot, self._sightings.last
        if full is not None and full.slot == slot:
            n += 1
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
            if isinstance(value, Window):
                self._piece = None
                continue
            session = self._last.get(key_of_mark(part))
            while session is not None and session.part != part:
                session = session.next
            if session is None:
                continue
            if isinstance(value, Mark):
                session.take(value)
            else:
                session.known = session.dirty = False
