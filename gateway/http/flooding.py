"""What was flagged and how dependencies stand: GET /v1/review, /v1/dependencies, and people's words about both.

Verdicts and statuses are commands: answered within a second, else 202 and the command's address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

from gateway.http import commands, times
from gateway.http.answering import answer, limit_of, query_of
from gateway.http.auth import principal_of, tenant_of
from gateway.http.bodies import json_body
from gateway.http.errors import BadRequest, NotFound
from gateway.http.fields import NAME_MAX, TEXT_MAX, Fields, clean, invalid, shown
from gateway.http.ingest import idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections.postgres import scoped
from projections.review import queries
from schemas import ids
from schemas.messages.incidents.flooding import DependencyState, JudgeFlood, SetDependencyStatus, Verdict

VERDICTS = ("open", "released", "confirmed")
KINDS = ("suspicious_volume", "possible_attack", "possible_credential_stuffing", "unusual_behaviour")
STATES = ("degraded", "recovered")
REGION_MAX = 256


def _choice(query: dict[str, str], name: str, words: tuple[str, ...]) -> str | None:
    value = query.get(name)
    if value is not None and value not in words:
        what, remedy = f"parameter {name}", f"Use {', '.join(words)}."
        raise BadRequest("parameter_malformed", what, "it is not known", remedy, field=name)
    return value


async def get_reviews(request: web.Request) -> web.Response:
    """GET /v1/review: what was flagged, the newest first."""
    query = query_of(request, "limit", "cursor", "verdict", "kind")
    verdict, kind = _choice(query, "verdict", VERDICTS), _choice(query, "kind", KINDS)
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        found = await queries.reviews(
            scope, limit=limit_of(query), cursor=query.get("cursor"), verdict=verdict, kind=kind
        )
    return answer(found)


async def get_review(request: web.Request) -> web.Response:
    """GET /v1/review/{review}: one episode."""
    query_of(request)
    flood_id = ids.parse(request.match_info["review"])
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        found = None if flood_id is None else await queries.review(scope, flood_id)
    if found is None:
        raise _unknown(request)
    return answer(found)


def _unknown(request: web.Request) -> NotFound:
    what, why = f"review {request.match_info['review'][:64]}", "nothing that was flagged has this id"
    return NotFound("review_unknown", what, why, "See GET /v1/review.", field="review")


def judge(verdict: Verdict) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /v1/review/{review}/<verb>: a person's verdict, with a note."""

    async def handle(request: web.Request) -> web.Response:
        async with json_body(request, empty={}) as plain:
            body = Fields(plain)
            note = body.text("note", TEXT_MAX)
            body.done()
        flood_id = ids.parse(request.match_info["review"])
        if flood_id is None:
            raise _unknown(request)
        who = principal_of(request)
        asked = await give_verdict(
            request.app[SERVICES], who.tenant or "", who.subject, flood_id, verdict, note, idempotency_key(request)
        )
        return commands.answer(asked, body.warnings)

    return handle


async def give_verdict(
    services: Services, tenant: str, subject: str, flood_id: bytes, verdict: Verdict, note: str | None, key: str | None
) -> commands.Asked:
    """Judge what was flagged. Raises HostError, Unavailable when it cannot be sent."""
    command_id = commands.command_id_of(tenant, key)
    hashed = ids.derive("body", "review", subject, flood_id, verdict, note or "")
    message = JudgeFlood(tenant, command_id, hashed, subject, flood_id, verdict, note, services.clock())
    return await commands.send(services, message)


async def get_dependencies(request: web.Request) -> web.Response:
    """GET /v1/dependencies: how often each fails, in words and numbers, and what was said of it."""
    query_of(request)
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        found = await queries.dependencies(scope)
    return answer(found)


async def post_dependency_status(request: web.Request) -> web.Response:
    """POST /v1/dependencies/{name}/status: {status, region?, since?, until?, source?, note?}."""
    services = request.app[SERVICES]
    async with json_body(request) as plain:
        body = Fields(plain)
        message = _status(body, request, services.clock())
        body.done()
    return commands.answer(await commands.send(services, message), body.warnings)


def _status(body: Fields, request: web.Request, now: int) -> SetDependencyStatus:
    who = principal_of(request)
    name = clean("name", request.match_info["name"], NAME_MAX)
    status = body.choice("status", STATES)
    if status is None:
        raise invalid("field_required", "status", "it is missing", f"Use one of {', '.join(STATES)}.")
    region = body.text("region", REGION_MAX) or ""
    since, until = _time(body, "since"), _time(body, "until")
    source, note = body.text("source") or who.subject, body.text("note", TEXT_MAX)
    tenant = who.tenant or ""
    told: list[Any] = [name, status, region, str(since), str(until), source, note or ""]
    return SetDependencyStatus(
        tenant=tenant,
        command_id=commands.command_id_of(tenant, idempotency_key(request)),
        body_hash=ids.derive("body", "dependency", who.subject, *told),
        subject=who.subject,
        dependency=name,
        status=cast(DependencyState, status),
        region=region,
        since=now if since is None else since,
        until=until,
        source=source,
        note=note,
        at=now,
    )


def _time(body: Fields, name: str) -> int | None:
    text = body.text(name)
    found = None if text is None else times.parse(text)
    if text is not None and found is None:
        why = f"{shown(text)} is no time"
        raise invalid("field_malformed", body.name(name), why, "Write it like 2026-11-22T04:00:00Z.")
    return found
