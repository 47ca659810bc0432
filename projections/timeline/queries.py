"""Reading the timeline for the doors; inside `postgres.scoped`. Answers have the shapes of /v1 as plain JSON values."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from processors.ordering.rules import Readable, reading_order
from projections import paging
from projections.plain import Json, details, id_text, time_text
from projections.postgres import Scope
from projections.timeline.cold import Cold, first_day, gather
from projections.timeline.project import WORDS
from schemas.errors import SchemaError
from schemas.messages import actions

PROJECTION = "timeline"
Order = Literal["arrival", "newest", "reading"]
# Shown in `flags` of a row whose bytes after the head cannot be read; see dead.letters.
UNDECODABLE = "undecodable"
LATE = "late"

_COLUMNS = """topic, partition, "offset", append_time, event_id, actor, session, sequence, event_time, received_at,
 traits, resource, type, flags, error_type, error_message, original, processed_at"""

# One index range a place. The bounds on append_time only choose days; offsets order.
_PAGE = """
select t.* from unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[], %(from_times)s::bigint[],
                       %(to_times)s::bigint[]) as m(topic, partition, "offset", from_time, to_time)
cross join lateral (
  select {columns} from timeline t
   where t.tenant = %(tenant)s and t.topic = m.topic and t.partition = m.partition and {bound}
     {filters}
   order by t."offset" {direction} limit %(rows)s) t
"""
_BOUNDS = {
    "arrival": 't."offset" > m."offset" and t.append_time >= m.from_time',
    "newest": 't."offset" < m."offset" and t.append_time <= m.to_time',
}
_ONE = f"""
select {_COLUMNS} from timeline t where t.tenant = %(tenant)s and t.event_id = %(event_id)s
 order by append_time desc, topic, partition, "offset" desc limit 1
"""

_DAYS = """
select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
 where i.inhparent in (select inhrelid from pg_inherits where inhparent = 'timeline'::regclass)
"""


async def timeline(
    scope: Scope,
    *,
    limit: int = 50,
    cursor: str | None = None,
    actor: str | None = None,
    resource: str | None = None,
    order: Order = "arrival",
    since: int | None = None,
    cold: Cold | None = None,
) -> Json:
    """A page of actions: oldest first (`arrival`), newest first, or `reading`: a page of arrivals in causal order.

    `since`: append time in ms. `cold`: where older days are; `tier` says whether some of the page came from there.
    Raises BadRequest; with `cold` NotReady and ArchiveError too.
    """
    paging.check_limit(limit)
    places = await paging.positions(scope, PROJECTION)
    arrival = "newest" if order == "newest" else "arrival"
    kind, newest = f"{PROJECTION}.{arrival}", order == "newest"
    marks = paging.marks(kind, cursor, places, newest)
    given = {"actor": actor, "resource": resource, "since": since}
    conditions = {
        "actor": "and t.actor = %(actor)s",
        "resource": "and t.resource = %(resource)s",
        "since": "and t.append_time >= %(since)s",
    }
    query = _PAGE.format(
        columns=_COLUMNS,
        bound=_BOUNDS[arrival],
        filters=" ".join(text for name, text in conditions.items() if given[name] is not None),
        direction="desc" if newest else "asc",
    )
    params = given | paging.parameters(marks) | {"tenant": scope.tenant, "rows": limit + 1}
    rows = await scope.rows(query, params)
    old = await _cold(scope, cold, marks, 0 if newest and len(rows) > limit else limit + 1, newest, given)
    items, following = paging.page(kind, marks, [*rows, *old], limit, newest, item)
    places_of_old = {(row["topic"], row["partition"], row["offset"]) for row in old}
    shown = {(item["topic"], item["partition"], item["offset"]) for item in items}
    if order == "reading":
        items = for_reading(items)
    tier = "cold" if places_of_old & shown else "hot"
    return {"items": items, "next": following, "as_of": paging.as_of(places), "tier": tier}


async def _cold(
    scope: Scope, cold: Cold | None, marks: paging.Marks, wanted: int, newest: bool, given: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows of days that have no table any more; none where none are asked for."""
    if cold is None or not wanted:
        return []
    floor = first_day(row["name"] for row in await scope.rows(_DAYS, {}))
    if floor is None:
        return []
    return await asyncio.to_thread(gather, cold, scope.tenant, floor, marks, wanted, newest, given)


