"""What happens around every request: one line in the log, errors as problems, and who asks.

aiohttp 3.14 calls a middleware's next step by keyword: the parameter must be named `handler`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.http import auth, problems
from gateway.http.errors import Unavailable
from gateway.http.keys import PRINCIPAL, SERVICES
from gateway.registry.subjects import PREFIX as REGISTRY

log = logging.getLogger("gateway.access")

_QUIET = ("/healthz", "/metrics")
# Longer than a body (15 s) and what follows it (acknowledgement 10 s) together: only forms that trickle in end by it.
REQUEST_S = 28.0
IF_NONE_MATCH_MAX = 16  # answers that a caller may name; none of ours has more than one form


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: turns errors into problems, counts, and writes the access log. Never a query, a body or a token."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(REQUEST_S):
            response = await handler(request)
    except TimeoutError:
        response = problems.of(_too_slow())
    except asyncio.CancelledError:
        raise
    except web.HTTPException as error:
        # Redirects of pages are answers, not errors.
        response = error if error.status < 400 else problems.of(error)
    except Exception as error:
        response = problems.of(error)
    if response.status == 200 and request.method in ("GET", "HEAD") and _has(request, response):
        kept = {name: response.headers[name] for name in ("ETag", "Cache-Control") if name in response.headers}
        response = web.Response(status=304, headers=kept)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    seconds = time.perf_counter() - began
    route = request.match_info.route.resource
    name = route.canonical if route is not None else "none"
    request.app[SERVICES].metrics.request(name, response.status, seconds)
    if request.path not in _QUIET:
        who = request.get(PRINCIPAL)
        by = "-" if who is None else f"{who.tenant or '-'}/{who.subject}"
        # The path as it was sent (percent-encoded): no control character of a caller reaches the log.
        log.info(
            "%s %s %d %.1f ms %s", request.method, request.rel_url.raw_path[:300], response.status, seconds * 1e3, by
        )
    return response


def _has(request: web.Request, response: web.StreamResponse) -> bool:
    """True when the caller has this answer already (If-None-Match, RFC 9110 13.1.2: weak comparison)."""
    given, etag = request.headers.get("If-None-Match"), response.headers.get("ETag")
    if given is None or etag is None:
        return False
    known = [one.strip().removeprefix("W/") for one in given.split(",")[:IF_NONE_MATCH_MAX]]
    return given.strip() == "*" or etag.removeprefix("W/") in known


def _too_slow() -> Unavailable:
    why = f"it was not answered within {REQUEST_S:.0f} s"
    return Unavailable("request_unanswered", "the request", why, "It may have been done: send it again unchanged.")


@web.middleware
async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Puts the principal into the request, where there is one. Whether it may is the route's to say."""
    # The registry is open, and its clients send credentials in forms of their own.
    if request.path not in _QUIET and not request.path.startswith(REGISTRY):
        who = await auth.identify(request)
        if who is not None:
            request[PRINCIPAL] = who
    return await handler(request)
