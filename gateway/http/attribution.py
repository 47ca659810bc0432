"""Why an incident happened, out: ranked causes with the parts of their points, its kind, and what one could do."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.http.answering import answer, query_of
from gateway.http.auth import tenant_of
from gateway.http.commands import unknown
from gateway.http.keys import SERVICES
from projections.incidents import queries
from projections.postgres import scoped


async def get_causes(request: web.Request) -> web.Response:
    """GET /v1/incidents/{incident}/causes."""
    query_of(request)
    return answer(await causes(request, tenant_of(request), request.match_info["incident"]))


async def causes(request: web.Request, tenant: str, name: str) -> dict[str, Any]:
    """The causes of one incident. Raises NotFound `incident_unknown`."""
    async with scoped(request.app[SERVICES].read_models, tenant) as scope:
        found = await queries.causes_of(scope, name)
    if found is None:
        raise unknown(name)
    return found
