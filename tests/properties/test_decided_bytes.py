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
        "ordering": "a978c84796c13f5e8229921efe0587706c565393fe0ed97b428aeab034c52cea",
        "signals": "6a981407bf4cecf37f8394f923737bf49781ad348c1f59d860042d53d3759e37",
    },
    (2, 3000, 97): {
        "dedup": "0a13a11da461069dff7aa32c6ef9f16b3f677d38164e267434fb9e3811fef961",
        "ordering": "8d47ab1b1857d0ba978e1381cfe277c7d6e8f60a526c44226ade843062e63d43",
        "signals": "698e388d213c50d73375c6775081a6032240cf5326a1e8b2771f9705506a3bcc",
    },
    (3, 1500, 30): {
        "dedup": "0903393c3a75c7dd0e342c67081361f5b5bf8c3ad740e189c0d607b1adf3a4b4",
        "ordering": "2422dd6d307d577541e82b9320e32a7d06e95dc2d24a228cc0e922fb0d25a53a",
        "signals": "ac5c5bba07f6ee427c33a7d8bd470a88e8bd0d7742e93533b65aa3b1228ffde5",
    },
}

# The same for dedup over logs of which 10 or 50 of a hundred records were there before: (…, again of a hundred).
AGAIN = {
    (4, 3000, 97, 10): "7e741eb994ac1284bf54caed8fe51ed4d023f80e311b6a73d6c7cadd51a6777a",
    (5, 2000, 80, 50): "1967c29688b80f79d508dea71b79191d5735e82c82b6b3efc326c5eade7672c3",
}

# The highest id of the day on which each was recorded.
SCHEMAS = {"dedup": 92, "ordering": 195, "signals": 195}


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
