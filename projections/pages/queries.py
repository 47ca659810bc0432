"""Reading pages for the doors; inside `postgres.scoped`. Answers have the shapes of /v1 as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from projections import paging
from projections.incidents.shapes import name_of, reference
from projections.plain import Json, time_text
from projections.postgres import Scope

PROJECTION = "pages"
_CURSOR = "pages.newest"
# A tenant's pages are on one partition, so the offset of the first request orders them.
_LIST = """
select * from pages p where p.tenant = %(tenant)s and p.requested_place < %(below)s {incident}
 order by p.requested_place desc limit %(rows)s
"""
# What was merged into the incident that is asked for, or into the one that it is now.
_FAMILY = """
with recursive up as (
  select i.incident_id, i.merged_into from incidents i where i.tenant = %(tenant)s and i.{which} = %(which)s
   union
  select n.incident_id, n.merged_into from incidents n join up on n.incident_id = up.merged_into
   where n.tenant = %(tenant)s),
down as (
  select incident_id from up union
  select m.incident_id from incidents m join down on m.merged_into = down.incident_id where m.tenant = %(tenant)s)
select incident_id from down"""
# Who was told of a split-off incident before it was one of its own: the pages of the one that it was a part of.
_BEFORE = """exists (select 1 from incidents s
   join incident_events o on o.tenant = s.tenant and o.incident_id = s.incident_id and o.kind = 'IncidentOpened'
  where s.tenant = %(tenant)s and s.{which} = %(which)s and s.merged_into is null
    and p.incident_id = s.split_from and p.requested_at <= o.at)"""


async def pages(scope: Scope, *, incident: str | None = None, limit: int = 50, cursor: str | None = None) -> Json:
    """A page of pages, newest first; of one incident (id or INC-n) where given. Raises BadRequest."""
    paging.check_limit(limit)
    params = {"tenant": scope.tenant, "below": paging.number_in(_CURSOR, cursor), "rows": limit + 1}
    condition = ""
    if incident is not None:
        # By number in this projection's own rows: the incidents projection may be behind.
        found = reference(incident)
        own = "p.number = %(which)s" if isinstance(found, int) else "p.incident_id = %(which)s"
        condition = f"and ({own} or p.incident_id in ({_FAMILY}) or {_BEFORE})".format(
            which="number" if isinstance(found, int) else "incident_id"
        )
        params["which"] = UUID(bytes=found) if isinstance(found, bytes) else found
    rows = await scope.rows(_LIST.format(incident=condition), params)
    following = paging.encode(_CURSOR, rows[limit - 1]["requested_place"]) if len(rows) > limit else None
    return {
        "items": [shape(row) for row in rows[:limit]],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION),
    }


def shape(row: Mapping[str, Any]) -> Json:
    """A page as /v1 shows it."""
    return {
        "notification_id": str(row["notification_id"]),
        "incident_id": str(row["incident_id"]),
        "incident": name_of(row["number"]),
        "person": row["person"],
        "channel": {"kind": row["channel_kind"], "address": row["channel_address"]},
        "why": row["why"],
        "severity": row["severity"],
        "step": row["step"],
        "steps": row["steps"],
        "round": row["round"],
        "rounds": row["rounds"],
        "attempts": row["attempts"],
        "requested_at": time_text(row["requested_at"]),
        "outcome": row["outcome"],
        "outcome_at": time_text(row["outcome_at"]),
        "detail": row["detail"],
        "acknowledged_at": time_text(row["acknowledged_at"]),
        "also_paged": row["also_paged"],
    }
