"""Reading blast radii for the doors; inside `postgres.scoped`. The radius was stated by the processor; here it meets
the numbers that the read models hold.
"""

from __future__ import annotations

from typing import Any

from projections import paging
from projections.incidents.queries import CASES, PROJECTION, family, survivor
from projections.incidents.shapes import name_of
from projections.plain import Json, time_text
from projections.postgres import Scope
from projections.worlds import BEFORE_MS

TIMELINE = "timeline"
# Failed actions whose actors and sessions are told apart; of more the numbers are those of the first so many.
ACTIONS_MAX = 10_000
_RADIUS = "select * from blast_radii where tenant = %(tenant)s and about = %(id)s"
_INCIDENT = f"""
select i.number, i.resource, i.failures, i.affected_count,
  (select count(*) from ledger_entries l where l.tenant = i.tenant and l.resource in
        (select m.resource from incidents m where m.tenant = i.tenant and m.incident_id = any(%(ids)s))
      and l.event_time between i.first_failure_at - {BEFORE_MS}
      and coalesce(greatest(i.resolved_at, i.last_failure_at), 9223372036854775807)) as effects
  from incidents i where i.tenant = %(tenant)s and i.incident_id = %(id)s
"""
# What opened an incident stays on its timeline when a split moves it: then it is the failure of another one.
_ACTORS = """
with acts as (select e.action_id, e.actor from incident_events e
  where e.tenant = %(tenant)s and e.incident_id = any(%(ids)s) and e.action_id is not null
    and (e.kind = 'SignalAttached' or not exists (select 1 from incident_events o
        join incidents i on i.tenant = o.tenant and i.incident_id = o.incident_id
        where o.tenant = e.tenant and o.action_id = e.action_id and not o.incident_id = any(%(ids)s)
          and (o.kind = 'SignalAttached' or (o."offset" > e."offset" and i.merged_into is null))))
  limit %(most)s)
select (select count(distinct actor) from acts) as actors,
  (select count(distinct (t.actor, t.session)) from acts a join timeline t
      on t.tenant = %(tenant)s and t.event_id = a.action_id where t.session <> '') as sessions
"""


async def blast_radius(scope: Scope, given: str) -> Json | None:
    """What an incident (INC-n or its id; of a merged one: what it is now) may have hit, and in numbers what it did.

    None when there is none.
    """
    found = await survivor(scope, given)
    if found is None:
        return None
    members = [m["incident_id"] for m in await family(scope, found["incident_id"])]
    params: dict[str, Any] = {"tenant": scope.tenant, "id": found["incident_id"], "ids": members, "most": ACTIONS_MAX}
    of = await scope.row(_INCIDENT, params)
    who = await scope.row(_ACTORS, params)
    assert of is not None
    assert who is not None
    numbers = {
        "failed_actions": of["failures"],
        "affected": of["affected_count"],
        "actors": who["actors"],
        "sessions": who["sessions"],
        "effects": of["effects"],
        "counted_of_first": ACTIONS_MAX if of["failures"] > ACTIONS_MAX else None,
    }
    row = await scope.row(_RADIUS, params)
    head = {"incident": name_of(of["number"]), "resource": of["resource"], "numbers": numbers}
    return head | radius(row) | {"as_of": await paging.as_of_now(scope, PROJECTION, CASES, TIMELINE)}


def radius(row: Any) -> Json:
    """A stated radius as /v1 shows it; `stated_at` None where there is none, for want of a catalog."""
    if row is None:
        nothing: Json = {name: [] for name in ("services", "nodes", "owners", "circle", "reasons")}
        return nothing | {"cut": 0, "because": None, "stated_at": None}
    out = {name: row[name] for name in ("services", "nodes", "owners", "circle", "reasons", "cut", "because")}
    return out | {"stated_at": time_text(row["at"])}
