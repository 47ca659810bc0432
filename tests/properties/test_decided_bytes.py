"""What three processors write over drawn logs, byte by byte, as it was recorded before they were made quicker.

A difference here is a difference of decisions: it needs a new DECISION_VERSION, and then new figures here. Newer
versions of a message are none: the bytes are written with the schemas of the day on which they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest

from processors.kernel.engine import Engine
from schemas import codec
from schemas.record import Output, Record
from tests.support.workloads import ROOMS, WIRED, Run, fingerprint, log, logs, one_by_one, written

# (seed, actions, plain of a hundred): outputs, changelog and Progress of every transaction of 25 records.
RECORDED = {
    (1, 3000, 80): {
        "dedup": "ffb6f2a5057a1a13e3873b452777964a1267e6b9211c6867f3156f1ce8f97dee",
        "ordering": "c0ea3bbbf55aa4c60b2ff2170bf9add6476a35f424fb955dff207452b9725230",
        "signals": "d34a3f6b3edad195962cbbc746bde324aa6b8dcfdd0091225226089900276001",
    },
    (2, 3000, 97): {
        "dedup": "0a13a11da461069dff7aa32c6ef9f16b3f677d38164e267434fb9e3811fef961",
        "ordering": "9e7d638e494789bc61f40654eb3e2f2196a576f02304ad4da4930d1daa583d68",
        "signals": "55b3589f2cd7997305da2c4d16c38bf192c8b8ef93e2fb8b2c9070e1a7845024",
    },
    (3, 1500, 30): {
        "dedup": "0903393c3a75c7dd0e342c67081361f5b5bf8c3ad740e189c0d607b1adf3a4b4",
        "ordering": "fed001b6f083c598c1a62692f3eaf9c184545ee922b2762630a9c64cd2220f47",
        "signals": "7036003fe699958a2080a6040a30f9ac6fe5d0aaa8f1d70765b3eb7b8e58a6a2",
    },
}

# The same for dedup over logs of which 10 or 50 of a hundred records were there before: (…, again of a hundred).
AGAIN = {
    (4, 3000, 97, 10): "7e741eb994ac1284bf54caed8fe51ed4d023f80e311b6a73d6c7cadd51a6777a",
    (5, 2000, 80, 50): "1967c29688b80f79d508dea71b79191d5735e82c82b6b3efc326c5eade7672c3",
}

SCHEMAS = 92  # the highest id of that day


@pytest.fixture(autouse=True)
def schemas_of_that_day() -> Iterator[None]:
    with codec.writing_as(SCHEMAS):
        yield


@pytest.mark.parametrize("drawn", sorted(RECORDED))
def test_the_bytes_are_those_that_were_recorded(drawn: tuple[int, int, int]) -> None:
    found = logs(*drawn)
    assert {name: fingerprint(written(WIRED[name], found[name], one_by_one)) for name in ROOMS} == RECORDED[drawn]


def in_batches(engine: Engine, records: Sequence[Record]) -> Iterable[Output]:
    return engine.advance_all(records).outputs


def test_the_batch_faces_write_them_too() -> None:
    drawn = (2, 3000, 97)
    found = logs(*drawn)
    assert {name: fingerprint(written(WIRED[name], found[name], in_batches)) for name in ROOMS} == RECORDED[drawn]


@pytest.mark.parametrize("drawn", sorted(AGAIN))
@pytest.mark.parametrize("run", [one_by_one, in_batches])
def test_what_is_sent_again_is_dropped_with_the_bytes_that_were_recorded(
    drawn: tuple[int, int, int, int], run: Run
) -> None:
    assert fingerprint(written(WIRED["dedup"], log(*drawn), run)) == AGAIN[drawn]
