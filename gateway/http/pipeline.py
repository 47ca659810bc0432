"""GET /v1/pipeline: is everything that was sent on its way, and how late? For the page of health and for scripts.

Processors are judged by the same look at the broker that lets the door of actions refuse; read models by their own
positions. Nothing here is counted up by the gateway: every number is read where it is kept, and has a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.http.answering import answer, query_of
from gateway.http.auth import tenant_of
from gateway.http.keys import SERVICES
from gateway.http.lag import EFFECTS, LIMIT_S, Lag
from gateway.http.services import Services
from processors.host.places import Place
from projections import paging
from projections.catalog import REDIS
from projections.dedup.account import Account, account
from projections.dedup.project import NAME as DEDUP
from projections.dedup.project import kinds_of
from projections.errors import NotReady
from projections.pages import queries as pages
from projections.plain import Json, time_text
from projections.postgres import scoped
from projections.redis_reading import positions
from projections.redis_store import RedisProjection
from projections.summary import summary
from schemas.topology import Topology

# Twenty times what a batch and its commit take; below it nobody would notice.
BEHIND_S = 5.0
# The archive gathers for a minute before it writes a file, and nobody waits for it.
ARCHIVE_BEHIND_S = 90.0


async def get_pipeline(request: web.Request) -> web.Response:
    """GET /v1/pipeline: {looked, gateway, processors, read_models, processes, account, pages, last_page, as_of}.

        looked       true when the look at the broker is at most 10 s old; else positions of processors are not known
        processors   [{name, reads, state, waiting, seconds_behind}], in the order of an action's way
        read_models  [{name, store, reads, state, waiting, seconds_behind, as_of}]
        processes    [{name, state, threads: {name: state}, codes, asked_at}], each by its own /healthz of the last 3 s
        account      {since, accepted, admitted, dropped, dead_letters, on_the_way, unaccounted} of ids, or null
        pages        {requested, delivered, failed}; last_page: the newest of GET /v1/pages, or null

    `state`: `ok`, `behind` (more than 5 s), `stands` (more than 30 s: senders are refused), `not_started`, `unknown`.
    The archive gathers for a minute: it is `behind` after 90 s, and its alarm (5 min) is in its own /healthz.
    `state` of a process: `healthy`, `unhealthy` (`codes` say why), `no_answer`, or `cannot_be_asked` (its address is
    not among MANDATE_PROCESSES).
    `waiting` counts places of the log, so transaction markers too. `account` null: Redis does not answer, has read
    nothing, or holds more ids of this tenant than are counted at once.
    """
    query_of(request)
    return answer(await pipeline(request.app[SERVICES], tenant_of(request)))


async def pipeline(services: Services, tenant: str) -> Json:
    """The answer of GET /v1/pipeline."""
    lag, topology = services.lag, services.topology
    async with scoped(services.read_models, tenant) as scope:
        numbers = await summary(scope)
        newest = await pages.pages(scope, limit=1)
        stored = {
            spec.name: await paging.positions(scope, spec.name)
            for spec in topology.projections.values()
            if spec.store != "redis"
        }
    told = await account_of(services, tenant)
    for model in REDIS.values():
        found = await _positions(services, model)
        if found is not None:
            stored[model.name] = found
    return {
        "looked": lag.current,
        "gateway": {"sender": services.sender.fatal or "ok", "in_flight": services.sender.in_flight},
        "processors": [_processor(name, reads, lag) for name, reads in _way(topology)],
        "read_models": [
            _read_model(spec.name, spec.store, spec.reads, stored.get(spec.name), lag)
            for spec in topology.projections.values()
        ],
        "processes": await services.processes.look(),
        "account": told,
        "pages": numbers["pages"],
        "last_page": newest["items"][0] if newest["items"] else None,
        "as_of": numbers["as_of"],
    }


def _way(topology: Topology) -> list[tuple[str, str]]:
    return [*((r.name, r.input) for r in topology.rooms.values()), (EFFECTS, topology.relay.source)]


def _processor(name: str, reads: str, lag: Lag) -> Json:
    standing = lag.standing.get(name)
    out: Json = {"name": name, "reads": reads, "waiting": None, "seconds_behind": None}
    if standing is None or not lag.current:
        return out | {"state": "unknown"}
    if all(at is None for at in standing.values()):
        return out | {"state": "not_started"}
    found = [lag.behind(place, at) for place, at in standing.items() if at is not None]
    return out | _judged(found)


def _read_model(name: str, store: str, reads: tuple[str, ...], rows: list[dict[str, Any]] | None, lag: Lag) -> Json:
    out: Json = {"name": name, "store": store, "reads": list(reads), "waiting": None, "seconds_behind": None}
    if not lag.current or rows is None:
        return out | {"state": "unknown", "as_of": []}
    if not rows:
        return out | {"state": "not_started", "as_of": []}
    found = [lag.behind(Place(row["topic"], row["partition"]), row["next_offset"]) for row in rows]
    allowed = ARCHIVE_BEHIND_S if store == "parquet" else BEHIND_S
    return out | _judged(found, allowed) | {"as_of": paging.as_of(rows)}


def _judged(found: list[tuple[int, float]], allowed: float = BEHIND_S) -> Json:
    waiting = sum(records for records, _ in found)
    seconds = max((s for _, s in found), default=0.0)
    state = "ok" if seconds <= allowed else "stands" if seconds > LIMIT_S and allowed < LIMIT_S else "behind"
    return {"state": state, "waiting": waiting, "seconds_behind": round(seconds, 1)}


async def _positions(services: Services, model: RedisProjection) -> list[Json] | None:
    try:
        found = await positions(services.redis, model.name, model.version)
    except NotReady:
        return None
    return [
        {"topic": p.topic, "partition": p.partition, "next_offset": m.next_offset, "append_time": m.at}
        for p, m in found.items()
    ]


async def account_of(services: Services, tenant: str) -> Json | None:
    """A tenant's `account`, as GET /v1/pipeline shows it."""
    told = await _account(services, tenant)
    return None if told is None else _counted(told, services.lag)


async def _account(services: Services, tenant: str) -> Account | None:
    try:
        return await account(services.redis, tenant, kinds_of(services.topology), services.clock())
    except NotReady:
        return None


def _counted(told: Account, lag: Lag) -> Json | None:
    """Ids without an outcome are on their way while deduplication, or the read model of it, has not passed them."""
    if not told.counted or all(mark.at is None for mark in told.positions.values()):
        return None
    decided: Mapping[Place, int | None] = lag.standing.get(DEDUP, {})
    caught_up = lag.current and all(lag.behind(p, m.next_offset)[1] < BEHIND_S for p, m in told.positions.items())
    lost = [(place, at) for place, at in told.missing if caught_up and at < (decided.get(place) or 0)]
    return {
        "since": time_text(told.since),
        "accepted": told.numbers.get("accepted", 0),
        "admitted": told.numbers.get("admitted", 0),
        "dropped": told.numbers.get("dropped", 0),
        "dead_letters": told.numbers.get("dead", 0),
        "on_the_way": told.without - len(lost),
        "unaccounted": len(lost),
    }
