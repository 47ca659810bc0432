"""The timeline in the order for reading: parent, else session and number, else time."""

from __future__ import annotations

from typing import Any

from projections.timeline.queries import for_reading


def item(name: str, second: int, **given: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "event_id": name,
        "parent_id": None,
        "actor": "a",
        "session": "",
        "sequence": None,
        "timestamp": f"2026-01-01T00:00:{second:02d}.000Z",
        "received_at": f"2026-01-01T00:00:{second:02d}.000Z",
        "flags": [],
    }
    return {**plain, **given}


def names(*items: dict[str, Any]) -> list[str]:
    return [x["event_id"] for x in for_reading(items)]


def test_a_parent_comes_before_its_child_whatever_the_clocks_say() -> None:
    assert names(item("child", 1, parent_id="parent"), item("parent", 5)) == ["parent", "child"]


def test_a_session_is_read_by_its_numbers() -> None:
    late = item("43", 9, session="s", sequence=43)
    assert names(item("44", 1, session="s", sequence=44), late, item("x", 3)) == ["x", "43", "44"]


def test_else_time_decides_and_a_wrong_clock_is_not_believed() -> None:
    wrong = item("wrong", 1, received_at="2026-01-01T00:00:05.000Z", flags=["stale_timestamp"])
    assert names(wrong, item("b", 4), item("a", 2)) == ["a", "b", "wrong"]


def test_a_circle_of_parents_loses_nothing() -> None:
    assert sorted(names(item("x", 1, parent_id="y"), item("y", 2, parent_id="x"))) == ["x", "y"]
