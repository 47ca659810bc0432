"""The whole URL table of the API on one screen. The pages' own table is gateway.web.pages.routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.http import auth, commands, configure, ingest, operations, reads
from gateway.http.auth import Access

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: who may use it, and what answers."""

    method: str
    path: str
    access: Access
    handler: Handler


ROUTES = (
    Route("GET", "/healthz", Access.OPEN, operations.healthz),
    Route("GET", "/metrics", Access.OPEN, operations.metrics),
    Route("POST", "/login", Access.OPEN, auth.login),
    Route("POST", "/logout", Access.OPEN, auth.logout),
    Route("GET", "/v1/me", Access.TENANT, auth.me),
    Route("PUT", "/v1/tenants/{tenant}/configuration", Access.CONFIGURE, configure.put_configuration),
    Route("GET", "/v1/tenants/{tenant}/configuration", Access.CONFIGURE, configure.get_configuration),
    Route("POST", "/v1/actions", Access.TENANT, ingest.post_actions),
    Route("GET", "/v1/timeline", Access.TENANT, reads.get_timeline),
    Route("GET", "/v1/timeline/{event}", Access.TENANT, reads.get_action),
    Route("GET", "/v1/incidents", Access.TENANT, reads.get_incidents),
    Route("GET", "/v1/incidents/{incident}", Access.TENANT, reads.get_incident),
    Route("GET", "/v1/incidents/{incident}/timeline", Access.TENANT, reads.get_incident_timeline),
    Route("POST", "/v1/incidents/{incident}/acknowledge", Access.PERSON, commands.post_acknowledge),
    Route("POST", "/v1/incidents/{incident}/resolve", Access.PERSON, commands.post_resolve),
    Route("GET", "/v1/commands/{command}", Access.TENANT, commands.get_command),
    Route("GET", "/v1/pages", Access.TENANT, reads.get_pages),
    Route("GET", "/v1/summary", Access.TENANT, reads.get_summary),
)


def add(app: web.Application) -> None:
    """Mount the table; each handler runs behind its access check."""
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _guarded(route))


def _guarded(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        auth.check(request, route.access)
        return await route.handler(request)

    return handle
