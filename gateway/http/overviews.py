"""GET /v1/overview: what is open now, in short, from Redis. For heads of pages, status walls and what polls often."""

from __future__ import annotations

from aiohttp import web

from gateway.http.answering import answer, limit_of, query_of
from gateway.http.auth import tenant_of
from gateway.http.keys import SERVICES
from projections.overview.queries import overview


async def get_overview(request: web.Request) -> web.Response:
    """GET /v1/overview: numbers of open incidents, and the first `limit` of them, the worst and oldest first.

    {"open", "worst": severity or null, "by_severity": {SEV1..SEV4: n}, "by_state": {state: n}, "unassigned",
     "over": of those kept in short (at most 2,000 a tenant), "left_out": older ones that are not,
     "items": [{"id", "name", "number", "state", "severity", "title", "resource", "historical", "opened_at",
                "first_failure_at", "changed_at", "failures", "affected", "assignee", "acknowledged_at", "paged_at",
                "cause": {"kind", "resource", "summary", "confidence"} | null}],
     "as_of": positions}
    """
    query = query_of(request, "limit")
    return answer(await overview(request.app[SERVICES].redis, tenant_of(request), limit_of(query)))
