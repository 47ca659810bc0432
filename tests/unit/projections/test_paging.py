"""Cursors lose and repeat nothing, whatever arrives between two pages, and whatever clocks do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.host.places import Place
from projections import paging
from projections.errors import BadRequest
from projections.paging import Mark

KIND = "test.arrival"


def _row(partition: int, offset: int, time: int) -> dict[str, Any]:
    return {"topic": "t", "partition": partition, "offset": offset, "append_time": time}


def _places(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ends = dict.fromkeys(range(3), 0)
    for row in rows:
        ends[row["partition"]] = max(ends[row["partition"]], row["offset"] + 1)
    return [{"topic": "t", "partition": p, "next_offset": n} for p, n in ends.items()]


def _after(rows: list[dict[str, Any]], marks: paging.Marks, limit: int, newest: bool) -> list[dict[str, Any]]:
    """What the query gives: of each place the next limit + 1 rows by offset."""
    out = []
    for place, mark in marks.items():
        mine = [r for r in rows if r["partition"] == place.partition]
        beyond = [r for r in mine if (r["offset"] < mark.offset if newest else r["offset"] > mark.offset)]
        out += sorted(beyond, key=lambda r: r["offset"], reverse=newest)[: limit + 1]
    return out


# Per arrival: its partition and the step of the append time, which a broker's clock may set back.
ARRIVALS = st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 10)), max_size=60)


def _arrive(arrivals: list[tuple[int, int]]) -> list[dict[str, Any]]:
    offsets, times, rows = [0, 0, 0], [100, 100, 100], []
    for partition, step in arrivals:
        times[partition] += step
        rows.append(_row(partition, offsets[partition], times[partition]))
        offsets[partition] += 1
    return rows


@given(ARRIVALS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_following_from_the_oldest_gives_every_row_once_while_rows_arrive(arrivals, limit, random):
    rows = _arrive(arrivals)
    seen, cursor, visible = [], None, 0
    while True:
        visible = min(len(rows), visible + random.randint(0, 9))
        now = rows[:visible]
        marks = paging.marks(KIND, cursor, _places(now), newest=False)
        items, following = paging.page(KIND, marks, _after(now, marks, limit, False), limit, False, dict)
        if following is None and visible < len(rows):
            continue  # the end for now: the same cursor is asked again later
        seen += items
        if following is None:
            break
        cursor = following
    assert sorted(map(str, seen)) == sorted(map(str, rows))
    for partition in range(3):
        offsets = [s["offset"] for s in seen if s["partition"] == partition]
        assert offsets == sorted(offsets)


@given(ARRIVALS, ARRIVALS, st.integers(1, 7))
def test_going_back_from_the_newest_gives_what_was_there_at_the_first_page(before, later, limit):
    rows = _arrive(before + later)
    there = rows[: len(before)]
    seen, cursor, now = [], None, there
    while True:
        marks = paging.marks(KIND, cursor, _places(now), newest=True)
        items, cursor = paging.page(KIND, marks, _after(now, marks, limit, True), limit, True, dict)
        seen += items
        if cursor is None:
            break
        now = rows  # more has arrived: it is newer than the first page and not shown
    assert sorted(map(str, seen)) == sorted(map(str, there))


@given(ARRIVALS.map(lambda a: [(p, abs(s)) for p, s in a]), st.integers(1, 7))
def test_pages_are_in_order_of_append_time_while_clocks_are_sane(arrivals, limit):
    rows = _arrive(arrivals)
    marks = paging.marks(KIND, None, _places(rows), newest=False)
    items, _ = paging.page(KIND, marks, _after(rows, marks, limit, False), limit, False, dict)
    times = [i["append_time"] for i in items]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "é",
        paging.encode("another", []),
        paging.encode(KIND, 5),
        paging.encode(KIND, [[1]]),
        paging.encode(KIND, [["t", 0, 2**70, 0]]),
        paging.encode(KIND, [["t", 0, "1", 0]]),
        paging.encode(KIND, [["t", 0, True, 0]]),
        "A" * 20_000,
    ],
)
def test_foreign_cursors_are_refused(cursor):
    with pytest.raises(BadRequest) as caught:
        paging.marks(KIND, cursor, [], newest=False)
    assert caught.value.code == "bad_cursor"
    assert caught.value.field == "cursor"


def test_cursors_of_one_number():
    assert paging.number_in("k", None) == 2**63 - 1
    assert paging.number_in("k", paging.encode("k", 17)) == 17
    for wrong in (2**63, -2, 1.5, "1", None, True):
        with pytest.raises(BadRequest):
            paging.number_in("k", paging.encode("k", wrong))


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_limits(limit):
    with pytest.raises(BadRequest) as caught:
        paging.check_limit(limit)
    assert caught.value.code == "bad_limit"


def test_parameters_leave_room_for_a_clock_that_steps_back():
    found = paging.parameters({Place("t", 1): Mark(5, 10**12)})
    assert found["from_times"] == [10**12 - paging.CLOCK_SLACK_MS]
    assert found["to_times"] == [10**12 + paging.CLOCK_SLACK_MS]
    assert paging.parameters({Place("t", 1): Mark(5, 2**63 - 1)})["to_times"] == [2**63 - 1]
