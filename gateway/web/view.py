"""What the pages show, made from what the API says. Pure: plain values of the API in, plain values out."""

from __future__ import annotations

from typing import Any

from gateway.web.intervention import bar, strip
from gateway.web.words import between, clock, count, span

Json = dict[str, Any]

# Failures of one problem come in runs; a run of more than this becomes one line.
RUN = 3


def incident(x: Json, now: str) -> Json:
    """An incident with its bar, its age, and the small words of the list."""
    whole = bar(x, now)
    ended = x["resolved_at"] or now
    short = f"{span(between(x['first_failure_at'], ended))}"
    if x["state"] == "resolved":
        short += " · resolved"
    elif not x["assignee"]:
        short += " · no answer" if x["intervention"]["first_page_at"] else " · nobody told"
    return {
        **x,
        "bar": whole,
        "strip": strip(x, now),
        "age": span(between(x["opened_at"], now)),
        "since": span(between(x["first_failure_at"], ended)),
        "short": short,
    }


def sorted_for_reading(items: list[Json]) -> list[Json]:
    """Unanswered first, then open ones by severity, then the newest; the order at the time of loading."""
    return sorted(
        items,
        key=lambda x: (
            x["state"] == "resolved",
            bool(x["assignee"]),
            x["severity"] if x["state"] != "resolved" else "",
            -x["number"],
        ),
    )


def story(entries: list[Json]) -> list[Json]:
    """Timeline entries with runs of failures folded into their first one."""
    out: list[Json] = []
    i = 0
    while i < len(entries):
        run = i
        while run < len(entries) and entries[run]["kind"] == "SignalAttached":
            run += 1
        if run - i > RUN:
            more = f"and {count(run - i - 1, 'more failure')} until {clock(entries[run - 1]['at'])}"
            out.append({**entries[i], "more": more})
            i = run
            continue
        out.append({**entries[i], "more": ""})
        i += 1
    return out


def changes_before(entries: list[Json], first_failure_at: str) -> list[Json]:
    """Changes seen before the first failure, the nearest first: what came later caused nothing."""
    found = [e for e in entries if e["kind"] == "ChangeRecorded" and (between(e["at"], first_failure_at) or 0) >= 0]
    return found[::-1]


def in_order(pages: list[Json]) -> list[Json]:
    """Pages in the order in which they were asked for."""
    return sorted(pages, key=lambda p: str(p["requested_at"]))


def on_it(x: Json, pages: list[Json], now: str) -> str:
    """The line under `Who is on it`: since when, or who was paged how long ago."""
    if x["state"] == "resolved":
        return f"resolved by {x['resolved_by']} {clock(x['resolved_at'])}" if x["resolved_by"] else "resolved"
    if x["assignee"]:
        return f"since {clock(x['acknowledged_at'])}"
    if not pages:
        return "nobody has been paged"
    said = []
    for page in pages[-2:]:
        ago = span(between(page["requested_at"], now))
        state = "paged" if page["outcome"] == "delivered" else f"page {page['outcome']},"
        said.append(f"@{page['person']} {state} {ago} ago")
    return ", ".join(said)


def behind(as_of: list[Json], now: str) -> str:
    """How far the read model is, in words; says so when it is not known."""
    times = [p["append_time"] for p in as_of if p.get("append_time")]
    if not times:
        return "The read model has seen nothing yet."
    return f"Read model as of {clock(max(times))}, {span(between(max(times), now))} ago."
