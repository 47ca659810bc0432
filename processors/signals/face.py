"""The batch face of signals (KERNEL 25): a normal action, which says nothing and changes nothing.

Plain is an action without error, change, effect or label on a resource none of whose failures waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from processors.kernel.face import Parts
from processors.signals.state import Held
from schemas.head import glance, what_of, who_of
from schemas.messages.actions import CHANGE, EFFECT, ERROR, LABEL
from schemas.record import Headers

# Texts that were read with care: usually 60 bytes each, at most 12 KB; twice 16,384 are 2 MB, 400 MB if somebody tries.
TEXTS = 4_096


class SignalsFace:
    """See kernel.face.Face for what each method promises."""

    event = ""  # a normal action goes nowhere
    reason = "normal"
    aside = ""
    aside_reasons: tuple[str, ...] = ()

    def __init__(self, parts: Parts, topic: str, partition: int, partitions: int) -> None:
        self._parts = parts
        self._whos: set[bytes] = set()
        self._whats: set[bytes] = set()
        self._waiting: dict[bytes, set[str]] | None = None  # by Kafka key: the parts of failures that wait

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | None:
        """Pass over a normal action."""
        seen = glance(value)
        if seen is None:
            return None
        who, _, _, traits, what = seen
        if traits & (ERROR | CHANGE | EFFECT | LABEL) or key in self._failures():
            return None
        if who not in self._whos and not _keep(self._whos, who, who_of(value, who)):
            return None
        if what not in self._whats and not _keep(self._whats, what, what_of(value, what)):
            return None
        return key if key.isascii() or _is_text(key) else None

    def _failures(self) -> dict[bytes, set[str]]:
        if self._waiting is None:
            self._waiting = {}
            for part, _ in self._parts.all_of(Held):
                self._waiting.setdefault(_key(part), set()).add(part)
        return self._waiting

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """Which failures wait now."""
        if self._waiting is None:
            return
        for part, held in changes.items():
            key = _key(part)
            if held is not None:
                self._waiting.setdefault(key, set()).add(part)
            elif key in self._waiting:
                self._waiting[key].discard(part)
                if not self._waiting[key]:
                    del self._waiting[key]


def _keep(texts: set[bytes], raw: bytes, found: object | None) -> bool:
    if found is None:
        return False
    if len(texts) >= TEXTS:
        texts.clear()
    texts.add(raw)
    return True


def _key(part: str) -> bytes:
    """The Kafka key of a waiting failure's part (state.held_part)."""
    return part.rsplit("/held/", 1)[0].encode()


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True
