"""The dedup read model when a script fails half-way: done again in whatever batches, it is what one reading gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.host.places import Place
from projections.dedup import project as module
from projections.dedup.project import SLOT_MS, WINDOW_MS
from projections.dedup.store import DedupWriter
from projections.redis_store import Mark, Planned
from tests.unit.projections.records import Log, an_action
from tests.unit.projections.sightings import KINDS

PLACES = (Place("actions.raw", 0), Place("actions.unique", 0))
LENGTH = {"set": 4, "del": 3, "keep": 5, "line": 5, "drop": 2}


class Books:
    """Redis as far as the writer knows it: hashes, sets, and positions that move last."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        self.members: dict[str, set[str]] = {}
        self.marks = {place: Mark(0, whole=True) for place in PLACES}

    def hgetall(self, key: str) -> Mapping[bytes, bytes]:
        return self.hashes.get(key, {})

    def hgets(self, asked: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        return [self.hashes.get(key, {}).get(name) for key, name in asked]

    def write(self, planned: Planned, most: int) -> bool:
        """As the script does it, up to its `most`-th step; whether it came to its end."""
        steps = [*_steps(planned.operations.words)]
        steps += [("since", place, since) for place, since in planned.since.items()]
        steps += _steps(planned.operations.last)
        for step in steps[:most]:
            self._do(*step)
        return most >= len(steps)

    def _do(self, op: str, *words: Any) -> None:
        match op, *words:
            case "since", place, since:
                self.marks[place] = Mark(self.marks[place].next_offset, self.marks[place].at, since)
            case "set", key, name, value:
                self.hashes.setdefault(key, {})[_bytes(name)] = _bytes(value)
            case "del", key, name:
                self.hashes.get(key, {}).pop(_bytes(name), None)
            case "drop", members:
                for key in self.members.pop(members, set()):
                    self.hashes.pop(key, None)
            case _, key, name, value, members:
                told = self.hashes.setdefault(key, {})
                if op == "keep" or name not in told:
                    told[_bytes(name)] = _bytes(value)
                self.members.setdefault(members, set()).add(key)

    def seen(self) -> tuple[Any, ...]:
        return {k: v for k, v in self.hashes.items() if v}, self.members, self.marks


def _bytes(word: Any) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def _steps(words: Sequence[Any]) -> list[tuple[Any, ...]]:
    found, at = [], 0
    while at < len(words):
        found.append(tuple(words[at : at + LENGTH[words[at]]]))
        at += LENGTH[words[at]]
    return found


def read(records: Sequence[Any], draw: Random | None) -> Books:
    """All records, in one batch; or in drawn ones, of which some are written half-way and done again."""
    books, writer = Books(), DedupWriter(KINDS)
    while True:
        left = [r for r in records if r.offset >= books.marks[Place(r.topic, r.partition)].next_offset]
        if not left:
            return books
        batch = left[: draw.randint(1, 12)] if draw else left
        planned = writer.plan(books, batch, dict(books.marks))
        if not books.write(planned, draw.randint(0, 40) if draw and draw.randrange(2) else 1_000_000):
            writer = DedupWriter(KINDS)
            continue
        for record in batch:
            place = Place(record.topic, record.partition)
            before = books.marks[place]
            since = record.append_time if before.since is None else before.since
            books.marks[place] = Mark(record.offset + 1, max(before.at or 0, record.append_time), since, before.whole)
        planned.adopt()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 3)), max_size=40), st.integers())
def test_what_was_written_half_way_counts_once(steps, seed):
    raw, unique = Log("actions.raw", step=0), Log("actions.unique", step=0)
    for n, (session, number, pause) in enumerate(steps):
        raw.now += (0, 20_000, SLOT_MS, WINDOW_MS + SLOT_MS)[pause]
        unique.now = raw.now
        action = an_action(n, session=f"run-{session}", sequence=number)
        raw.add(action)
        unique.add(action)
    records = sorted([*raw.records, *unique.records], key=lambda r: (r.append_time, r.offset, r.topic))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIGHTINGS_MAX", 9)
        assert read(records, Random(seed)).seen() == read(records, None).seen()
