"""A history in lists gives what it gives record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from processors.host import lists
from processors.host.places import Place
from schemas.record import Record

PLACE = Place("t", 0)
RECORDS = [Record("t", 0, i, i, None, b"") for i in range(10)]


class Plain:
    """Record by record."""

    def partitions(self, topic: str) -> int:
        return 1

    def bounds(self, place: Place) -> tuple[int, int]:
        return 0, len(RECORDS)

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        return iter(RECORDS[start:end])


class Cut(Plain):
    """With lists of its own, one of them empty."""

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        yield RECORDS[start:5]
        yield []
        yield RECORDS[5:end]


@pytest.mark.parametrize("history", [Plain(), Cut()])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_the_same_records_in_lists_that_are_not_empty(monkeypatch, history, step):
    monkeypatch.setattr(lists, "STEP_RECORDS", step)
    found = list(lists.lists_of(history, PLACE, 1, 9))
    assert all(found)
    assert [r for some in found for r in some] == RECORDS[1:9]