def for_reading(items: Sequence[Json]) -> list[Json]:
    """Items by cause (seed 4.4): a parent before its children, a session by its numbers, else time."""
    believed = [_believed(item) for item in items]
    readable = [
        Readable(item["event_id"], item["parent_id"], item["actor"], item["session"], _number(item), at, place)
        for place, (item, at) in enumerate(zip(items, believed, strict=True))
    ]
    return [items[i] for i in reading_order(readable)]


def _number(item: Json) -> int:
    return actions.NO_SEQUENCE if item["sequence"] is None else int(item["sequence"])


def _believed(item: Json) -> str:
    """The agent's time, or the gateway's when the agent's clock is flagged. RFC 3339 in UTC sorts as text."""
    flagged = {"future_timestamp", "stale_timestamp"} & set(item["flags"])
    return str(item["received_at"] if flagged else item["timestamp"])


async def action(scope: Scope, event_id: bytes) -> Json | None:
    """One action with everything its sender said; the last one, if an id was admitted on several days."""
    row = await scope.row(_ONE, {"tenant": scope.tenant, "event_id": UUID(bytes=event_id)})
    if row is None:
        return None
    return whole(row) | {"as_of": await paging.as_of_now(scope, PROJECTION)}


def item(row: Mapping[str, Any]) -> Json:
    """A row as a list shows it. Times are RFC 3339; `sequence` None when the sender gave none."""
    return _item(row, _decoded(row))


def whole(row: Mapping[str, Any]) -> Json:
    """A row with the whole action: what the list leaves out is added."""
    said = _decoded(row)
    out = _item(row, said)
    if said is None:
        return out
    labels, payload = said.labels, said.payload
    return out | {
        "content_key": id_text(said.content_key),
        "actor_name": said.actor_name,
        "actor_version": said.actor_version,
        "parameters_digest": said.parameters_digest,
        "attempt_limit": said.attempt_limit,
        "retryable": bool(said.traits & actions.RETRYABLE),
        "backfill": bool(said.traits & actions.BACKFILL),
        "redacted": bool(said.traits & actions.REDACTED),
        "span_id": said.span_id,
        "labels": None if labels is None else {"world": labels.world, "action": labels.action},
        "payload": None if payload is None else _payload(payload),
        "model": None if said.model is None else details(said.model),
    }


def _decoded(row: Mapping[str, Any]) -> actions.Action | None:
    try:
        found: actions.Action = WORDS.decode(bytes(row["original"]))
    except SchemaError:
        return None
    return found


def _item(row: Mapping[str, Any], said: actions.Action | None) -> Json:
    words = [word for word in row["flags"].split(",") if word]
    if said is None:
        words.append(UNDECODABLE)
    out: Json = {
        "event_id": str(row["event_id"]),
        "source_id": None,
        "actor": row["actor"],
        "session": row["session"],
        "sequence": None if row["sequence"] == actions.NO_SEQUENCE else row["sequence"],
        "type": row["type"],
        "resource": row["resource"],
        "timestamp": time_text(row["event_time"]),
        "received_at": time_text(row["received_at"]),
        "appended_at": time_text(row["append_time"]),
        "processed_at": time_text(int(row["processed_at"].timestamp() * 1000)),
        "flags": words,
        "late": LATE in words,
        "error": None,
        "effect": None,
        "change": None,
        "on_behalf_of": None,
        "attempt": None,
        "result": None,
        "parent_id": None,
        "trace_id": None,
        "tool": None,
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
    }
    return out if said is None else out | _said(said)


def _said(said: actions.Action) -> Json:
    error, effect, change = said.error, said.effect, said.change
    return {
        "source_id": said.source_id,
        "error": None if error is None else {"type": error.type, "message": error.message, "code": error.code},
        "effect": None if effect is None else _effect(effect),
        "change": None
        if change is None
        else {"kind": change.kind, "before": change.before, "after": change.after, "summary": change.summary},
        "on_behalf_of": said.on_behalf_of,
        "attempt": said.attempt,
        "result": said.result,
        "parent_id": id_text(said.parent_id),
        "trace_id": said.trace_id,
        "tool": None if said.tool is None else details(said.tool),
    }


def _effect(effect: actions.Effect) -> Json:
    return {
        "kind": effect.kind,
        "amount": effect.amount,
        "currency": effect.currency,
        "counterparty": effect.counterparty,
        "external_reference": effect.external_reference,
        "reversibility": effect.reversibility,
    }


def _payload(payload: actions.PayloadReference) -> Json:
    content = None if payload.content is None else base64.b64encode(payload.content).decode()
    return {
        "type": payload.type,
        "size": payload.size,
        "hash": payload.hash,
        "location": payload.location,
        "content_base64": content,
    }
