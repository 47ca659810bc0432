"""What three processors write over drawn logs, byte by byte, as it was recorded before they were made quicker.

A difference here is a difference of decisions: it needs a new DECISION_VERSION, and then new figures here. Newer
versions of a message are none: the bytes are written with the schemas of the day on which they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from processors.kernel.engine import Engine
from schemas import codec
from schemas.record import Output, Record
from tests.support.workloads import ROOMS, WIRED, Run, fingerprint, log, logs, one_by_one, written

# (seed, actions, plain of a hundred): outputs, changelog and Progress of every transaction of 25 records.
RECORDED = {
    (1, 3000, 80): {
        "dedup": "ffb6f2a5057a1a13e3873b452777964a1267e6b9211c6867f3156f1ce8f97dee",
        "ordering": "3167ef1d1d3814ef62e66995560a48a438ebf12a13516f53b904fee59ef728d6",
        "signals": "30e62a6bd731be49cd54f3e929461eb24471f34c15a11c77dbe7d02b1d7b7d3c",
    },
    (2, 3000, 97): {
        "dedup": "0a13a11da461069dff7aa32c6ef9f16b3f677d38164e267434fb9e3811fef961",
        "ordering": "de3f7b5d08dba1be3f886b3fab4a21690b74bdbff231406a9e1dac6e87b8b91b",
        "signals": "a8ffb6efbef125995c60fc897fc6a990a4a830a4c21c543e2b071749eeeb8394",
    },
    (3, 1500, 30): {
        "dedup": "0903393c3a75c7dd0e342c67081361f5b5bf8c3ad740e189c0d607b1adf3a4b4",
        "ordering": "12e313b07c65986fda64055fe4742cfa5e5916c94a5245a21c3effd3753ecac0",
        "signals": "545db25d8ea33e3e0b1880d09ca4e6b51f9c7ec16d5a5ca303c3b94c3bf11a07",
    },
}

# The same for dedup over logs of which 10 or 50 of a hundred records were there before: (…, again of a hundred).
AGAIN = {
    (4, 3000, 97, 10): "7e741eb994ac1284bf54caed8fe51ed4d023f80e311b6a73d6c7cadd51a6777a",
    (5, 2000, 80, 50): "1967c29688b80f79d508dea71b79191d5735e82c82b6b3efc326c5eade7672c3",
}

# The highest id of the day on which each was recorded.
SCHEMAS = {"dedup": 92, "ordering": 228, "signals": 228}


def found_in(drawn: tuple[int, int, int], run: Run) -> dict[str, str]:
    """The hash of each processor over its drawn log."""
    drawn_logs, out = logs(*drawn), {}
    for name in ROOMS:
        with codec.writing_as(SCHEMAS[name]):
            out[name] = fingerprint(written(WIRED[name], drawn_logs[name], run))
    return out


@pytest.mark.parametrize("drawn", sorted(RECORDED))
def test_the_bytes_are_those_that_were_recorded(drawn: tuple[int, int, int]) -> None:
    assert found_in(drawn, one_by_one) == RECORDED[drawn]


def in_batches(engine: Engine, records: Sequence[Record]) -> Iterable[Output]:
    return engine.advance_all(records).outputs


def test_the_batch_faces_write_them_too() -> None:
    drawn = (2, 3000, 97)
    assert found_in(drawn, in_batches) == RECORDED[drawn]


@pytest.mark.parametrize("drawn", sorted(AGAIN))
@pytest.mark.parametrize("run", [one_by_one, in_batches])
def test_what_is_sent_again_is_dropped_with_the_bytes_that_were_recorded(
    drawn: tuple[int, int, int, int], run: Run
) -> None:
    with codec.writing_as(SCHEMAS["dedup"]):
        assert fingerprint(written(WIRED["dedup"], log(*drawn), run)) == AGAIN[drawn]
