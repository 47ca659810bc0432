"""Read models out: timeline, incidents, pages, summary. Each answer is one snapshot of one tenant, as of when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, cast

from aiohttp import web

from gateway.catalog.owners import is_of
from gateway.http.answering import answer as _json
from gateway.http.answering import limit_of as _limit
from gateway.http.answering import query_of as _query
from gateway.http.answering import time_of
from gateway.http.auth import tenant_of
from gateway.http.commands import unknown
from gateway.http.errors import BadRequest, NotFound
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections import summary as summaries
from projections.cases import queries as cases
from projections.incidents import queries as incidents
from projections.incidents.filters import Filters
from projections.incidents.groups import GROUPS, Group
from projections.pages import queries as pages
from projections.postgres import Scope, scoped
from projections.timeline import queries as timeline
from projections.worlds import WORLDS
from schemas import ids
from schemas.incident_rules import STATES

FILTERS = ("severity", "assignee", "taken", "resource", "service", "owner", "actor", "since", "until", "world", "q")
_STATES = ("open", *STATES)
_SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")
_TAKEN = ("yes", "no")
_CASE_STATES = ("open",)
_ORDERS = ("arrival", "newest", "reading")


def _open(request: web.Request) -> Any:
    return scoped(request.app[SERVICES].read_models, tenant_of(request))


def _choice(query: Mapping[str, str], name: str, words: tuple[str, ...]) -> str | None:
    value = query.get(name)
    if value is not None and value not in words:
        raise BadRequest(
            "parameter_malformed", f"parameter {name}", "it is not known", f"Use {', '.join(words)}.", field=name
        )
    return value


async def get_timeline(request: web.Request) -> web.Response:
    """GET /v1/timeline: actions in the order of arrival, or the newest first."""
    query = _query(request, "limit", "cursor", "actor", "resource", "order", "since")
    order = _choice(query, "order", _ORDERS) or "arrival"
    async with _open(request) as scope:
        found = await timeline.timeline(
            scope,
            limit=_limit(query),
            cursor=query.get("cursor"),
            actor=query.get("actor"),
            resource=query.get("resource"),
            order=cast(Literal["arrival", "newest", "reading"], order),
            since=time_of(query, "since"),
            cold=request.app[SERVICES].cold,
        )
    return _json(found)


async def get_action(request: web.Request) -> web.Response:
    """GET /v1/timeline/{event_id}: one action with all that its sender said."""
    event_id = ids.parse(request.match_info["event"])
    if event_id is not None:
        async with _open(request) as scope:
            found = await timeline.action(scope, event_id)
        if found is not None:
            return _json(found)
    raise NotFound("action_unknown", "the action", "there is none with this id", "Use `event_id` of a receipt.")


async def get_incidents(request: web.Request) -> web.Response:
    """GET /v1/incidents: the newest first, narrowed by what `narrowed` knows."""
    query = _query(request, "limit", "cursor", "state", *FILTERS)
    services, tenant = request.app[SERVICES], tenant_of(request)
    return _json(await listed(services, tenant, query, query.get("cursor"), _limit(query)))


async def listed(
    services: Services, tenant: str, query: Mapping[str, str], cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of incidents, by the parameters of GET /v1/incidents. Raises BadRequest."""
    state, filters = narrowed(query)
    service, owner = query.get("service"), query.get("owner")
    current = None if service is None and owner is None else await services.configurations.catalogs.of(tenant)
    async with scoped(services.read_models, tenant) as scope:
        if current is not None:
            among = [r for r in await incidents.resources(scope) if is_of(current, r, service, owner)]
            filters = replace(filters, among=among)
        return await incidents.incidents(scope, limit=limit, cursor=cursor, state=state, filters=filters)


def narrowed(query: Mapping[str, str]) -> tuple[str | None, Filters]:
    """The state and the filters of a list of incidents. Raises BadRequest."""
    taken = _choice(query, "taken", _TAKEN)
    filters = Filters(
        severity=_choice(query, "severity", _SEVERITIES),
        assignee=query.get("assignee"),
        taken=None if taken is None else taken == "yes",
        resource=query.get("resource"),
        actor=query.get("actor"),
        since=time_of(query, "since"),
        until=time_of(query, "until"),
        world=_choice(query, "world", WORLDS),
        words=query.get("q"),
    )
    return _choice(query, "state", _STATES), filters


