"""The page of the calendar: maintenance windows and change freezes as they were configured, and when they are next."""

from __future__ import annotations

from aiohttp import web

from gateway.web.door import Backend, Json, Reader, html, now, signed_in
from gateway.web.environment import render
from gateway.web.words import between, span


def shown(each: Json, clock: str) -> Json:
    """The next time of a window, with whether it is at hand and how long it still is, in words."""
    at_hand = each["start"] <= clock
    left = span(between(clock, each["end"] if at_hand else each["start"]))
    return {**each, "now": at_hand, "left": left}


def rule(window: Json) -> str:
    """When a window is, in words."""
    if window.get("cron"):
        length = span(window.get("duration_s"))
        return f"{window['cron']} for {length} ({window.get('time_zone') or 'UTC'})"
    return f"{window.get('start')} to {window.get('end')}"


@signed_in
async def calendar_page(_: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """What is at hand or comes next, and all windows and freezes."""
    found, clock = await backend.calendar(reader), now()
    configured = [w | {"kind": kind, "when": rule(w)} for kind in ("windows", "freezes") for w in found[kind]]
    context: Json = {"next": [shown(each, clock) for each in found["next"]], "configured": configured}
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("calendar.html", me=reader, here="calendar", exhausted=exhausted, **context))
