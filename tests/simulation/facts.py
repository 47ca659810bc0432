"""What a run left behind, in a form that checkers can ask: receipts of the outside, and every record of every topic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from schemas import codec
from schemas.errors import SchemaError
from schemas.head import Head, read_head
from schemas.messages.tables import STREAMS
from schemas.record import Record
from tests.simulation.hands import Pages
from tests.simulation.outside import Receipts
from tests.simulation.town import Town
from tests.support.histories import ListHistory, recorded


@dataclass
class Facts:
    """One finished run. `broken` collects what a checker found, as sentences that begin with the invariant."""

    town: Town
    receipts: Receipts
    pages: Pages
    broken: list[str] = field(default_factory=list)
    # (cause, kind, key) -> ids of what says that it was caused so.
    children: dict[tuple[bytes, str, str], list[bytes]] = field(default_factory=dict)
    # tenant -> which failure belongs to which incident (check_groups.Families).
    families: dict[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> MemoryLog:
        """The log."""
        return self.town.log

    @cached_property
    def owners(self) -> dict[bytes, str]:
        """Whose each action is that was sent."""
        return {a.event_id: a.tenant for a in self.receipts.raw.values() if a is not None}

    @cached_property
    def types(self) -> dict[bytes, str]:
        """The class of each failure that was sent."""
        return {a.event_id: a.error.type for a in self.receipts.raw.values() if a is not None and a.error is not None}

    @cached_property
    def history(self) -> ListHistory:
        """Every committed record."""
        return recorded(self.log, {t.name: t.partitions for t in self.town.map.topics.values()})

    def records(self, topic: str) -> list[Record]:
        """A topic's committed records, by partition and offset."""
        return self.history.of(topic)

    def said(self, topic: str) -> list[tuple[Record, Any]]:
        """A topic's records with their messages; what cannot be decoded is left out."""
        found = self._said.get(topic)
        if found is None:
            words = codec.Words(STREAMS[self.town.map.topics[topic].stream])
            found = self._said[topic] = list(_decoded(words, self.records(topic)))
        return found

    def of(self, topic: str, *kinds: type) -> list[tuple[Record, Any]]:
        """Those of some classes."""
        return [(r, m) for r, m in self.said(topic) if isinstance(m, kinds)]

    @cached_property
    def _said(self) -> dict[str, list[tuple[Record, Any]]]:
        return {}

    def actions(self, topic: str) -> list[tuple[Record, Head]]:
        """A topic's actions by their heads."""
        out = []
        for record in self.records(topic):
            try:
                out.append((record, read_head(record.value or b"")))
            except SchemaError:
                continue
        return out

    def expect(self, what: str, wanted: Any, found: Any) -> None:
        """Say so when the two differ."""
        if wanted != found:
            self.broken.append(f"{what}: wanted {shortened(wanted)}, found {shortened(found)}")

    def hash(self) -> str:
        """One hash of everything on the log: markers and aborted records included."""
        digest = sha256()
        for topic in sorted(self.town.map.topics):
            for partition in range(self.log.partitions(topic)):
                place = Place(topic, partition)
                low, _, high = self.log.ends(place)
                digest.update(repr((place, high)).encode())
                for r in self.log.read(place, low, high - low, committed=False)[0]:
                    digest.update(repr(tuple(r)).encode())
        return digest.hexdigest()


def _decoded(words: codec.Words, records: list[Record]) -> Iterator[tuple[Record, Any]]:
    for record in records:
        try:
            yield record, words.decode(record.value)
        except SchemaError:
            continue


def shortened(value: Any, most: int = 300) -> str:
    """A value as text that fits into a line."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def difference(wanted: list[Any], found: list[Any]) -> str | None:
    """How two lists differ, or None."""
    if wanted == found:
        return None
    missing = [w for w in wanted if w not in found]
    extra = list(found)
    for w in wanted:
        if w in extra:
            extra.remove(w)
    if not missing and not extra:
        return "the same in another order"
    return f"{len(missing)} missing {shortened(missing, 120)}, {len(extra)} too many {shortened(extra, 120)}"
