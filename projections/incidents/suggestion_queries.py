"""Reading suggestions and crossed thresholds for the doors; inside `postgres.scoped`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from projections import paging
from projections.incidents.suggested import breach, reference, suggestion
from projections.plain import Json
from projections.postgres import Scope

PROJECTION = "incidents"
STATES = ("open", "accepted", "dismissed", "expired", "all")
# The newest; an incident has few thresholds.
BREACHES_MAX = 50
_CURSOR = "suggestions.newest"
_SELECT = """
select s.*, c.accepted_count, c.dismissed_count, c.expired_count
  from suggestions s cross join lateral (
    select count(*) filter (where x.state = 'accepted') as accepted_count,
           count(*) filter (where x.state = 'dismissed') as dismissed_count,
           count(*) filter (where x.state = 'expired') as expired_count
      from suggestions x where x.tenant = s.tenant and x.kind = s.kind and x.pattern = s.pattern) c
 where s.tenant = %(tenant)s
"""
_LIST = _SELECT + " and s.number < %(below)s {state} order by s.number desc limit %(rows)s"
_BREACHES = """
select b.*, e.at as recovered_at, e.lasted_s
  from breaches b left join breach_ends e
    on e.tenant = b.tenant and e.incident_id = b.incident_id and e.breach_id = b.breach_id
 where b.tenant = %(tenant)s and b.incident_id = %(id)s order by b.at desc, b."offset" desc limit %(rows)s
"""


async def suggestions(scope: Scope, *, limit: int = 50, cursor: str | None = None, state: str = "open") -> Json:
    """A page of suggestions, the newest first."""
    paging.check_limit(limit)
    params = {"tenant": scope.tenant, "below": paging.number_in(_CURSOR, cursor), "rows": limit + 1, "state": state}
    rows = await scope.rows(_LIST.format(state="" if state == "all" else "and s.state = %(state)s"), params)
    following = paging.encode(_CURSOR, rows[limit - 1]["number"]) if len(rows) > limit else None
    return {
        "items": [suggestion(row) for row in rows[:limit]],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION),
    }


async def one(scope: Scope, given: str) -> Json | None:
    """One suggestion by its id or SUG-n, or None."""
    row = await _row(scope, given)
    return None if row is None else suggestion(row) | {"as_of": await paging.as_of_now(scope, PROJECTION)}


async def suggestion_id(scope: Scope, given: str) -> bytes | None:
    """The id of a suggestion by its id or SUG-n, as commands need it; None when there is none (yet)."""
    row = await _row(scope, given)
    return None if row is None else bytes(row["suggestion_id"].bytes)


async def breaches(scope: Scope, incident_id: Any) -> list[Json]:
    """The crossed thresholds of an incident, newest first."""
    params = {"tenant": scope.tenant, "id": incident_id, "rows": BREACHES_MAX}
    return [breach(row) for row in await scope.rows(_BREACHES, params)]


async def _row(scope: Scope, given: str) -> dict[str, Any] | None:
    found = reference(given)
    if found is None:
        return None
    if isinstance(found, int):
        return await scope.row(_SELECT + " and s.number = %(number)s", {"tenant": scope.tenant, "number": found})
    return await scope.row(_SELECT + " and s.suggestion_id = %(id)s", {"tenant": scope.tenant, "id": UUID(bytes=found)})
