"""The batch face and the one-by-one face write the same bytes, wherever a batch is split (KERNEL 25)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernel.engine import Engine
from processors.signals import writes
from schemas import codec
from schemas.configuration import canonical
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.record import Output, Record
from tests.support.workloads import ROOMS, WIRED, Drawn, logs, one_by_one, written


class Batches:
    """Runs over records in batches of these lengths in turn; a length of 0 is one record by the one-by-one face."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = lengths
        self._next = 0

    def __call__(self, engine: Engine, records: Sequence[Record]) -> Iterable[Output]:
        at = 0
        while at < len(records):
            length = self._lengths[self._next % len(self._lengths)]
            self._next += 1
            if length == 0:
                yield from engine.advance(records[at]).outputs
                at += 1
                continue
            batch = records[at : at + length]
            found = engine.advance_all(batch)
            assert found.decided == len(batch)
            yield from found.outputs
            at += length


_lengths = st.lists(st.sampled_from([0, 1, 1, 2, 3, 7, 50, 1_000]), min_size=1, max_size=8)
_boundaries = st.lists(st.integers(1, 399), max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([30, 80, 97, 100]), st.integers(0, 50), _lengths, _boundaries)
def test_both_faces_write_the_same_bytes(
    seed: int, plain: int, again: int, lengths: list[int], boundaries: list[int]
) -> None:
    found: dict[str, Drawn] = logs(seed, 400, plain, again)
    for name in ROOMS:
        cuts = sorted({b for b in boundaries if b < len(found[name])}) or [200]
        expected = written(WIRED[name], found[name], one_by_one, cuts)
        assert written(WIRED[name], found[name], Batches(lengths), cuts) == expected, name


# What the drawn logs call `work.do` writes data here; the version is newer than any that they announce.
_WRITING = {
    "writes": [{"types": ["work_do"], "points": 10}],
    "intermittent": {"tries": 2, "window_s": 60},
    "dependencies": [{"name": "d", "resources": ["service/1"], "baseline_window_s": 60}],
}


@pytest.mark.parametrize("writers", [3, writes.WRITERS_PER_MINUTE])
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([30, 97, 100]), _lengths, _boundaries)
def test_both_faces_count_the_writes_of_a_minute_alike(
    writers: int, seed: int, plain: int, lengths: list[int], boundaries: list[int]
) -> None:
    drawn = logs(seed, 400, plain)["signals"]
    body = ConfigurationAnnounced("t", "signals", 1_000_000, "v", canonical(_WRITING))
    first = drawn[0]._replace(key=b"t", value=codec.encode(body), headers=())
    records = [record._replace(offset=at) for at, record in enumerate([first, *drawn])]
    cuts = sorted({b for b in boundaries if b < len(records)}) or [200]
    with patch.object(writes, "WRITERS_PER_MINUTE", writers):
        expected = written(WIRED["signals"], records, one_by_one, cuts)
        assert written(WIRED["signals"], records, Batches(lengths), cuts) == expected
