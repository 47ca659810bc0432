"""Changes out: what was changed where by whom, with its difference; an incident's causes are among them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.http.answering import answer, limit_of, query_of, time_of
from gateway.http.auth import tenant_of
from gateway.http.errors import NotFound
from gateway.http.keys import SERVICES
from projections.incidents import changes
from projections.postgres import Scope, scoped
from schemas import ids


async def get_changes(request: web.Request) -> web.Response:
    """GET /v1/changes: the newest first."""
    query = query_of(request, "limit", "cursor", "resource", "kind", "actor", "since", "until")
    asked = changes.Asked(
        resource=query.get("resource"),
        kind=query.get("kind"),
        actor=query.get("actor"),
        since=time_of(query, "since"),
        until=time_of(query, "until"),
    )
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        return answer(await changes.changes(scope, asked, limit=limit_of(query), cursor=query.get("cursor")))


async def get_change(request: web.Request) -> web.Response:
    """GET /v1/changes/{change}: one change by its id."""
    query_of(request)
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        return answer(await change(scope, request.match_info["change"]))


async def change(scope: Scope, name: str) -> dict[str, Any]:
    """One change. Raises NotFound `change_unknown`."""
    change_id = ids.parse(name)
    found = None if change_id is None else await changes.one(scope, change_id)
    if found is None:
        raise NotFound("change_unknown", "the change", "there is none with this id", "See GET /v1/changes.")
    return found
