"""The handlers of the pages. Each asks the backend for what it shows, fills a template, and answers.

Fragments (`/incidents/INC-1/now`, `…/news`, `…/pages`, `…/story`, `/incidents/rows`, `/incidents/news`, `/banner`) are
the same templates as the page itself; htmx asks for them every 2-3 s. Nothing a reader is reading is moved: what is in
place changes in place, what is new waits in a pill.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from gateway.web import view
from gateway.web.environment import render
from schemas.errors import MandateError

STATIC = Path(__file__).parent / "static"
LIST = 50  # incidents on one page of the list
ENTRIES = 1_000  # entries of one incident's timeline on its page
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: the token's tenant and subject, its kind, and the secret that a form must send back."""

    tenant: str
    subject: str
    kind: str
    csrf: str


class Backend(Protocol):
    """What the pages need of the gateway. Lists are `{"items", "next", "as_of"}` of the API."""

    def reader(self, request: web.Request) -> Reader | None:
        """Who is signed in, or None."""

    async def incidents(self, reader: Reader, state: str | None, cursor: str | None, limit: int) -> Json:
        """A page of incidents."""

    async def incident(self, reader: Reader, name: str) -> Json:
        """One incident by INC-n or id. Raises MandateError `incident_unknown`."""

    async def timeline(self, reader: Reader, name: str, limit: int) -> Json:
        """An incident's timeline."""

    async def pages(self, reader: Reader, name: str, limit: int) -> Json:
        """An incident's pages."""

    async def exhausted(self, reader: Reader) -> list[Json]:
        """Incidents whose escalation ended without an answer and that nobody has taken since."""

    async def answer(self, reader: Reader, name: str, verb: str) -> str:
        """Send acknowledge or resolve; returns what became of it in one sentence."""


BACKEND: web.AppKey[Backend] = web.AppKey("pages-backend", Backend)
Handler = Callable[[web.Request, Backend, Reader], Awaitable[web.StreamResponse]]


def now() -> str:
    """The server's clock as the API writes it; for ages on the page only."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def html(text: str, status: int = 200) -> web.Response:
    """A page with the headers that hold on every one."""
    headers = {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def signed_in(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Ask for a token first; turn an error with a code into a page that says what to do."""

    async def wrapped(request: web.Request) -> web.StreamResponse:
        backend = request.app[BACKEND]
        reader = backend.reader(request)
        if reader is None:
            if request.headers.get("HX-Request"):
                return html("", 401)
            raise web.HTTPSeeOther(f"/login?next={request.path}")
        try:
            return await handler(request, backend, reader)
        except MandateError as error:
            status = 404 if error.code.endswith("unknown") else 503
            page = render(
                "problem.html", me=reader, exhausted=[], title=error.what, detail=error.why, remedy=error.remedy
            )
            return html(page, status)

    return wrapped


def login_page(next_path: str, said: str = "") -> web.Response:
    """The form that takes a token; the gateway checks it."""
    return html(render("login.html", me=None, next=next_path, said=said), 401 if said else 200)


async def login(request: web.Request) -> web.StreamResponse:
    """The form of POST /login; who is signed in goes on."""
    following = request.query.get("next", "/")
    if request.app[BACKEND].reader(request) is not None:
        raise web.HTTPSeeOther(following if following.startswith("/") and following[1:2] not in "/\\" else "/")
    return login_page(following)


async def home(_: web.Request) -> web.StreamResponse:
    """The front door leads to the list."""
    raise web.HTTPSeeOther("/incidents")


