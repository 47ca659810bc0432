"""The page of what was flagged, with its evidence, and two plain forms by which a person judges. No script needed."""

from __future__ import annotations

from typing import Any, Protocol, cast

from aiohttp import web

from gateway.http import bodies
from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, problem, signed_in
from gateway.web.environment import render
from gateway.web.secret import masked, theirs
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


class Reviewing(Protocol):
    """What this page needs of the gateway."""

    async def reviews(self, reader: Reader, verdict: str, cursor: str | None, limit: int) -> Json:
        """A page of what was flagged, and the tenant's external dependencies as `dependencies`."""

    async def judge(self, reader: Reader, name: str, verb: str, note: str | None) -> str:
        """A person's verdict; returns what became of it in one sentence."""


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
    found = await cast(Reviewing, cast(Any, backend)).reviews(reader, verdict, request.query.get("cursor"), LIST)
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
    form = await bodies.form(request)
    if not theirs(form.get("csrf"), reader.csrf):
        old = {
            "status": 403,
            "title": "The form was too old",
            "detail": "It did not carry the secret of your session.",
            "remedy": "Open the list again and press the button there.",
        }
        return problem(reader, old)
    verb = request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound()
    backing = cast(Reviewing, cast(Any, backend))
    said = await backing.judge(reader, request.match_info["name"], verb, form.get("note") or None)
    raise web.HTTPSeeOther(str(request.rel_url.with_path("/review").with_query(said=said[:SAID_MAX])))
