"""The fate of an action: somebody has an id, and asks what became of it. The answer of GET /v1/actions/{id}/fate."""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, signed_in
from gateway.web.environment import render
from gateway.web.words import between, span

ID_MAX = 400
# Fates in words: (hue, icon, word).
FATES = {
    "in_timeline": ("green", "check", "In the timeline"),
    "admitted": ("blue", "clock", "On its way"),
    "accepted": ("blue", "clock", "Accepted, not decided yet"),
    "dropped": ("amber", "undo", "Dropped as delivered again"),
    "dead_letter": ("red", "x", "Dead letter"),
    "unknown": ("grey", "help", "Not known"),
}


@signed_in
async def fate_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The form, and below it the answer when an id is asked for."""
    asked = request.query.get("id", "").strip()[:ID_MAX]
    actor = request.query.get("actor", "").strip()[:ID_MAX]
    found: Json | None = None
    refused: Json | None = None
    if asked:
        try:
            found = await backend.fate(reader, asked, actor or None)
        except web.HTTPException:
            raise
        except Exception as error:  # shown beside the form, with the API's own words
            refused = backend.problem(error)
    context: Json = {
        "me": reader,
        "here": "actions",
        "exhausted": (await backend.summary(reader))["exhausted"],
        "asked": asked,
        "actor": actor,
        "found": found,
        "refused": refused,
        "fates": FATES,
        "late": _late(found),
        "open_numbers": _open(found),
        "behind": view.behind(found["as_of"], now()) if found else "",
    }
    return html(render("fate.html", **context), refused["status"] if refused else 200)


def _open(found: Json | None) -> int:
    """How many numbers of the action's session have not passed, below the highest that has."""
    session = found["session"] if found else None
    return sum(last - first + 1 for first, last in session["open"]) if session else 0


def _late(found: Json | None) -> str | None:
    """How long after it happened the log had it, in words, where that is said and above a second."""
    row = found["timeline"] if found else None
    seconds = between(row["timestamp"], row["appended_at"]) if row else None
    return span(seconds) if seconds is not None and seconds > 1 else None