@signed_in
async def banner(_: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The red banner, kept fresh."""
    return html(render("banner.html", exhausted=await backend.exhausted(reader)))


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The list: unanswered first."""
    chosen = request.query.get("state")
    state = chosen if chosen in ("open", "resolved") else None
    found = await backend.incidents(reader, state, request.query.get("cursor"), LIST)
    clock = now()
    items = [view.incident(x, clock) for x in view.sorted_for_reading(found["items"])]
    return html(
        render(
            "incidents.html",
            me=reader,
            exhausted=await backend.exhausted(reader),
            items=items,
            next=found["next"],
            view=state,
            known=max((x["number"] for x in items), default=0),
            fresh=0,
            behind=view.behind(found["as_of"], clock),
        )
    )


@signed_in
async def rows(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The rows that the reader has, in the order that the reader has, as they are now."""
    numbers = [int(n) for n in request.query.get("order", "").split(",")[:LIST] if n.isdecimal()]
    clock = now()
    found = [view.incident(await backend.incident(reader, f"INC-{n}"), clock) for n in numbers]
    return html(render("rows.html", items=found))


@signed_in
async def list_news(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pill that says how many incidents are new since the list was loaded."""
    known = int(request.query.get("known", "0") or 0)
    found = await backend.incidents(reader, None, None, LIST)
    fresh = sum(1 for x in found["items"] if x["number"] > known)
    return html(render("list_news.html", known=known, fresh=fresh))


async def _now(backend: Backend, reader: Reader, name: str, said: str = "") -> Json:
    found = await backend.incident(reader, name)
    pages = view.in_order((await backend.pages(reader, name, LIST))["items"])
    clock = now()
    return {
        "x": view.incident(found, clock),
        "me": reader,
        "csrf": reader.csrf,
        "may_answer": reader.kind == "person",
        "said": said,
        "on_it": view.on_it(found, pages, clock),
        "name": found["name"],
        "pages": pages,
        "historical": found["historical"],
        "behind": view.behind(found["as_of"], clock),
    }


@signed_in
async def incident_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One incident: summary, the bar, timeline, pages, why."""
    context = await _now(backend, reader, request.match_info["name"], request.query.get("said", "")[:300])
    entries = (await backend.timeline(reader, context["name"], ENTRIES))["items"]
    changes = view.changes_before(entries, context["x"]["first_failure_at"])
    return html(
        render(
            "incident.html",
            **context,
            entries=view.story(entries),
            changes=changes,
            known=len(entries),
            fresh=0,
            exhausted=await backend.exhausted(reader),
        )
    )


@signed_in
async def incident_now(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """Header, summary and bar, kept fresh in place."""
    return html(render("now.html", **await _now(backend, reader, request.match_info["name"])))


@signed_in
async def incident_news(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pill over the timeline."""
    name = request.match_info["name"]
    known = int(request.query.get("known", "0") or 0)
    entries = (await backend.timeline(reader, name, ENTRIES))["items"]
    return html(render("news.html", name=name, known=known, fresh=max(0, len(entries) - known)))


@signed_in
async def incident_story(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The timeline anew, when the reader asked for it."""
    name = request.match_info["name"]
    entries = (await backend.timeline(reader, name, ENTRIES))["items"]
    return html(render("timeline.html", name=name, entries=view.story(entries), known=len(entries), fresh=0))


@signed_in
async def incident_pages(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pages sent, with their outcomes as they are now."""
    name = request.match_info["name"]
    found = await backend.incident(reader, name)
    pages = view.in_order((await backend.pages(reader, name, LIST))["items"])
    return html(render("pages.html", name=found["name"], pages=pages, historical=found["historical"]))


@signed_in
async def answer(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """Acknowledge or resolve by a plain form, then back to the page with what became of it."""
    form = await request.post()
    if form.get("csrf") != reader.csrf:
        return html(
            render(
                "problem.html",
                me=reader,
                exhausted=[],
                title="The form was too old",
                detail="It did not carry the secret of your session.",
                remedy="Open the incident again and press the button there.",
            ),
            403,
        )
    name = request.match_info["name"]
    said = await backend.answer(reader, name, request.match_info["verb"])
    raise web.HTTPSeeOther(str(request.rel_url.with_path(f"/incidents/{name}").with_query(said=said)))


def routes(backend_app: web.Application, backend: Backend) -> None:
    """Mount the pages on the gateway's application."""
    backend_app[BACKEND] = backend
    backend_app.add_routes(
        [
            web.get("/", home),
            web.get("/login", login),
            web.get("/banner", banner),
            web.get("/incidents", list_page),
            web.get("/incidents/rows", rows),
            web.get("/incidents/news", list_news),
            web.get("/incidents/{name}", incident_page),
            web.get("/incidents/{name}/now", incident_now),
            web.get("/incidents/{name}/news", incident_news),
            web.get("/incidents/{name}/story", incident_story),
            web.get("/incidents/{name}/pages", incident_pages),
            web.post("/incidents/{name}/{verb:acknowledge|resolve}", answer),
            web.static("/static", STATIC),
        ]
    )
