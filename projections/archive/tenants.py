"""Pure: whose record it is. Told by the head, by the key, or by what the record says; None where nobody can tell.

None stays for ticks, the processors' Progress and answered commands, and deduplication's window: they hold positions,
random ids and digests, and belong to a partition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from projections.reading import ACTIONS, action_frames
from schemas import codec, ids
from schemas.codec import PREFIX_BYTES
from schemas.errors import SchemaError
from schemas.head import Head, read_head
from schemas.messages.kernel import DeadLetter
from schemas.messages.tables import STREAMS
from schemas.topology import Topology

# Keys of a changelog (processors/kernel/engine.py, processors/dedup/state.py).
_KERNEL = b"\x00"
_CONFIGURATION = b"\x00config/"
_WINDOW = b"window/"
_MARK = b"mark"

Whose = Callable[[bytes | None, bytes | None], str | None]


class Tenants:
    """Whose records are, by topic."""

    def __init__(self, topology: Topology) -> None:
        self._heads = {t.name for t in topology.topics.values() if t.stream == ACTIONS}
        self._keyed = {t.name for t in topology.topics.values() if t.key.split("/")[0] == "tenant"}
        window = topology.rooms["dedup"].changelog if "dedup" in topology.rooms else None
        self._whose: dict[str, Whose] = {}
        for topic in topology.topics.values():
            if topic.name in self._keyed:
                self._whose[topic.name] = _by_key
            elif topic.stream == "changelog":
                self._whose[topic.name] = _by_part_beside_windows if topic.name == window else _by_part
            elif topic.stream == "dead.letters":
                self._whose[topic.name] = self._by_letter
            else:
                self._whose[topic.name] = _Told(STREAMS[topic.stream])

    def heads(self, topic: str) -> bool:
        """Whether records of a topic are actions."""
        return topic in self._heads

    def of(self, topic: str, key: bytes | None, value: bytes | None) -> str | None:
        """Whose a record is."""
        head = head_of(value, action_frames()) if topic in self._heads else None
        return self.by_key(topic, key, value) if head is None else head.tenant

    def by_key(self, topic: str, key: bytes | None, value: bytes | None) -> str | None:
        """Whose a record without a head is."""
        whose = self._whose.get(topic)
        return None if whose is None else whose(key, value)

    def _by_letter(self, key: bytes | None, value: bytes | None) -> str | None:
        letter = _LETTER(key, value)
        if not isinstance(letter, DeadLetter):
            return None
        if letter.tenant is not None:
            return letter.tenant
        if letter.part is not None:
            return _by_part_beside_windows(letter.part.encode(), None)
        if self._whose.get(letter.topic) == self._by_letter:
            return None  # no processor reads dead letters; whoever wrote this wants us to go on for ever
        # What it says of itself, and else what its key claims.
        return self.of(letter.topic, letter.key, letter.original)


def head_of(value: bytes | None, frames: frozenset[bytes]) -> Head | None:
    """The head of an action, or None where there is no sound one."""
    if value is None or value[:PREFIX_BYTES] not in frames:
        return None
    try:
        return read_head(value)
    except SchemaError:
        return None  # kept as it is: deduplication puts it into dead.letters


class _Message:
    """What a record says, or None where it cannot be read."""

    def __init__(self, messages: tuple[type, ...]) -> None:
        self._words = codec.Words(messages)

    def __call__(self, key: bytes | None, value: bytes | None) -> Any:
        try:
            return self._words.decode(value)
        except SchemaError:
            return None


class _Told(_Message):
    """The tenant that a message names."""

    def __call__(self, key: bytes | None, value: bytes | None) -> str | None:
        found: str | None = getattr(super().__call__(key, value), "tenant", None)
        return found


_LETTER = _Message((DeadLetter,))


def _by_key(key: bytes | None, value: bytes | None) -> str | None:
    if not key:
        return None
    try:
        return ids.unescape(key.split(b"/", 1)[0].decode())
    except UnicodeDecodeError:
        return None


def _by_part(key: bytes | None, value: bytes | None) -> str | None:
    if key is None or not key.startswith(_KERNEL):
        return _by_key(key, value)
    return _by_key(key.removeprefix(_CONFIGURATION), value) if key.startswith(_CONFIGURATION) else None


def _by_part_beside_windows(key: bytes | None, value: bytes | None) -> str | None:
    # Both have four components; a window's third is a number, and that of a tenant called "window" is this word.
    if key is not None and key.startswith(_WINDOW) and key.split(b"/")[2:3] != [_MARK]:
        return None
    return _by_part(key, value)
