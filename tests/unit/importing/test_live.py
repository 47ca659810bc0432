"""A live telling keeps order and gaps, and never reuses the ids of what was imported."""

from __future__ import annotations

from gateway.importing import live
from schemas import ids


def action(number, at, actor="ann", **more):
    return {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "actor": {"id": actor},
        "session": "d" * 64,
        "sequence": number,
        "timestamp": at,
        "backfill": True,
        **more,
    }


def test_gaps_are_divided_and_numbers_follow_the_new_order():
    told = live.retell([action(1, 50_000), action(2, 10_000), action(3, 30_000, "bob")], "run", 1_000_000, 10)
    assert [after for after, _ in told] == [0, 2_000, 4_000]
    assert [a["timestamp"] for _, a in told] == [1_000_000, 1_002_000, 1_004_000]
    assert [(a["actor"]["id"], a["sequence"]) for _, a in told] == [("ann", 1), ("bob", 1), ("ann", 2)]
    assert all("backfill" not in a for _, a in told)


def test_ids_belong_to_the_run_and_links_follow_them():
    child = action(2, 2, parent_id=action(1, 1)["id"])
    (_, first), (_, second) = live.retell([action(1, 1), child], "run", 0, 1)
    assert second["parent_id"] == first["id"] != action(1, 1)["id"]
    assert ids.parse(first["id"]) is not None
    assert live.retell([action(1, 1)], "run", 0, 1)[0][1]["id"] == first["id"]
    assert live.retell([action(1, 1)], "another", 0, 1)[0][1]["id"] != first["id"]
    assert live.retell([], "run", 0, 1) == []
