"""GET /v1/suggestions[/{suggestion}], POST /v1/suggestions/{suggestion}/accept|dismiss: a person decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from aiohttp import web

from gateway.http import commands
from gateway.http.answering import limit_of, query_of
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.commands import Asked
from gateway.http.errors import BadRequest, NotFound
from gateway.http.fields import TEXT_MAX, Fields
from gateway.http.ingest import idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections.incidents import suggestion_queries as queries
from projections.postgres import scoped
from schemas import ids
from schemas.messages.incidents import AcceptSuggestion, DismissSuggestion

Verb = Literal["accept", "dismiss"]
Json = dict[str, Any]


async def get_suggestions(request: web.Request) -> web.Response:
    """GET /v1/suggestions: the open ones, or those of `state`; the newest first."""
    who, services = principal_of(request), request.app[SERVICES]
    query = query_of(request, "limit", "cursor", "state")
    state = query.get("state", "open")
    if state not in queries.STATES:
        why, remedy = "it is not known", f"Use {', '.join(queries.STATES)}."
        raise BadRequest("parameter_malformed", "parameter state", why, remedy, field="state")
    limit, cursor = limit_of(query), query.get("cursor")
    async with scoped(services.read_models, who.tenant or "") as scope:
        return web.json_response(await queries.suggestions(scope, limit=limit, cursor=cursor, state=state))


async def get_suggestion(request: web.Request) -> web.Response:
    """GET /v1/suggestions/{suggestion}: one, by SUG-n or id."""
    who, services = principal_of(request), request.app[SERVICES]
    return web.json_response(await one(services, who.tenant or "", request.match_info["suggestion"]))


async def one(services: Services, tenant: str, name: str) -> Json:
    """One suggestion. Raises NotFound `suggestion_unknown`."""
    async with scoped(services.read_models, tenant) as scope:
        found = await queries.one(scope, name)
    if found is None:
        raise unknown(name)
    return found


def unknown(name: str) -> NotFound:
    """The problem of a suggestion that is not there."""
    why, remedy = "there is no such suggestion", "See `mandate suggestions list`."
    return NotFound("suggestion_unknown", f"suggestion {name[:64]}", why, remedy, field="suggestion")


def post(verb: Verb) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /v1/suggestions/{suggestion}/<verb>: accept takes `note?`, dismiss takes `reason`."""

    async def handle(request: web.Request) -> web.Response:
        async with json_body(request, empty={}) as plain:
            body = Fields(plain)
            words = said(verb, body)
            body.done()
        who, services = principal_of(request), request.app[SERVICES]
        name = request.match_info["suggestion"]
        asked = await ask(services, who.tenant or "", who.subject, verb, name, words, idempotency_key(request))
        return commands.answer(asked, body.warnings)

    return handle


def said(verb: Verb, body: Fields) -> str | None:
    """What a person says with it. Raises Invalid."""
    return body.required("reason", TEXT_MAX) if verb == "dismiss" else body.text("note", TEXT_MAX)


async def ask(
    services: Services, tenant: str, subject: str, verb: Verb, name: str, words: str | None, key: str | None
) -> Asked:
    """Decide on a suggestion by SUG-n or id. Raises NotFound; HostError, Unavailable when it cannot be sent."""
    async with scoped(services.read_models, tenant) as scope:
        suggestion_id = await queries.suggestion_id(scope, name)
    # An id that no read model has yet is taken at its word.
    suggestion_id = suggestion_id or ids.parse(name)
    if suggestion_id is None:
        raise unknown(name)
    hashed = ids.derive("body", verb, suggestion_id, subject, words or "")
    head = (tenant, commands.command_id_of(tenant, key), hashed, subject, suggestion_id, services.clock())
    if verb == "accept":
        return await commands.send(services, AcceptSuggestion(*head, words))
    return await commands.send(services, DismissSuggestion(*head, words or ""))
