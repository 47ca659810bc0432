"""A history as if it happened now: by event time, its gaps kept and divided by a speed. Pure.

A live run is another telling: its actions have ids and a session of their own (derived from the run and the
original ids), since under the original ids they would be redeliveries of what was imported before. They are
no backfill: they open incidents and page people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas import ids

Json = dict[str, Any]
# About 1 GB of memory; a longer history is told in parts.
RECORDS_MAX = 500_000


def retell(actions: Sequence[Json], run: str, start_ms: int, speed: int) -> list[tuple[int, Json]]:
    """(ms after the start, action) in the order of their times. `run` names this telling, `speed` ≥ 1."""
    ordered = sorted(actions, key=lambda action: int(action["timestamp"]))
    first = int(ordered[0]["timestamp"]) if ordered else 0
    numbers: dict[tuple[str, str], int] = {}
    out = []
    for action in ordered:
        after = (int(action["timestamp"]) - first) // speed
        told = {name: value for name, value in action.items() if name != "backfill"}
        who = (str(action["actor"]["id"]), str(action["session"]))
        numbers[who] = numbers.get(who, 0) + 1
        told |= {
            "id": _id(run, action["id"]),
            "session": f"live-{run}-{who[1][:16]}",
            "sequence": numbers[who],
            "timestamp": start_ms + after,
        }
        if "parent_id" in action:
            told["parent_id"] = _id(run, action["parent_id"])
        out.append((after, told))
    return out


def _id(run: str, original: str) -> str:
    return ids.text(ids.derive("live", run, original.lower()))
