"""The batch face and the one-by-one face write the same bytes, wherever a batch is split (KERNEL 25)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernel.engine import Engine
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
