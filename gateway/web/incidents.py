"""The handlers of incidents: the list, and one incident. Each asks the backend for what it shows and fills a template.

Fragments (`/incidents/INC-1/now`, `…/news`, `…/pages`, `…/story`, `/incidents/rows`, `/incidents/news`, `/banner`) are
the same templates as the page itself; htmx asks for them every 2-3 s. Nothing a reader is reading is moved: what is in
place changes in place, what is new waits in a pill.
"""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.catalog import panel as blast_panel
from gateway.web.changes import panel
from gateway.web.door import Backend, Json, Reader, html, now, signed_in, theirs
from gateway.web.environment import render
from gateway.web.listing import Listing
from gateway.web.moves import NOTHING, offers
from gateway.web.responding import together
from gateway.web.secret import masked
from gateway.web.story import GROUPS, changes_before, story

LIST = 50  # incidents on one page of the list
ENTRIES = 1_000  # entries of one incident's timeline on its page
SAID_MAX = 300


@signed_in
async def banner(_: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The red banner, kept fresh."""
    return html(render("banner.html", exhausted=(await backend.summary(reader))["exhausted"]))


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The list: unanswered first."""
    asked = Listing.of(request.query)
    found = await backend.incidents(reader, asked.parameters(reader.subject), request.query.get("cursor"), LIST)
    summary = await backend.summary(reader)
    short = await backend.overview(reader)
    clock = now()
    items = [view.incident(x, clock) for x in view.sorted_for_reading(found["items"])]
    return html(
        render(
            "incidents.html",
            me=reader,
            here="incidents",
            exhausted=summary["exhausted"],
            items=items,
            next=found["next"],
            asked=asked,
            totals=summary["incidents"],
            short=view.short(short, items, summary["incidents"]["open"]),
            known=max((x["number"] for x in items), default=0),
            fresh=0,
            behind=view.behind(found["as_of"], clock),
        )
    )


@signed_in
async def rows(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The rows that the reader has, in the order that the reader has, as they are now."""
    numbers = [int(n) for n in request.query.get("order", "").split(",")[:LIST] if n.isascii() and n.isdecimal()]
    clock = now()
    found = [view.incident(await backend.incident(reader, f"INC-{n}"), clock) for n in numbers]
    return html(render("rows.html", items=found))


@signed_in
async def list_news(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pill that says how many incidents are new since the list was loaded, of those that the reader asked for."""
    known = view.number(request.query.get("known"))
    asked = Listing.of(request.query)
    # Every open list asks every 2 s: without filters the short read model knows it, one look into Redis.
    short = None if asked.given else await backend.overview(reader)
    if short is not None:
        fresh = max(0, view.newest(short) - known)
    else:
        found = await backend.incidents(reader, asked.parameters(reader.subject), None, LIST)
        fresh = sum(1 for x in found["items"] if x["number"] > known)
    return html(render("list_news.html", known=known, fresh=fresh, asked=asked))


async def _now(backend: Backend, reader: Reader, name: str, said: str = "") -> Json:
    found = await backend.incident(reader, name)
    pages = view.in_order((await backend.pages(reader, name, LIST))["items"])
    clock = now()
    return {
        "x": view.incident(found, clock),
        "me": reader,
        "csrf": masked(reader.csrf),
        "offers": offers(found, reader.subject, backend.verbs) if reader.kind == "person" else NOTHING,
        "said": said,
        "together": together(found, reader.subject),
        "on_it": view.on_it(found, pages, clock),
        "name": found["name"],
        "pages": pages,
        "historical": found["historical"],
        "behind": view.behind(found["as_of"], clock),
    }


def _group(request: web.Request) -> str:
    kind = request.query.get("kind", "all")
    return kind if kind in GROUPS else "all"


async def _story(backend: Backend, reader: Reader, name: str, group: str) -> tuple[Json, list[Json]]:
    """What timeline.html needs, and the entries themselves."""
    entries = (await backend.timeline(reader, name, ENTRIES))["items"]
    shown = {"name": name, "entries": story(entries, group), "known": len(entries), "fresh": 0, "group": group}
    return shown, entries


@signed_in
async def incident_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One incident: summary, the bar, timeline, pages, why."""
    context = await _now(backend, reader, request.match_info["name"], request.query.get("said", "")[:SAID_MAX])
    asked = request.match_info["name"]
    if context["name"].lower() != asked.lower() and asked.upper().startswith("INC-"):
        said = f"{asked.upper()} was merged into {context['name']}."
        raise web.HTTPSeeOther(str(request.rel_url.with_path(f"/incidents/{context['name']}").with_query(said=said)))
    told, entries = await _story(backend, reader, context["name"], _group(request))
    # By the log on both sides: an agent's clock may be ahead of the change that it met.
    changes = changes_before(entries, context["x"]["opened_at"])
    context |= told | {"changes": changes, "compared": panel(entries, context["x"])}
    context["blast"] = await blast_panel(backend, reader, context["name"])
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("incident.html", **context, here="incidents", groups=GROUPS, exhausted=exhausted))


@signed_in
async def incident_now(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """Header, summary and bar, kept fresh in place."""
    return html(render("now.html", **await _now(backend, reader, request.match_info["name"])))


@signed_in
async def incident_news(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pill over the timeline."""
    name, known = request.match_info["name"], view.number(request.query.get("known"))
    entries = (await backend.timeline(reader, name, ENTRIES))["items"]
    fresh = max(0, len(entries) - known)
    return html(render("news.html", name=name, known=known, fresh=fresh, group=_group(request)))


@signed_in
async def incident_story(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The timeline anew, when the reader asked for it."""
    told, _ = await _story(backend, reader, request.match_info["name"], _group(request))
    return html(render("timeline.html", **told, groups=GROUPS))


@signed_in
async def incident_pages(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The pages sent, with their outcomes as they are now."""
    name = request.match_info["name"]
    found = await backend.incident(reader, name)
    pages = view.in_order((await backend.pages(reader, name, LIST))["items"])
    return html(render("pages.html", name=found["name"], pages=pages, historical=found["historical"]))


@signed_in
async def answer(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """A command by a plain form, then back to the page with what became of it."""
    form = await theirs(request, reader)
    name, verb = request.match_info["name"], request.match_info["verb"]
    if verb not in backend.verbs:
        raise web.HTTPNotFound()
    said = await backend.answer(reader, name, verb, form)
    raise web.HTTPSeeOther(str(request.rel_url.with_path(f"/incidents/{name}").with_query(said=said[:SAID_MAX])))
