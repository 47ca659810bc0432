"""GET /v1/catalog, /v1/catalog/{service}, /v1/incidents/{incident}/blast-radius."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.catalog.current import Current
from gateway.catalog.owners import owners_of
from gateway.catalog.shapes import graph, one, summary, whole
from gateway.http.answering import answer, limit_of, query_of
from gateway.http.auth import tenant_of
from gateway.http.commands import unknown
from gateway.http.errors import NotFound
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections import paging
from projections.incidents.radii import blast_radius
from projections.postgres import scoped

_CURSOR = "catalog"


async def get_catalog(request: web.Request) -> web.Response:
    """The services by name, narrowed by owner or by what is in their names; with what is odd about the whole."""
    query = query_of(request, "limit", "cursor", "owner", "q")
    current = await request.app[SERVICES].configurations.catalogs.of(tenant_of(request))
    return answer(listed(current, query.get("q", ""), query.get("owner"), query.get("cursor"), limit_of(query)))


def listed(current: Current, words: str, owner: str | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the catalog. Raises BadRequest `bad_cursor`."""
    after = 0 if cursor is None else paging.number_in(_CURSOR, cursor)
    words = words.lower()
    found = [
        s
        for s in current.catalog.services
        if (owner is None or s.owner == owner)
        and (not words or any(words in name.lower() for name in (s.id, s.name, *s.resources)))
    ]
    end = after + limit
    following = paging.encode(_CURSOR, end) if len(found) > end else None
    return whole(current) | {"items": [summary(s) for s in found[after:end]], "next": following}


async def get_service(request: web.Request) -> web.Response:
    """One service, by its id or by the name of a resource of it."""
    query_of(request)
    current = await request.app[SERVICES].configurations.catalogs.of(tenant_of(request))
    return answer(service(current, request.match_info["service"]))


def service(current: Current, name: str) -> dict[str, Any]:
    """One service. Raises NotFound `service_unknown`."""
    found = current.catalog.service(name)
    if found is None:
        why = "the catalog has no service and no resource of this name"
        raise NotFound("service_unknown", f"service {name[:64]}", why, "See `mandate catalog show`.", field="service")
    return one(current, found)


async def get_blast_radius(request: web.Request) -> web.Response:
    """What an incident may have hit, as it was stated; its numbers; and who owns what failed."""
    query_of(request)
    return answer(await radius(request.app[SERVICES], tenant_of(request), request.match_info["incident"]))


async def radius(services: Services, tenant: str, name: str) -> dict[str, Any]:
    """A blast radius with `owner_graph` (None where the catalog knows nothing). Raises NotFound `incident_unknown`."""
    async with scoped(services.read_models, tenant) as scope:
        found = await blast_radius(scope, name)
    if found is None:
        raise unknown(name)
    current = await services.configurations.catalogs.of(tenant)
    known = [s for s in map(current.catalog.get, found["services"]) if s is not None]
    here = known[0] if known else current.catalog.service(found["resource"])
    return found | {"owner_graph": None if here is None else {"service": here.id} | graph(owners_of(current, here))}