async def get_incident(request: web.Request) -> web.Response:
    """GET /v1/incidents/{INC-n or id}."""
    async with _open(request) as scope:
        return _json(await incident(scope, request.match_info["incident"]))


async def incident(scope: Scope, name: str) -> dict[str, Any]:
    """One incident. Raises NotFound `incident_unknown`."""
    found = await incidents.incident(scope, name)
    if found is None:
        raise unknown(name)
    return found


async def get_incident_timeline(request: web.Request) -> web.Response:
    """GET /v1/incidents/{INC-n or id}/timeline: what happened, in the log's order."""
    query = _query(request, "limit", "cursor", "kind", "with")
    name = request.match_info["incident"]
    told = _choice(query, "kind", GROUPS)
    async with _open(request) as scope:
        found = await incidents.incident_timeline(
            scope,
            name,
            limit=_limit(query),
            cursor=query.get("cursor"),
            group=cast(Group | None, told),
            beside=query.get("with"),
        )
    if found is None:
        raise unknown(f"{name} or {query['with']}" if "with" in query else name)
    return _json(found)


async def get_pages(request: web.Request) -> web.Response:
    """GET /v1/pages: who was told, by which channel, and what came of it."""
    query = _query(request, "limit", "cursor", "incident")
    async with _open(request) as scope:
        return _json(
            await pages.pages(scope, incident=query.get("incident"), limit=_limit(query), cursor=query.get("cursor"))
        )


async def get_cases(request: web.Request) -> web.Response:
    """GET /v1/cases: RML cases, the newest first; each with its first 20 entries.

    A case: {id, number, name: "CASE-1", world: "RML3", state: "open", reason: "second_charge" | "label", why,
    opened_at, resource, kind, counterparty, amount, currency, actor, action_id, event_time, labels: {world, action},
    entries_count, entries: [entries of the ledger, as get_ledger says], incident_id, incident: "INC-1" (null without
    one), size: "small" | "medium" | "large" or null, size_why, summary: {parties, amount, first_at, last_at}}. `why` is
    one sentence for people; amounts are whole minor units as text.
    """
    query = _query(request, "limit", "cursor", "state")
    state = _choice(query, "state", _CASE_STATES)
    async with _open(request) as scope:
        return _json(await cases.cases(scope, limit=_limit(query), cursor=query.get("cursor"), state=state))


async def get_case(request: web.Request) -> web.Response:
    """GET /v1/cases/{CASE-n or id}: one case with its entries (the first 1,000)."""
    _query(request)
    async with _open(request) as scope:
        return _json(await case(scope, request.match_info["case"]))


async def case(scope: Scope, name: str) -> dict[str, Any]:
    """One case. Raises NotFound `case_unknown`."""
    found = await cases.case(scope, name)
    if found is None:
        raise NotFound("case_unknown", "the case", "there is none with this number or id", "See GET /v1/cases.")
    return found


async def get_ledger(request: web.Request) -> web.Response:
    """GET /v1/ledger: {ledger: the tenant, head: {number, hash} or null, items, next, as_of}, oldest first.

    An entry: {number, id, action_id, actor, action_type, kind, outcome: "applied" | "failed" | "unknown", amount,
    currency, counterparty, external_reference, resource, reversibility, event_time (the agent's), at (when it was
    entered), observations, previous_hash, hash}. `schemas.ledger` says how to recompute the hashes.
    """
    query = _query(request, "limit", "cursor")
    async with _open(request) as scope:
        return _json(await cases.ledger(scope, limit=_limit(query), cursor=query.get("cursor")))


async def get_summary(request: web.Request) -> web.Response:
    """GET /v1/summary: the tenant in numbers."""
    _query(request)
    async with _open(request) as scope:
        return _json(await summaries.summary(scope))
