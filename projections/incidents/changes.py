"""Reading changes for the doors; inside `postgres.scoped`. What a change changed was compared when it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections import paging
from projections.incidents.shapes import Row
from projections.plain import Json, time_text
from projections.postgres import Scope

PROJECTION = "incidents"
_CURSOR = "changes.newest"
_CONDITIONS = {
    "resource": "c.resource = %(resource)s",
    "kind": "c.kind = %(kind)s",
    "actor": "c.actor = %(actor)s",
    "since": "c.event_time >= %(since)s",
    "until": "c.event_time < %(until)s",
}
# A tenant's events are on one partition, so the offset alone is the log's order.
_LIST = """
select c.* from changes c where c.tenant = %(tenant)s and c."offset" < %(below)s {filters}
 order by c."offset" desc limit %(rows)s
"""
_ONE = 'select c.* from changes c where c.tenant = %(tenant)s and c.change_id = %(id)s order by c."offset" limit 1'


@dataclass(frozen=True, slots=True)
class Asked:
    """What narrows the list; None asks for nothing. Times (ms) are when the change was made."""

    resource: str | None = None
    kind: str | None = None
    actor: str | None = None
    since: int | None = None
    until: int | None = None


def change(row: Row) -> Json:
    """A change as /v1 shows it; `difference` is that of `difference.difference`, null where a text was not told."""
    names = ("resource", "kind", "before", "after", "summary", "actor", "recorded_by", "text", "difference")
    return {
        "id": str(row["change_id"]),
        **{name: row[name] for name in names},
        "changed_at": time_text(row["event_time"]),
        "at": time_text(row["at"]),
        "event_id": str(row["action_id"]),
    }


async def changes(scope: Scope, asked: Asked, *, limit: int = 50, cursor: str | None = None) -> Json:
    """A page of changes, in the log's order, the newest first. Raises BadRequest."""
    paging.check_limit(limit)
    given = {name: value for name in _CONDITIONS if (value := getattr(asked, name)) is not None}
    filters = " ".join(f"and {_CONDITIONS[name]}" for name in given)
    params: dict[str, Any] = {"tenant": scope.tenant, "below": paging.number_in(_CURSOR, cursor), "rows": limit + 1}
    rows = await scope.rows(_LIST.format(filters=filters), params | given)
    following = paging.encode(_CURSOR, rows[limit - 1]["offset"]) if len(rows) > limit else None
    items = [change(row) for row in rows[:limit]]
    return {"items": items, "next": following, "as_of": await paging.as_of_now(scope, PROJECTION)}


async def one(scope: Scope, change_id: bytes) -> Json | None:
    """One change by its id; None when there is none."""
    row = await scope.row(_ONE, {"tenant": scope.tenant, "id": UUID(bytes=change_id)})
    return None if row is None else change(row) | {"as_of": await paging.as_of_now(scope, PROJECTION)}
