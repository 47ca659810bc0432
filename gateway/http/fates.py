"""What became of an action: GET /v1/actions/{id} and GET /v1/actions/{id}/fate.

`{id}` is one of: the event id, as every receipt names it; the id that the sender gave (`id`), with its actor as
`?actor=` unless it is a UUID or only one actor of the timeline has it; or for a record that has no readable id, its
coordinates `topic-partition@offset`.
"""

from __future__ import annotations

import re

from aiohttp import web

from gateway.http.answering import answer, query_of
from gateway.http.auth import tenant_of
from gateway.http.errors import BadRequest, NotFound
from gateway.http.fields import NAME_MAX, clean
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections import paging
from projections.dedup import marks
from projections.dedup import queries as dedup
from projections.dedup.fate import fate, numbered
from projections.dedup.project import coordinates, kinds_of
from projections.errors import NotReady
from projections.plain import Json
from projections.postgres import scoped
from projections.timeline import queries as timeline
from projections.timeline.owners import owners
from schemas import ids

OWNERS_NAMED = 5
_COORDINATES = re.compile(r"\A([a-zA-Z0-9._-]{1,249})-([0-9]{1,9})@([0-9]{1,18})\Z")


async def get_action(request: web.Request) -> web.Response:
    """GET /v1/actions/{id}: the action as the timeline remembers it, with all that its sender said, and `as_of`."""
    actor = query_of(request, "actor").get("actor")
    services, tenant = request.app[SERVICES], tenant_of(request)
    event_id = await _event_id(services, tenant, request.match_info["id"], actor)
    found, as_of = await _row(services, tenant, event_id)
    if found is None:
        raise NotFound(
            "action_unknown",
            "the action",
            "the timeline has none with this id",
            "Ask for its fate: GET /v1/actions/{id}/fate.",
        )
    return answer(found | {"as_of": as_of})


async def get_fate(request: web.Request) -> web.Response:
    """GET /v1/actions/{id}/fate: accepted, dropped, dead letter, or in the timeline; also for what is not known (200).

        {"id": as asked, "event_id": UUID or null,
         "fate": "in_timeline" | "admitted" | "accepted" | "dropped" | "dead_letter" | "unknown",
         "text": one sentence for people,
         "accepted":     [{"topic", "partition", "offset", "appended_at"}],           written to the log, each time
         "admitted":     [{"topic", "partition", "offset", "appended_at", "flags"}],  passed deduplication
         "dropped":      [{"reason", "rule", "topic", "partition", "offset", "dropped_at",
                           "first": {"topic", "partition", "offset"} | null}],        copies, and where the first is
         "dead_letters": [{"processor", "code", "detail", "topic", "partition", "offset", "set_aside_at"}],
         "session": null | {"sequence", "standing": "seen" | "open" | "unknown", "highest", "floor",
                            "open": [[first, last]], "passed_at"},                    what its session's mark says
         "timeline": null | an item of /v1/timeline with all its sender said,
         "window": {"since", "until"} | null,
         "as_of": [{"topic", "partition", "next_offset", "append_time"}]}

    `accepted`, `admitted`, `dropped` and `dead_letters` are of the last day at most (projections.dedup.project), oldest
    first, at most 16 a place and ten minutes; `window.since` says how far back they reach, `timeline` has no such end.
    `session`: which numbers of the action's session passed, as deduplication's own mark has it (the newest 64 unseen
    ranges; below `floor` nothing is known); null without a number, or when none passed for a day.
    `window` null: Redis does not answer, and only the timeline was asked. Times are RFC 3339, lists may be empty.
    """
    query = query_of(request, "actor")
    found = await fate_of(request.app[SERVICES], tenant_of(request), request.match_info["id"], query.get("actor"))
    return answer(found)


async def fate_of(services: Services, tenant: str, asked: str, actor: str | None) -> Json:
    """The answer of GET /v1/actions/{id}/fate. Raises BadRequest, NotReady `redis_unavailable`."""
    place = _COORDINATES.match(asked)
    event_id = None if place else await _event_id(services, tenant, asked, actor)
    field = event_id if event_id is not None else coordinates(place[1], int(place[2]), int(place[3])) if place else b""
    found = None
    try:
        kinds = kinds_of(services.topology)
        found = await dedup.sightings(services.redis, tenant, field, kinds)
    except NotReady:
        if event_id is None:
            raise
    row, as_of = (None, []) if event_id is None else await _row(services, tenant, event_id)
    session = None if found is None else await _session(services, tenant, numbered(found, row))
    out = fate(asked, None if event_id is None else ids.text(event_id), found, row, session)
    return out | {"as_of": [*([] if found is None else found.as_of), *as_of]}


async def _session(services: Services, tenant: str, which: tuple[bytes, int] | None) -> Json | None:
    """What is known of the action's number; None without one, or when the session was silent for a day."""
    if which is None:
        return None
    mark = await dedup.mark(services.redis, tenant, which[0])
    return None if mark is None else marks.shown(mark, which[1])


async def _event_id(services: Services, tenant: str, given: str, actor: str | None) -> bytes:
    asked = clean("id", given, NAME_MAX)
    parsed = ids.parse(asked)
    if parsed is not None:
        return parsed
    if actor is None:
        async with scoped(services.read_models, tenant) as scope:
            found = await owners(scope, asked)
        if found is None or len(found) != 1:
            why = (
                f"{len(found)} actors have it: {', '.join(found[:OWNERS_NAMED])}"
                if found
                else "nothing says whose it is"
            )
            raise BadRequest(
                "actor_required",
                "the id",
                f"it is no event id, and a sender's own id is known only together with its actor; {why}",
                "Add ?actor=, or use `event_id` of the receipt.",
                field="actor",
            )
        actor = found[0]
    return ids.given_id(tenant, actor, asked)


async def _row(services: Services, tenant: str, event_id: bytes) -> tuple[Json | None, list[Json]]:
    """The timeline's row without `as_of`, and the positions it (or its absence) is as of."""
    async with scoped(services.read_models, tenant) as scope:
        found = await timeline.action(scope, event_id)
        as_of = await paging.as_of_now(scope, timeline.PROJECTION) if found is None else found.pop("as_of")
    return found, as_of
