"""The health page: is everything that was sent on its way? Its numbers are those of GET /v1/pipeline."""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, signed_in
from gateway.web.environment import render

# What each state looks like: (hue, icon, words). `waiting` beside `ok` is what is in the next batch.
STATES = {
    "ok": ("green", "check", "ok"),
    "behind": ("amber", "clock", "behind"),
    "stands": ("red", "x", "stands"),
    "not_started": ("grey", "clock", "nothing yet"),
    "unknown": ("grey", "help", "not known"),
}
# What each process says of itself: (hue, icon, words).
PROCESS_STATES = {
    "healthy": ("green", "check", "healthy"),
    "unhealthy": ("red", "x", "not healthy"),
    "no_answer": ("red", "x", "no answer"),
}
# Threads named on one line; `processors` of the local stack has seven.
THREADS_SHOWN = 8
# The worst first.
_ORDER = ("stands", "unknown", "behind")


async def context(backend: Backend, reader: Reader) -> Json:
    """What health_now.html needs."""
    found = await backend.pipeline(reader)
    everything = [*found["processors"], *found["read_models"]]
    late = sorted(
        (each for each in everything if each["state"] in _ORDER),
        key=lambda each: (_ORDER.index(each["state"]), -(each["seconds_behind"] or 0)),
    )
    processes = [each | {"says": says(each)} for each in found["processes"]]
    ours = [each for each in processes if each["state"] in PROCESS_STATES]
    clock = now()
    return {
        "x": found,
        "ours": ours,
        "asked": max((each["asked_at"] for each in ours), default=None),
        "ill": [each for each in ours if each["state"] != "healthy"],
        "silent": [each["name"] for each in processes if each["state"] not in PROCESS_STATES],
        "process_states": PROCESS_STATES,
        "states": STATES,
        "late": late,
        "total": len(everything),
        "clock": clock,
        "behind": view.behind(found["as_of"], clock),
        "me": reader,
    }


def says(process: Json) -> str:
    """A process in a line: what it cannot get over, else its threads by state, the calm ones only counted."""
    if process["state"] == "no_answer":
        return "nothing within a second"
    if process["codes"]:
        return ", ".join(process["codes"])
    threads = sorted(process["threads"].items())
    other = [f"{name} {state}" for name, state in threads if state != "running"]
    if other:
        more = f" and {len(other) - THREADS_SHOWN} more" if len(other) > THREADS_SHOWN else ""
        return ", ".join(other[:THREADS_SHOWN]) + more
    if len(threads) == 1:
        return f"{threads[0][0]} is running"
    return f"all {len(threads)} are running" if threads else ""


@signed_in
async def health_page(_: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The page."""
    summary = await backend.summary(reader)
    page = render(
        "health.html", **await context(backend, reader), here="health", exhausted=summary["exhausted"], totals=summary
    )
    return html(page)


@signed_in
async def health_now(_: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The same, kept fresh in place."""
    return html(render("health_now.html", **await context(backend, reader)))
