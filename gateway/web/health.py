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
    clock = now()
    return {
        "x": found,
        "states": STATES,
        "late": late,
        "total": len(everything),
        "clock": clock,
        "behind": view.behind(found["as_of"], clock),
        "me": reader,
    }


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
