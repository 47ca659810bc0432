"""The goals of bench/RESULTS.md: what was asked, what was measured, whether it is met, and where not, what says why.

Read from RESULTS.json only; the lines are the top ones of the profile that is kept there, the words stand in README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import Json

Read = Callable[[Json], float | None]
Why = tuple[str | None, str | None, str]
NONE: Why = (None, None, "No profile was taken of it: a figure of a quiet machine decides whether it is one.")
# Profile lines that a shortfall shows.
LINES = 3
# "Time per event stays flat": so much more may a larger case take.
FLAT = 1.5
# Within what a processor's absence is not noticed as one: the same as for a million keys.
WINDOW_S = 5.0


@dataclass(frozen=True)
class Goal:
    """One line. `profile`: whose kept profile explains a shortfall; `why`: the heading in README.md that does; `says`:
    the same in a few words."""

    words: str
    goal: float
    read: Read
    at_most: bool = False
    unit: str = ""
    profile: str | None = None
    why: str | None = None
    says: str = NONE[2]

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


def _engine(keys: int, name: str = "dedup") -> Read:
    return of(("growth", "engines"), {"engine": name, "keys": keys}, "cpu_us")


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


# (whose kept profile, which heading of README.md, and what it says)
RATIOS = "Why the ratios are what they are"
ENGINE: Why = (
    "dedup",
    RATIOS,
    "Sampled on a broker, two thirds of the process are the engine's deciding (its `take` with two digests a third of "
    "the whole, the chain over outputs a tenth, what is said of repetitions a tenth) and a quarter Kafka's client, "
    "which the passthrough has too. Compiling the hot modules with mypyc took 14 % off the engine.",
)
GROWN: Why = (
    "dedup",
    RATIOS,
    "With more live actors than transactions have records each record writes a mark of its own, where a thousand "
    "actors share theirs; and what an actor has in memory is no longer in the processor's caches. Above 131,072 "
    "sessions a partition (what is kept ready) each record also reads its mark again and hashes its key.",
)
PACED: Why = (
    "ordering",
    RATIOS,
    "Each record of an actor of its own writes two parts, a mark and a pace, where a thousand actors share theirs "
    "within a transaction; above 131,072 sessions a partition both are read again, too.",
)
CHAIN: Why = (
    "ordering",
    RATIOS,
    "Three processors and the broker share two cores: the engines take 8, 9 and 3 µs an action, Kafka's client about "
    "6 in each, the broker 2.5 to 6.5 for each of the three.",
)
WHOLE: Why = (
    None,
    "From Kafka to the timeline",
    "On two cores an action may cost 80 µs in all at 25,000 a second; the table below says what it costs. The broker "
    "and Postgres take 44 % of it, the processors 40 %, the two read models the rest: no one of them is the lever.",
)
MEMORY: Why = (
    None,
    RATIOS,
    "58 MB are there before anything is restored. The rest is 103,000 parts of state as their bytes, the index over "
    "the sightings, the timers, and what is kept ready of each session, which is what made 100,000 sessions quick.",
)
DOOR: Why = (
    None,
    "Where the door's time goes",
    "One action a request: aiohttp 35 % and the builtins below it 16 %, this door's handler 10 %, the line in the log "
    "7 %, `produce` 6 %, Avro and ids 5 %. A hundred a request: all of it Python a field. The broker and the generator "
    "share the two cores with it.",
)
LATENCY: Why = (
    None,
    "Where the time to a page goes",
    "Eight transactions or acknowledgements one after the other; each takes 12 to 15 ms and waits 17 ms at the median "
    "for its pace. What is above that is waiting for a core.",
)
RESTORED: Why = (
    "dedup",
    RATIOS,
    "Of the 0.8 s of CPU for 100,000 keys 0.6 are the indexes (sightings, timers), 0.15 reading; the client fetches "
    "in 0.4 µs a record and makes it in 0.5.",
)
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
    most("CPU an event, 100k keys by 1k", FLAT, by(_hosted(keys=100_000), _hosted()), "×", GROWN),
    most("dedup's engine, 100k keys by 1k", FLAT, by(_engine(100_000), _engine(1_000)), "×", GROWN),
    most("dedup's engine, 1M keys by 1k", FLAT, by(_engine(1_000_000), _engine(1_000)), "×", GROWN),
    most(
        "ordering's engine, 100k keys by 1k",
        FLAT,
        by(_engine(100_000, "ordering"), _engine(1_000, "ordering")),
        "×",
        PACED,
    ),
    most(
        "ordering's engine, 1M keys by 1k",
        FLAT,
        by(_engine(1_000_000, "ordering"), _engine(1_000, "ordering")),
        "×",
        PACED,
    ),
    most("incidents' engine, 200 open by 1", FLAT, by(_open_incidents(200), _open_incidents(1)), "×"),
    least("the door, one action a request", 7_000, _loads("single", "requests_per_s"), "/s", DOOR),
    least("the door, a hundred a request", 60_000, _loads("batches", "actions_per_s"), "/s", DOOR),
    most("the door, p99 at 500 requests/s", 20, _loads("500/s", "p99"), " ms", DOOR),
    most("an action beside poison, longest", 1, at("poison", "longest_s"), " s"),
    most("poison not refused with a 4xx", 0, at("poison", "other")),
    least("a storm's grouping, pairwise precision", 0.95, at("incidents", "storm", "precision")),
    least("a storm's grouping, pairwise recall", 0.95, at("incidents", "storm", "recall")),
    most("CPU of a command of incidents", 200, at("incidents", "microseconds", "command"), " µs"),
    most("CPU of a normal event of signals", 8, at("incidents", "microseconds", "signal"), " µs"),
    most("incidents' memory, 5,000 services, 200 open", 130, at("incidents", "memory", "resident_mb"), " MB"),
    most("a blast radius among 5,000 services, longest", 50, at("catalog", "milliseconds", "radius_worst"), " ms"),
    *_latencies(),
    most("restore of 100k keys", 1.0, _restored("keys_100k"), " s", RESTORED),
    most("restore of 1M keys", 5.0, _restored("keys_1m"), " s", RESTORED),
    most("restore of an hour at 500/s", 2.5, _restored("hour"), " s", RESTORED),
    # What is asked is that it restores: no time is set for it.
    most("restore of a full window at 5k/s", WINDOW_S, _restored("window"), " s", RESTORED),
    # and 0.4 KB for each of the 100,000 ids in the window
    most("resident memory at 100k keys", 170, _restored("keys_100k", "rss_mb"), " MB", MEMORY),
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
    said = [goal.says] if goal.why is None else [goal.says, f"README, “{goal.why}”"]
    kept = found.get("profiles", {}).get(goal.profile, {}).get("after")
    if kept:
        top = ", ".join(f"`{line['line']}` {line['share']}" for line in kept["lines"][:LINES])
        said.append(f"{goal.profile}'s lines: {top}")
    return " · ".join(said)
