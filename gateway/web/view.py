"""What the pages show, made from what the API says. Pure: plain values of the API in, plain values out."""

from __future__ import annotations

from typing import Any

from gateway.web.causes import cause
from gateway.web.intervention import bar, strip
from gateway.web.words import between, clock, span
from schemas import incident_rules

Json = dict[str, Any]


# States in which nobody is expected to do anything at once.
ENDED = incident_rules.OVER


# What only the answer about one incident has, not that about many.
_ONE_ONLY: Json = {"alerts": (), "reports": (), "breaches": (), "cause": None}


def incident(x: Json, now: str) -> Json:
    """An incident with its bar, its age, and the small words of the list."""
    whole = bar(x, now)
    ended = x["resolved_at"] or now
    after = x["intervention"]["failures_after_page"]
    short = span(between(x["first_failure_at"], ended))
    if x["state"] in ENDED or x["assignee"]:
        short += f" · {after} after" if after is not None else ""
    elif not x["assignee"]:
        short += " · no answer" if x["intervention"]["first_page_at"] else " · nobody told"
    return {
        **_ONE_ONLY,
        **x,
        "bar": whole,
        "strip": strip(x, now),
        "age": span(between(x["opened_at"], now)),
        "since": span(between(x["first_failure_at"], ended)),
        "short": short,
        "ended": x["state"] in ENDED,
        "why": cause(x),
        "people": people(x),
    }


def people(x: Json) -> list[tuple[str, str, str | None]]:
    """Who did what: (role, person, time). Roles that nobody has are left out."""
    contained = x.get("contained_at")
    # What was contained before the incident came back is no more.
    again = bool(contained and x.get("reopened_at") and (between(contained, x["reopened_at"]) or 0) > 0)
    roles = (
        ("Had it" if x["state"] in ENDED else "On it", x["assignee"], _since(x)),
        ("Assigned by", x.get("assigned_by"), None),
        ("Contained by", None if again else x.get("contained_by"), contained),
        ("False alarm, says" if x["state"] == "false_alarm" else "Resolved by", x["resolved_by"], x["resolved_at"]),
        ("Closed by", x.get("closed_by"), x.get("closed_at")),
    )
    return [(role, person, at) for role, person, at in roles if person]


def _since(x: Json) -> str | None:
    """Since when the assignee has it; read models from before this was kept know the first acknowledgement only."""
    return x.get("assigned_at") or (None if x.get("assigned_by") else x["acknowledged_at"])


def number(text: str | None) -> int:
    """A whole number of an address; 0 when it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def short(found: Json | None, items: list[Json], opened: int) -> Json:
    """The head of the list, {open, worst, alone}: of all that is open, or of what the page shows when Redis is away."""
    if found is not None:
        return {"open": found["open"], "worst": found["worst"], "alone": found["unassigned"]}
    there = [x for x in items if not x["ended"]]
    worst = min((x["severity"] for x in there), default=None)
    return {"open": opened, "worst": worst, "alone": sum(1 for x in there if not x["assignee"])}


def newest(found: Json) -> int:
    """The highest number of an incident: they are counted from 1 without holes, in short or left out of it."""
    return int(found["open"]) + int(found["over"]) + int(found["left_out"])


def sorted_for_reading(items: list[Json]) -> list[Json]:
    """Unanswered first, then open ones by severity, then the newest; the order at the time of loading."""
    return sorted(
        items,
        key=lambda x: (
            x["state"] in ENDED,
            bool(x["assignee"]),
            x["severity"] if x["state"] not in ENDED else "",
            -x["number"],
        ),
    )


def in_order(pages: list[Json]) -> list[Json]:
    """Pages in the order in which they were asked for."""
    return sorted(pages, key=lambda p: str(p["requested_at"]))


def on_it(x: Json, pages: list[Json], now: str) -> str:
    """The line under `Who is on it`: since when, or who was paged how long ago."""
    if x["state"] in ENDED:
        how = "called a false alarm" if x["state"] == "false_alarm" else "resolved"
        return f"{how} by @{x['resolved_by']} {clock(x['resolved_at'])}" if x["resolved_by"] else str(x["state"])
    if x["assignee"] and x.get("assigned_by"):
        at = _since(x)
        return f"assigned by @{x['assigned_by']}" + (f" {clock(at)}" if at else "") + ", not acknowledged"
    if x["assignee"]:
        joined = [f"@{one['person']}" for one in x.get("participants") or ()]
        since = f"since {clock(_since(x))}"
        return f"primary {since}. {', '.join(joined[:3])} joined; ask before acting" if joined else since
    if not pages:
        return "nobody has been paged"
    said = []
    # Of one who was told of several that are one now, the last.
    for page in list({page["person"]: page for page in pages}.values())[-2:]:
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
