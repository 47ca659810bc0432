"""bench/RESULTS.md from bench/RESULTS.json: ratios first, then a table per part, goals beside the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench import goals
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
        f"{found['events']:,} records a round, {len(next(iter(found['rounds'].values())))} rounds, the best of "
        "each (Faust has one). The first third of each round warms up and is not counted.",
        fields(rows, names),
    ]
    for row in rows:
        why = row.get("missing") or row.get("failed")
        if why:
            out.append(f"`{row['contender']}` has no figures: {why.splitlines()[-1]}")
        elif row.get("counts") is False:
            out.append(f"`{row['contender']}` does not count: {row['lost']} ids lost, {row['doubled']} doubled.")
    return "\n\n".join(out)


def _use(found: Json) -> str:
    names = {"process": "process", "cpu_us": "CPU µs/action", "rss_mb": "resident MB"}
    return fields(found["processes"], names)


def _chain(found: Json) -> str:
    goal = verdict(found["actions_per_s"], 50_000)
    head = f"**{found['actions_per_s']:,} actions/s** (goal 50,000: {goal}), {found['cpu_us']} µs of CPU each in all"
    return f"{head}, never more than {found['under_way_at_most']:,} under way.\n\n{_use(found)}"


def _pipeline(found: Json) -> str:
    rate = found["actions_per_s"]
    return (
        f"**{rate:,} actions/s** sustained for {found['seconds']} s (goals 25,000: {verdict(rate, 25_000)}; 34,000: "
        f"{verdict(rate, 34_000)}), {found['cpu_us']} µs of CPU each in all, broker and Postgres included; never more "
        f"than {found['under_way_at_most']:,} between the input and the timeline. {found['sent']:,} actions sent, "
        f"{found['timeline_rows']:,} rows, {found['lost']} missing, {found['incidents']} incidents.\n\n{_use(found)}"
    )


def _growth(found: Json) -> str:
    hosted = {"processes": "processes", "partitions": "partitions", "keys": "actors", "cpu_us": "CPU µs/event"}
    hosted |= {
        "broker_us": "broker CPU µs/event",
        "events_per_s": "events/s",
        "rss_mb": "resident MB",
        "failed": "failed",
    }
    engine = {"engine": "engine alone", "keys": "actors", "cpu_us": "CPU µs/event", "parts": "parts of state"}
    tenant = {"open_incidents": "open incidents of one tenant", "commands": "commands", "cpu_us": "CPU µs/command"}
    size = {"changelog_bytes": "changelog bytes each", "failed": "failed"}
    return "\n\n".join(
        (
            "Dedup as deployed:",
            fields(found["hosted"], hosted),
            fields(found["engines"], engine | size),
            fields(found["tenant"], tenant | {"parts": "parts of state"} | size),
        )
    )


def _ingest(found: Json) -> str:
    goals = "Goals of one gateway process: single ≥ 7,000 requests/s, batches ≥ 60,000 actions/s, p99 ≤ 20 ms at 500/s."
    rows = found["loads"]
    return f"{goals}\n\n" + fields(rows, {key: key.replace("_", " ") for key in rows[0]})


def _times(found: Sequence[Json], measured: str, words: str, goals: str) -> str:
    lines = []
    for row in found:
        times = row.get(measured, {})
        missing = row.get("missing_pages", row.get("missing_rows"))
        figures = [times.get("n"), times.get("p50"), times.get("p99"), missing]
        lines.append([f"{row['rate']}/s", *figures, row.get("refused"), row.get("failed")])
    columns = ("actions", f"{words}: counted", "p50 ms", "p99 ms", "missing", "refused", "failed")
    return f"{goals}\n\n{table(columns, lines)}"


def _latency(found: Json) -> str:
    page = _times(found["paged"], "accepted_to_page_ms", "accepted → paged", "Goals: p50 ≤ 250 ms, p99 ≤ 600 ms.")
    seen = "accepted → visible in the timeline"
    row = _times(found["visible"], "accepted_to_visible_ms", seen, "Goals: p50 ≤ 200 ms, p99 ≤ 500 ms.")
    after = {line["name"]: line["rss_mb"] for line in found["after"]}
    memory = [[line["name"], line["rss_mb"], after.get(line["name"])] for line in found["started"]]
    return f"{page}\n\n{row}\n\n" + table(("process (co-hosted)", "MB at start", "MB after all four loads"), memory)


def _processes(found: Any) -> str:
    return fields(found, {"name": "process", "rss_mb": "resident MB", "started_in_s": "start-up s"})


def _restore(found: Any) -> str:
    names = {"case": "case", "restore_s": "restore s", "goal_s": "goal s", "parts": "parts of state"}
    names |= {"changelog_records": "changelog records", "changelog_mb": "changelog MB", "started_s": "start-up s"}
    names |= {"rss_mb": "resident MB", "failed": "failed"}
    return fields(found, names)


def _poison(found: Json) -> str:
    return (
        f"{found['poisons']} hostile bodies, four at once: {found['refused_4xx']} refused with a 4xx, {found['other']} "
        f"answered otherwise. {found['actions']} actions beside them waited {found['median_s']} s at the median, "
        f"{found['longest_s']} s at the longest (goal 1 s)."
    )


def _projections(found: Json) -> str:
    names = {"name": "read model", "records": "records", "client_us": "its CPU µs/record"}
    names |= {"server_us": "its store's CPU µs/record", "ratio": "both by a head", "records_per_s": "records/s"}
    lines = [{"name": name, **row} for name, row in found["projections"].items()]
    return f"The reading of an action's head took {found['head_us']} µs in the same run.\n\n{fields(lines, names)}"


def _whatif(found: Json) -> str:
    return table(("figure", "measured"), [[name.replace("_", " "), value] for name, value in found.items()])


def _incidents(found: Json) -> str:
    storm, spent = found["storm"], found["microseconds"]
    caused = found["attribution"]
    shares = {"outages": "outages", "top1": "top 1", "top3": "top 3", "naive_top1": "naive top 1", "none_right": "none"}
    return "\n\n".join(
        (
            f"{storm['errors']:,} errors of {storm['true']} faults became {storm['incidents']} incidents: pairwise "
            f"precision {storm['precision']}, recall {storm['recall']}, {storm['lost']} lost; {spent['command']} µs of "
            f"CPU a command of incidents, {spent['signal']} µs a normal event of signals. With 5,000 services and 200 "
            f"open incidents its process has {found['memory']['resident_mb']} MB.",
            fields([caused | {"outages": "tuned on"}, caused["held_out"] | {"outages": "held out"}], shares),
        )
    )


def _catalog(found: Json) -> str:
    spent = found["milliseconds"]
    return (
        f"{found['services']:,} services with {found['edges']:,} dependencies are read in {spent['read']} ms of CPU; a "
        f"radius takes {spent['radius_median']} ms at the median, {spent['radius_worst']} ms at the longest (goal 50)."
    )


def _history_memory(found: Json) -> str:
    rows = found["table"]
    goal = (
        f"Goal with ten million records of input: ≤ {found['goal_mb']} MB. Said only of lengths beyond dedup's window "
        "(300,000 records here): shorter ones still fill it."
    )
    return f"{goal}\n\n" + fields(rows, {key: key.replace("_", " ") for key in rows[0]})


def _profiles(found: Json) -> str:
    out = ["Share of CPU by line (`python -m bench.profile NAME --as after`): the engines, without a transport."]
    for name, labels in sorted(found.items()):
        for label in ("before", "after"):
            if label in labels:
                row = labels[label]
                out.append(f"### {name}, {label}: {row['cpu_us']} µs a record ({row['date'][:10]}, {row['commit']})")
                lines = [[line["share"], f"`{line['line']}`", f"`{line['code']}`"] for line in row["lines"]]
                out.append(table(("share", "line", ""), lines))
    return "\n\n".join(out)


PARTS: tuple[Part, ...] = (
    ("Ratios", "ratios", _ratios),
    ("The dedup job", "peers", _peers),
    ("Dedup → ordering → signals", "chain", _chain),
    ("From Kafka to timeline row and incident", "pipeline", _pipeline),
    ("The gateway alone", "ingest", _ingest),
    ("Latency", "latency", _latency),
    ("Every process", "processes", _processes),
    ("Restore of dedup", "restore", _restore),
    ("Growth", "growth", _growth),
    ("The gateway while it refuses poison", "poison", _poison),
    ("The read models", "projections", _projections),
    ("Incidents: the storm, and who caused it", "incidents", _incidents),
    ("Blast radii", "catalog", _catalog),
    ("What-if", "whatif", _whatif),
    ("The memory of a long history", "history_memory", _history_memory),
    ("Profiles", "profiles", _profiles),
)


def markdown(document: Json) -> str:
    """The whole page."""
    machine = document.get("machine", {})
    out = [
        "# Results",
        "Written by `make bench` (bench/README.md says what is measured and how); do not edit. "
        f"{machine.get('cores')} cores, {machine.get('memory_gb')} GB, Python {machine.get('python')}.",
    ]
    lines = goals.lines(document)
    out += ["## Goals", table(("goal", "asked", "measured", "", "why not"), lines)]
    for title, entry, words in PARTS:
        if entry in document:
            out += [f"## {title}", words(document[entry])]
    runs = [{"part": name, **said} for name, said in sorted(document.get("runs", {}).items())]
    names = {"part": "part", "date": "date", "commit": "commit", "load_average": "load before", "seconds": "seconds"}
    if runs:
        out += ["## Runs", fields(runs, names)]
    out += [f"`{row['part']}` failed: {row['error'].splitlines()[-1]}" for row in runs if row.get("error")]
    return "\n\n".join(out) + "\n"
