"""The page of suggestions: what may be an incident, and two plain forms by which a person decides. No script needed."""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, signed_in, theirs
from gateway.web.environment import render
from gateway.web.secret import masked
from gateway.web.words import between, span

LIST = 50
SAID_MAX = 300
STATES = ("open", "accepted", "dismissed", "expired", "all")
VERBS = ("accept", "dismiss")
# By confidence: (hue, style). What is only possible is dashed.
CONFIDENCE = {"high": ("amber", ""), "medium": ("amber", "dash"), "low": ("grey", "dash"), "none": ("grey", "dash")}


def shown(x: Json, clock: str) -> Json:
    """A suggestion with its age, how long it still waits, and what people made of its pattern, in words."""
    counts = x["counts"]
    told = [f"{counts[name]} {name}" for name in ("accepted", "dismissed", "expired") if counts[name]]
    hue, style = CONFIDENCE[x["confidence"]]
    return {
        **x,
        "age": span(between(x["at"], clock)),
        "left": span(between(clock, x["expires_at"])) if x["state"] == "open" else "",
        "history": ", ".join(told),
        "hue": hue,
        "style": style,
    }


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The open suggestions, or those of `state`."""
    state = request.query.get("state", "open")
    state = state if state in STATES else "open"
    found = await backend.suggestions(reader, state, request.query.get("cursor"), LIST)
    clock = now()
    page = render(
        "suggestions.html",
        me=reader,
        here="suggestions",
        exhausted=(await backend.summary(reader))["exhausted"],
        items=[shown(x, clock) for x in found["items"]],
        next=found["next"],
        state=state,
        states=STATES,
        may=reader.kind == "person",
        said=request.query.get("said", "")[:SAID_MAX],
        csrf=masked(reader.csrf),
        behind=view.behind(found["as_of"], clock),
    )
    return html(page)


@signed_in
async def answer(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """A decision by a plain form, then back to the list with what became of it."""
    form = await theirs(request, reader)
    name, verb = request.match_info["name"], request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound()
    said = await backend.decide(reader, name, verb, form)
    raise web.HTTPSeeOther(str(request.rel_url.with_path("/suggestions").with_query(said=said[:SAID_MAX])))
