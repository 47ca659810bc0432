"""Reading which incidents may belong together; inside `postgres.scoped`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from projections.plain import Json, time_text
from projections.postgres import Scope

# The processor relates an incident to at most 8; another one may name it too.
RELATED_MAX = 16
_RELATED = """
select r.score, r.reasons, r.at, i.number, i.incident_id, i.title, i.state, i.severity, i.resource, i.assignee
  from related_incidents r
  join incidents i on i.tenant = r.tenant
   and i.incident_id = case when r.incident_id = %(id)s then r.other_id else r.incident_id end
 where r.tenant = %(tenant)s and (r.incident_id = %(id)s or r.other_id = %(id)s) and i.merged_into is null
 order by r.score desc, i.number desc limit %(rows)s
"""


async def related(scope: Scope, incident_id: UUID) -> list[Json]:
    """The incidents that may be related to one, the likeliest first: {name, score, reasons, …}."""
    rows = await scope.rows(_RELATED, {"tenant": scope.tenant, "id": incident_id, "rows": RELATED_MAX})
    return [_shape(row) for row in rows]


def _shape(row: dict[str, Any]) -> Json:
    return {
        "id": str(row["incident_id"]),
        "name": f"INC-{row['number']}",
        "title": row["title"],
        "state": row["state"],
        "severity": row["severity"],
        "resource": row["resource"],
        "assignee": row["assignee"],
        "score": row["score"],
        "reasons": row["reasons"],
        "at": time_text(row["at"]),
    }
