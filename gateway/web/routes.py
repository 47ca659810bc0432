"""The whole URL table of the pages on one screen, and the front door."""

from __future__ import annotations

from aiohttp import web

from gateway.web import (
    actions,
    assets,
    calendar,
    cases,
    catalog,
    changes,
    health,
    incidents,
    regrouping,
    review,
    suggestions,
)
from gateway.web.door import BACKEND, Backend, html
from gateway.web.environment import render


def login_page(next_path: str, said: str = "") -> web.Response:
    """The form that takes a token; the gateway checks it."""
    return html(render("login.html", me=None, here="", next=next_path, said=said), 401 if said else 200)


async def login(request: web.Request) -> web.StreamResponse:
    """The form of POST /login; who is signed in goes on."""
    following = request.query.get("next", "/")
    if request.app[BACKEND].reader(request) is not None:
        raise web.HTTPSeeOther(following if following.startswith("/") and following[1:2] not in "/\\" else "/")
    return login_page(following)


async def home(_: web.Request) -> web.StreamResponse:
    """The front door leads to the list."""
    raise web.HTTPSeeOther("/incidents")


def add(app: web.Application, backend: Backend) -> None:
    """Mount the pages on the gateway's application."""
    app[BACKEND] = backend
    app[assets.ASSETS] = assets.load()
    app.add_routes(
        [
            web.get("/", home),
            web.get("/login", login),
            web.get("/banner", incidents.banner),
            web.get("/incidents", incidents.list_page),
            web.get("/incidents/rows", incidents.rows),
            web.get("/incidents/news", incidents.list_news),
            web.get("/incidents/{name}", incidents.incident_page),
            web.get("/incidents/{name}/now", incidents.incident_now),
            web.get("/incidents/{name}/news", incidents.incident_news),
            web.get("/incidents/{name}/story", incidents.incident_story),
            web.get("/incidents/{name}/pages", incidents.incident_pages),
            web.get("/incidents/{name}/regroup", regrouping.regroup_page),
            web.get("/incidents/{name}/regroup/confirm", regrouping.confirm_page),
            web.get("/incidents/{name}/together/{other}", regrouping.together_page),
            web.post("/incidents/{name}/{verb}", incidents.answer),
            web.get("/changes/{change}", changes.change_page),
            web.get("/suggestions", suggestions.list_page),
            web.post("/suggestions/{name}/{verb}", suggestions.answer),
            web.get("/catalog", catalog.list_page),
            web.post("/catalog", catalog.upload),
            web.get("/catalog/{service:.+}", catalog.service_page),
            web.get("/calendar", calendar.calendar_page),
            web.get("/review", review.list_page),
            web.post("/review/{name}/{verb}", review.answer),
            web.get("/cases", cases.list_page),
            web.get("/cases/{name}", cases.case_page),
            web.get("/actions", actions.fate_page),
            web.get("/health", health.health_page),
            web.get("/health/now", health.health_now),
            web.get("/static/{name}", assets.asset),
        ]
    )
