"""The goals of bench/RESULTS.md: what was asked, what was measured, whether it is met, and where not, what says why.

Read from RESULTS.json only; the lines are the top ones of the profile that is kept there, the words stand in README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import Json

Read = Callable[[Json], float | None]
Why = tuple[str | None, str | None]
NONE: Why = (None, None)
# Profile lines that a shortfall shows.
LINES = 3
# "Time per event stays flat": so much more may a larger case take.
FLAT = 1.5


@dataclass(frozen=True)
class Goal:
    """One line. `profile`: whose kept profile explains a shortfall; `why`: the heading in README.md that does."""

    words: str
    goal: float
    read: Read
    at_most: bool = False
    unit: str = ""
    profile: str | None = None
    why: str | None = None

    def met(self, found: Json) -> bool | None:
        """None: not measured."""
        value = self.read(found)
        if value is None:
            return None
        return value <= self.goal if self.at_most else value >= self.goal


def at(*path: str) -> Read:
    """The figure at this place of the document."""

    def read(found: Json) -> float | None:
        value: Any = found
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, int | float) else None

    return read


def of(rows: tuple[str, ...], where: Json, *path: str) -> Read:
    """The figure at this place of the row with these entries, in the table at `rows`."""

    def read(found: Json) -> float | None:
        table: Any = found
        for name in rows:
            table = table.get(name, {}) if isinstance(table, dict) else {}
        for row in table or ():
            if all(row.get(key) == value for key, value in where.items()):
                return at(*path)(row)
        return None

    return read


def by(above: Read, below: Read) -> Read:
    """One figure by another."""

    def read(found: Json) -> float | None:
        a, b = above(found), below(found)
        return None if a is None or not b else round(a / b, 2)

    return read


def _hosted(**where: int) -> Read:
    return of(("growth", "hosted"), {"processes": 1, "partitions": 4, "keys": 1_000} | where, "cpu_us")


def _engine(keys: int) -> Read:
    return of(("growth", "engines"), {"engine": "dedup", "keys": keys}, "cpu_us")


def most(words: str, goal: float, read: Read, unit: str = "", why: Why = NONE) -> Goal:
    """Met by that much or less."""
    return Goal(words, goal, read, True, unit, *why)


def least(words: str, goal: float, read: Read, unit: str = "", why: Why = NONE) -> Goal:
    """Met by that much or more."""
    return Goal(words, goal, read, False, unit, *why)


def _loads(load: str, figure: str) -> Read:
    return of(("ingest", "loads"), {"load": load}, figure)


def _open_incidents(count: int) -> Read:
    return of(("growth", "tenant"), {"open_incidents": count}, "cpu_us")


def _restored(case: str, figure: str = "restore_s") -> Read:
    return of(("restore",), {"case": case}, figure)


def _latencies() -> Iterator[Goal]:
    for where, measured, words, goals in (
        ("paged", "accepted_to_page_ms", "accepted → paged", {"p50": 250, "p99": 600}),
        ("visible", "accepted_to_visible_ms", "accepted → visible", {"p50": 200, "p99": 500}),
    ):
        for rate in (50, 500):
            for share, goal in goals.items():
                read = of(("latency", where), {"rate": rate}, measured, share)
                yield most(f"{words} at {rate}/s, {share}", goal, read, " ms", LATENCY)


# (whose kept profile, which heading of README.md)
ENGINE: Why = ("dedup", "Why the ratios are what they are")
CHAIN: Why = ("ordering", "Why the ratios are what they are")
WHOLE: Why = (None, "The read models")
DOOR: Why = (None, "Where the door's time goes")
LATENCY: Why = (None, "Where the time to a page goes")
GOALS = (
    most("dedup's CPU an event, by a bare passthrough's", 2.5, at("ratios", "passthrough"), "×", ENGINE),
    least("tuned Kafka Streams' CPU, by dedup's", 1.3, at("ratios", "kafka_streams"), "×", ENGINE),
    least("Quix Streams' CPU, by dedup's", 4.0, at("ratios", "quix"), "×", ENGINE),
    least("tuned Faust's CPU, by dedup's", 30.0, at("ratios", "faust"), "×", ENGINE),
    least("dedup → ordering → signals", 50_000, at("chain", "actions_per_s"), "/s", CHAIN),
    least("Kafka → timeline row and incident", 25_000, at("pipeline", "actions_per_s"), "/s", WHOLE),
    least("the same, then", 34_000, at("pipeline", "actions_per_s"), "/s", WHOLE),
    most("actions missing in the timeline after it", 0, at("pipeline", "lost")),
    most("CPU an event, 2 processes by 1", FLAT, by(_hosted(processes=2), _hosted()), "×"),
    most("CPU an event, 1 partition by 4", FLAT, by(_hosted(partitions=1), _hosted()), "×"),
    most("CPU an event, 16 partitions by 4", FLAT, by(_hosted(partitions=16), _hosted()), "×"),
    most("CPU an event, 100k keys by 1k", FLAT, by(_hosted(keys=100_000), _hosted()), "×", ENGINE),
    most("dedup's engine, 100k keys by 1k", FLAT, by(_engine(100_000), _engine(1_000)), "×", ENGINE),
    most("dedup's engine, 1M keys by 1k", FLAT, by(_engine(1_000_000), _engine(1_000)), "×", ENGINE),
    most("incidents' engine, 200 open by 1", FLAT, by(_open_incidents(200), _open_incidents(1)), "×"),
    least("the door, one action a request", 7_000, _loads("single", "requests_per_s"), "/s", DOOR),
    least("the door, a hundred a request", 60_000, _loads("batches", "actions_per_s"), "/s", DOOR),
    most("the door, p99 at 500 requests/s", 20, _loads("500/s", "p99"), " ms", DOOR),
    most("an action beside poison, longest", 1, at("poison", "longest_s"), " s"),
    most("poison not refused with a 4xx", 0, at("poison", "other")),
    *_latencies(),
    most("restore of 100k keys", 1.0, _restored("keys_100k"), " s"),
    most("restore of 1M keys", 5.0, _restored("keys_1m"), " s"),
    most("restore of an hour at 500/s", 2.5, _restored("hour"), " s"),
    # and 0.4 KB for each of the 100,000 ids in the window
    most("resident memory at 100k keys", 170, _restored("keys_100k", "rss_mb"), " MB"),
)


def lines(found: Json) -> list[list[str]]:
    """A line each: what, goal, measured, met or not, and where not, why."""
    out = []
    for goal in GOALS:
        value, met = goal.read(found), goal.met(found)
        verdict = "not measured" if met is None else "met" if met else "**not met**"
        sign = "≤" if goal.at_most else "≥"
        shown = "–" if value is None else f"{value:,}{goal.unit}"
        out.append([goal.words, f"{sign} {goal.goal:,}{goal.unit}", shown, verdict, "" if met else _why(goal, found)])
    return out


def _why(goal: Goal, found: Json) -> str:
    if goal.met(found) is None:
        return ""
    said = [] if goal.why is None else [f"README, “{goal.why}”"]
    kept = found.get("profiles", {}).get(goal.profile, {}).get("after")
    if kept:
        top = ", ".join(f"`{line['line']}` {line['share']}" for line in kept["lines"][:LINES])
        said.append(f"{goal.profile}'s lines: {top}")
    return "; ".join(said)
