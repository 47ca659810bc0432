"""The pages of the catalog, and the panel of an incident's blast radius. Pictures are gateway.catalog.picture's."""

from __future__ import annotations

from aiohttp import web

from gateway.catalog import picture
from gateway.web.door import Backend, Json, Reader, html, signed_in
from gateway.web.environment import render

SERVICES = 100  # on one page


async def panel(backend: Backend, reader: Reader, name: str) -> Json:
    """What incident_blast.html needs."""
    found = await backend.radius(reader, name)
    graph = found["owner_graph"]
    return {
        "found": found,
        "sure": sum(1 for n in found["nodes"] if n["relation"] != "possibly"),
        "possible": sum(1 for n in found["nodes"] if n["relation"] == "possibly") + found["cut"],
        "picture": picture.of_radius(found),
        "owners": None if graph is None else picture.of_owners(graph["service"], graph),
    }


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """All services by name."""
    words = request.query.get("q", "")[:256]
    found = await backend.catalog(reader, words, request.query.get("cursor"), SERVICES)
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("catalog.html", me=reader, here="catalog", exhausted=exhausted, x=found, q=words))


@signed_in
async def service_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One service: owners, neighbours, names."""
    found = await backend.service(reader, request.match_info["service"])
    drawn = picture.of_owners(found["id"], found["owners"])
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("service.html", me=reader, here="catalog", exhausted=exhausted, x=found, picture=drawn))
