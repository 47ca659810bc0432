"""The gateway's application: middlewares, the API's table, the pages, the schema registry."""

from __future__ import annotations

from aiohttp import web

from gateway.http import middlewares, routes
from gateway.http.budget import BODY_MAX
from gateway.http.keys import SERVICES
from gateway.http.pages_backend import PagesBackend
from gateway.http.services import Services
from gateway.registry import doors as registry
from gateway.web import routes as pages

# aiohttp answers a body that is not compressed as it says by hanging up: bodies.py opens it, within its limit.
AUTO_DECOMPRESS = False


def build(services: Services) -> web.Application:
    """The application on these services, to be served with AUTO_DECOMPRESS. Starts nothing."""
    app = web.Application(
        middlewares=[middlewares.observed, middlewares.identified],
        client_max_size=BODY_MAX,
    )
    app[SERVICES] = services
    services.login_refused = pages.login_page
    routes.add(app)
    pages.add(app, PagesBackend(services))
    registry.routes(app, services.topology)
    return app
