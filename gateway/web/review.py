"""The page of what was flagged, with its evidence, and two plain forms by which a person judges. No script needed."""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, signed_in, theirs
from gateway.web.environment import render
from gateway.web.secret import masked
from gateway.web.words import between, span

LIST = 50
SAID_MAX = 300
VERDICTS = ("all", "open", "released", "confirmed")
VERBS = ("release", "confirm")
# By kind: how it is called.
KINDS = {
    "suspicious_volume": "Suspicious volume",
    "possible_attack": "Possible attack",
    "possible_credential_stuffing": "Possible credential stuffing",
    "unusual_behaviour": "Unusual behaviour",
}


def shown(x: Json, clock: str) -> Json:
    """What was flagged with its age and how long it is still limited, in words."""
    until = x["limited_until"]
    limited = span(between(clock, until)) if until and until > clock and x["verdict"] != "released" else ""
    return {
        **x,
        "title": KINDS.get(x["kind"], x["kind"]),
        "age": span(between(x["started_at"], clock)),
        "left": limited,
    }


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """What was flagged, the newest first."""
    verdict = request.query.get("verdict", "all")
    verdict = verdict if verdict in VERDICTS else "all"
    found = await backend.reviews(reader, verdict, request.query.get("cursor"), LIST)
    clock = now()
    page = render(
        "review.html",
        me=reader,
        here="review",
        exhausted=(await backend.summary(reader))["exhausted"],
        items=[shown(x, clock) for x in found["items"]],
        dependencies=found["dependencies"],
        next=found["next"],
        verdict=verdict,
        verdicts=VERDICTS,
        may=reader.kind == "person",
        said=request.query.get("said", "")[:SAID_MAX],
        csrf=masked(reader.csrf),
        behind=view.behind(found["as_of"], clock),
    )
    return html(page)


@signed_in
async def answer(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """A verdict by a plain form, then back to the list with what became of it."""
    form = await theirs(request, reader)
    verb = request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound()
    said = await backend.judge(reader, request.match_info["name"], verb, form.get("note") or None)
    raise web.HTTPSeeOther(str(request.rel_url.with_path("/review").with_query(said=said[:SAID_MAX])))
