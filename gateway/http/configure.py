"""PUT and GET /v1/tenants/{tenant}/configuration: the operator's, and the tenant's own admins'."""

from __future__ import annotations

from aiohttp import web

from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.keys import SERVICES


async def put_configuration(request: web.Request) -> web.Response:
    """Accept new versions of documents (or check them: dry_run), and the tenant's tokens."""
    by = principal_of(request).subject
    async with json_body(request) as plain:
        return web.json_response(
            await request.app[SERVICES].configurations.put(request.match_info["tenant"], plain, by)
        )


async def get_configuration(request: web.Request) -> web.Response:
    """Documents, versions, whether they are announced, and the secret that signs the tenant's webhooks."""
    answer = web.json_response(await request.app[SERVICES].configurations.show(request.match_info["tenant"]))
    # It holds a secret: no proxy, no browser cache.
    answer.headers["Cache-Control"] = "no-store"
    return answer
