"""The pages of the catalog, and the panel of an incident's blast radius. Pictures are gateway.catalog.picture's."""

from __future__ import annotations

from aiohttp import web

from gateway.catalog import picture
from gateway.web.door import Backend, Json, Reader, html, signed_in, uploaded
from gateway.web.environment import render
from gateway.web.secret import masked
from schemas.errors import ConfigurationError

SERVICES = 100  # on one page
SHOWN = 20  # of each list of an import


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
    return await _list(request, backend, reader)


@signed_in
async def upload(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """Files become the catalog, or are only looked at; what came of it stands above the list."""
    fields, files = await uploaded(request, reader)
    dry = fields.get("what") != "import"
    try:
        found = await backend.take_catalog(reader, files, fields.get("repository", "").strip(), dry)
    except ConfigurationError as error:
        return await _list(request, backend, reader, refused=backend.problem(error))
    return await _list(request, backend, reader, taken=found)


async def _list(
    request: web.Request, backend: Backend, reader: Reader, taken: Json | None = None, refused: Json | None = None
) -> web.StreamResponse:
    words = request.query.get("q", "")[:256]
    found = await backend.catalog(reader, words, request.query.get("cursor"), SERVICES)
    context: Json = {"x": found, "q": words, "taken": taken, "refused": refused, "shown": SHOWN}
    context |= {"exhausted": (await backend.summary(reader))["exhausted"], "csrf": masked(reader.csrf)}
    page = render("catalog.html", me=reader, here="catalog", **context)
    return html(page, 200 if refused is None else refused["status"])


@signed_in
async def service_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One service: owners, neighbours, names."""
    found = await backend.service(reader, request.match_info["service"])
    drawn = picture.of_owners(found["id"], found["owners"])
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("service.html", me=reader, here="catalog", exhausted=exhausted, x=found, picture=drawn))
