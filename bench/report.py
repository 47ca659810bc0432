"""bench/RESULTS.md from bench/RESULTS.json: ratios first, then a table per part, goals beside the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.figures import Json

# (title, entry, function that gives the part's text); in the order of the page.
Part = tuple[str, str, Callable[[Any], str]]


def table(columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; None is an en dash."""
    out = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for line in lines:
        out.append("| " + " | ".join("–" if cell is None else str(cell).replace("|", "/") for cell in line) + " |")
    return "\n".join(out)


def fields(found: Sequence[Json], names: dict[str, str]) -> str:
    """A table of some entries of each row, under names of their own."""
    return table(list(names.values()), [[row.get(key) for key in names] for row in found])


def verdict(value: float | None, goal: float, at_most: bool = False) -> str:
    """Whether a goal is met, in words."""
    if value is None:
        return "not measured"
    return "met" if (value <= goal if at_most else value >= goal) else "not met"


def _ratios(found: Json) -> str:
    goals = {"passthrough": (2.5, True), "kafka_streams": (1.3, False), "quix": (4.0, False), "faust": (30.0, False)}
    words = {
        "passthrough": "our dedup processor's CPU per event, by a bare exactly-once passthrough's (Python)",
        "kafka_streams": "tuned Kafka Streams' CPU per event, by ours",
        "quix": "Quix Streams' CPU per event, by ours",
        "faust": "tuned Faust's CPU per event, by ours",
    }
    lines = []
    for name, (goal, at_most) in goals.items():
        value = found.get(name)
        lines.append([words[name], value, f"{'≤' if at_most else '≥'} {goal}", verdict(value, goal, at_most)])
    return table(("ratio", "measured", "goal", ""), lines)


def _peers(found: Json) -> str:
    names = {
        "is": "contender",
        "cpu_us": "client CPU µs/event",
        "by_passthrough": "by passthrough",
        "by_ours": "by ours",
        "broker_us": "broker CPU µs/event",
        "events_per_s": "events/s",
        "rss_mb": "resident MB",
        "events": "events measured",
        "lost": "lost",
        "doubled": "doubled",
    }
    rows = found["contenders"]
    out = [
        f"{found['events']:,} records a round, {len(next(iter(found['rounds'].values())))} rounds, the better one of "
        "each. The first third of each round warms up and is not counted.",
        fields(rows, names),
    ]
    for row in rows:
        why = row.get("missing") or row.get("failed")
        if why:
            out.append(f"`{row['contender']}` has no figures: {why.splitlines()[-1]}")
        elif row.get("counts") is False:
            out.append(f"`{row['contender']}` does not count: {row['lost']} ids lost, {row['doubled']} doubled.")
    return "\n\n".join(out)


PARTS: tuple[Part, ...] = (
    ("Ratios", "ratios", _ratios),
    ("The dedup job", "peers", _peers),
)


def markdown(document: Json) -> str:
    """The whole page."""
    machine = document.get("machine", {})
    out = [
        "# Results",
        "Written by `make bench` (bench/README.md says what is measured and how); do not edit. "
        f"{machine.get('cores')} cores, {machine.get('memory_gb')} GB, Python {machine.get('python')}.",
    ]
    for title, entry, words in PARTS:
        if entry in document:
            out += [f"## {title}", words(document[entry])]
    runs = [{"part": name, **said} for name, said in sorted(document.get("runs", {}).items())]
    names = {"part": "part", "date": "date", "commit": "commit", "load_average": "load before", "seconds": "seconds"}
    if runs:
        out += ["## Runs", fields(runs, names)]
    out += [f"`{row['part']}` failed: {row['error'].splitlines()[-1]}" for row in runs if row.get("error")]
    return "\n\n".join(out) + "\n"
