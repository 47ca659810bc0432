"""A history that does not reach far enough says so, and names the place and the position."""

from __future__ import annotations

import pytest

from processors.host import history
from processors.host.history import _records, check_bounds
from processors.host.places import Place
from processors.host.reader import Batch
from schemas.errors import MandateError
from schemas.record import Record
from tests.support.histories import ListHistory

PLACE = Place("orders.events", 2)


class Reader:
    """A reader whose batches are given."""

    def __init__(self, batches: list[Batch]) -> None:
        self._batches = batches
        self._at = 0

    def position(self, place: Place) -> int:
        return self._at

    def read(self, limit: int, seconds: float) -> Batch:
        batch = self._batches.pop(0) if self._batches else Batch()
        self._at = batch.positions.get(PLACE, self._at)
        return batch


def record(offset: int) -> Record:
    return Record(PLACE.topic, PLACE.partition, offset, 1_000, b"k", b"v")


def test_a_stretch_that_is_kept_is_taken():
    check_bounds(PLACE, 5, 9, (5, 9))


@pytest.mark.parametrize(
    ("start", "end", "code", "what"),
    [
        (4, 9, "history_begins_later", "orders.events[2]@4"),
        (5, 10, "history_ends_earlier", "orders.events[2]@10"),
    ],
)
def test_a_stretch_that_is_not_all_kept_is_refused(start, end, code, what):
    with pytest.raises(MandateError) as caught:
        check_bounds(PLACE, start, end, (5, 9))
    assert (caught.value.code, caught.value.what) == (code, what)


def test_it_ends_before_the_end_and_passes_markers():
    batches = [
        Batch((record(0), record(1)), {PLACE: 0}, {PLACE: 2}),
        Batch((), {PLACE: 2}, {PLACE: 3}),
        Batch((record(3), record(4)), {PLACE: 3}, {PLACE: 5}),
    ]
    assert [r.offset for r in _records(Reader(batches), PLACE, 4)] == [0, 1, 3]


def test_a_broker_that_gives_nothing_is_named(monkeypatch):
    monkeypatch.setattr(history, "SILENT_SECONDS", -1.0)
    with pytest.raises(MandateError) as caught:
        list(_records(Reader([]), PLACE, 1))
    assert (caught.value.code, caught.value.what) == ("history_silent", "orders.events[2]@0")


def test_a_time_is_found_by_halves():
    records = {PLACE: [record(n) for n in (0, 1, 4, 5, 9)]}
    records[PLACE] = [r._replace(append_time=100 * n) for n, r in enumerate(records[PLACE])]
    kept = ListHistory({PLACE.topic: 3}, records, {PLACE: 11})
    assert [history.since(kept, PLACE, t) for t in (0, 1, 100, 200, 399, 400, 401)] == [0, 1, 1, 2, 6, 6, 10]
