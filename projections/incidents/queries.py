"""Reading incidents for the doors; inside `postgres.scoped`. Answers have the shapes of /v1 as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from projections import paging
from projections.incidents import relations
from projections.incidents.attributed import causes
from projections.incidents.filters import NONE, OVER_SQL, Filters
from projections.incidents.groups import Group, named
from projections.incidents.shapes import alert, name_of, reference, report, timeline_item
from projections.incidents.shapes import incident as shape
from projections.incidents.suggestion_queries import breaches
from projections.plain import Json
from projections.postgres import Scope
from projections.worlds import OF_INCIDENTS

PROJECTION = "incidents"
PAGES = "pages"
CASES = "cases"
OPEN = "open"
# A merged incident leads to what it is now in one step for each merge above it.
MERGES_DEEP = 16
# A change of the same resource this long before the first failure belongs to the incident's timeline.
CHANGE_LOOKBACK_MS = 86_400_000
_CURSOR = "incidents.newest"

# `exhausted` is what shows red: nobody acknowledged, and nobody has since.
EXHAUSTED = f"""(e.state is not distinct from 'exhausted' and i.state not in {OVER_SQL}
  and (i.last_acknowledged_at is null or i.last_acknowledged_at < e.exhausted_at))"""
_SELECT = f"""
select i.*, {EXHAUSTED} as exhausted, w.cases, w.open_entry
  from incidents i left join escalations e on e.tenant = i.tenant and e.incident_id = i.incident_id
  {OF_INCIDENTS}
 where i.tenant = %(tenant)s
"""
_PLAIN = "select i.* from incidents i where i.tenant = %(tenant)s"
# An incident and all that were merged into it, and those into these.
_FAMILY = """
with recursive family as (
  select i.incident_id, i.number from incidents i where i.tenant = %(tenant)s and i.incident_id = any(%(ids)s)
   union
  select m.incident_id, m.number from incidents m join family f on m.merged_into = f.incident_id
   where m.tenant = %(tenant)s)
select incident_id, number from family order by number
"""
_LIST = _SELECT + " and i.number < %(below)s {state} {filters} order by i.number desc limit %(rows)s"
# A name is at most 1 KB and mostly 20 bytes: 200 KB; a tenant with more services narrows by resource.
RESOURCES_MAX = 10_000
_RESOURCES = "select distinct resource from incidents where tenant = %(tenant)s order by resource limit %(rows)s"
_COMMAND = """
select a.code, a.reasons, a.event_ids, r.why, r.remedy, i.number
  from answers a left join refusals r on r.tenant = a.tenant and r.command_id = a.command_id and r.code = a.code
  left join reports p on p.tenant = a.tenant and p.report_id = a.command_id
  left join incidents i on i.tenant = p.tenant and i.incident_id = p.incident_id
 where a.tenant = %(tenant)s and a.command_id = %(command_id)s order by r.partition, r."offset" limit 1
"""
# The newest of each; an alert's own history is its source's.
TOLD_MAX = 50
_REPORTS = """
select * from reports where tenant = %(tenant)s and incident_id = any(%(ids)s)
 order by at desc, "offset" desc limit %(rows)s
"""
_ALERTS = """
select a.*, e.ends_at, e.at as resolved_at
  from alerts a left join alert_ends e
    on e.tenant = a.tenant and e.alert_id = a.alert_id
 where a.tenant = %(tenant)s and a.incident_id = any(%(ids)s) order by a.at desc, a."offset" desc limit %(rows)s
"""
# One event may stand on the timelines of two that are read together.
_ENTRY = """select distinct on (x."offset") topic, partition, "offset", append_time, at, kind, text, actor, record_id,
       action_id, details, incident_id
  from {table} x where x.tenant = %(tenant)s and x.incident_id = any(%(incident_ids)s) and x.topic = m.topic
   and x.partition = m.partition and x."offset" > m."offset" and (x.kind = any(%(kinds)s)) = %(within)s
 order by x."offset", x.incident_id limit %(rows)s"""
_CHANGE = """select topic, partition, "offset", append_time, at, 'ChangeRecorded', text, actor, change_id, action_id,
       jsonb_build_object('resource', resource, 'kind', kind, 'before', before, 'after', after, 'summary', summary,
                          'difference', difference,
                          'links', links, 'freeze', "freeze", 'freeze_message', freeze_message), null::uuid
  from changes x where x.tenant = %(tenant)s and x.resource = any(%(resources)s) and x.topic = m.topic
   and x.partition = m.partition and x."offset" > m."offset"
   and %(changes)s and x.event_time >= %(since)s and (%(until)s::bigint is null or x.at <= %(until)s::bigint)
 order by x."offset" limit %(rows)s"""
_TIMELINE = f"""
select e.*
  from unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[]) as m(topic, partition, "offset")
cross join lateral (
  ({_ENTRY.format(table="incident_events")}) union all ({_ENTRY.format(table="page_events")}) union all ({_CHANGE})) e
"""


async def incidents(
    scope: Scope, *, limit: int = 50, cursor: str | None = None, state: str | None = None, filters: Filters = NONE
) -> Json:
    """A page of incidents, newest first. `state`: a state's name, or `open` (not over).

    Raises BadRequest.
    """
    paging.check_limit(limit)
    conditions = {None: "and i.merged_into is null", OPEN: f"and i.state not in {OVER_SQL}"}
    params = {
        "tenant": scope.tenant,
        "below": paging.number_in(_CURSOR, cursor),
        "state": state,
        "rows": limit + 1,
    } | filters.given
    chosen = conditions.get(state, "and i.state = %(state)s")
    rows = await scope.rows(_LIST.format(state=chosen, filters=filters.sql), params)
    following = paging.encode(_CURSOR, rows[limit - 1]["number"]) if len(rows) > limit else None
    return {
        "items": [shape(row) for row in rows[:limit]],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION, PAGES, CASES),
    }


async def resources(scope: Scope) -> list[str]:
    """The resources on which there ever was an incident, at most RESOURCES_MAX by name."""
    rows = await scope.rows(_RESOURCES, {"tenant": scope.tenant, "rows": RESOURCES_MAX})
    return [row["resource"] for row in rows]


async def incident(scope: Scope, given: str) -> Json | None:
    """One incident by its id or INC-n, with its `reports`, `alerts` and `breaches`, newest first; None without one."""
    row = await survivor(scope, given, _SELECT)
    if row is None:
        return None
    members = await family(scope, row["incident_id"])
    params = {"tenant": scope.tenant, "ids": [m["incident_id"] for m in members], "rows": TOLD_MAX}
    told: Json = {
        "reports": [report(r) for r in await scope.rows(_REPORTS, params)],
        "alerts": [alert(r) for r in await scope.rows(_ALERTS, params)],
        "breaches": await breaches(scope, row["incident_id"]),
    }
    told |= {"aliases": [name_of(m["number"]) for m in members if m["incident_id"] != row["incident_id"]]}
    told |= {"related": await relations.related(scope, row["incident_id"])}
    return shape(row) | told | {"as_of": await paging.as_of_now(scope, PROJECTION, PAGES, CASES)}


async def causes_of(scope: Scope, given: str) -> Json | None:
    """Why an incident happened, by its id or INC-n (see attributed.causes); None without one."""
    row = await survivor(scope, given)
    if row is None:
        return None
    return causes(row, name_of(row["number"])) | {"as_of": await paging.as_of_now(scope, PROJECTION)}


async def incident_id(scope: Scope, given: str) -> bytes | None:
    """The id of an incident by its id or INC-n, as commands need it; None when there is none (yet)."""
    row = await _row(scope, given)
    return None if row is None else bytes(row["incident_id"].bytes)


async def incident_timeline(
    scope: Scope,
    given: str,
    *,
    limit: int = 50,
    cursor: str | None = None,
    group: Group | None = None,
    beside: str | None = None,
) -> Json | None:
    """A page of what happened to an incident, in log order: its events, its pages, changes of its resource.

    `beside` is another incident whose entries stand between; each item says whose it is (`incident`, None of a change).
    """
    paging.check_limit(limit)
    row = await survivor(scope, given)
    other = None if row is None or beside is None else await survivor(scope, beside)
    if row is None or (beside is not None and other is None):
        return None
    both = [row] if other is None else [row, other]
    names = {m["incident_id"]: name_of(r["number"]) for r in both for m in await family(scope, r["incident_id"])}
    places = await paging.positions(scope, PROJECTION, PAGES)
    kind = ".".join(("incident", *(str(r["incident_id"]) for r in both), group or "all"))
    marks = paging.marks(kind, cursor, places, newest=False)
    params = paging.parameters(marks) | {
        "tenant": scope.tenant,
        "incident_ids": list(names),
        "resources": [r[key] for r in both for key in ("resource", "cause_resource") if r[key] is not None],
        "since": min(r["first_failure_at"] for r in both) - CHANGE_LOOKBACK_MS,
        "until": None if any(r["resolved_at"] is None for r in both) else max(r["resolved_at"] for r in both),
        "rows": limit + 1,
        # All but none; the kinds of a group; or, of actions, all but the kinds of the other groups.
        "kinds": [] if group is None else named(group),
        "within": group in ("human", "notification"),
        "changes": group in (None, "action"),
    }
    found = await scope.rows(_TIMELINE, params)

    def item(entry: Mapping[str, Any]) -> Json:
        return timeline_item(entry) | {"incident": names.get(entry["incident_id"])}

    items, following = paging.page(kind, marks, found, limit, False, item)
    return {"items": items, "next": following, "as_of": paging.as_of(places)}


async def command(scope: Scope, command_id: bytes) -> Json:
    """What became of a command; `pending` also for an id that nobody sent, since the log may not have come so far.

    `incident` is the INC-n that a report opened or joined, None for every other command.
    """
    row = await scope.row(_COMMAND, {"tenant": scope.tenant, "command_id": UUID(bytes=command_id)})
    out: Json = {"command_id": str(UUID(bytes=command_id)), "state": "pending", "code": None, "reasons": []}
    out |= {"events": [], "why": None, "remedy": None, "incident": None}
    if row is not None:
        out |= {"state": "answered", "code": row["code"], "reasons": row["reasons"], "events": row["event_ids"]}
        out |= {"why": row["why"], "remedy": row["remedy"]}
        out |= {"incident": None if row["number"] is None else name_of(row["number"])}
    return out | {"as_of": await paging.as_of_now(scope, PROJECTION)}


async def family(scope: Scope, *incident_ids: UUID) -> list[dict[str, Any]]:
    """These incidents and all that were merged into them: {incident_id, number}, by number."""
    return await scope.rows(_FAMILY, {"tenant": scope.tenant, "ids": list(incident_ids)})


async def survivor(scope: Scope, given: str, select: str = _PLAIN) -> dict[str, Any] | None:
    """The row of what an incident is now: its own, or that of the one that it was merged into."""
    row = await _row(scope, given, select)
    for _ in range(MERGES_DEEP):
        if row is None or row["merged_into"] is None:
            break
        row = await _row(scope, str(row["merged_into"]), select)
    return row


async def _row(scope: Scope, given: str, select: str = _PLAIN) -> dict[str, Any] | None:
    found = reference(given)
    if found is None:
        return None
    if isinstance(found, int):
        return await scope.row(select + " and i.number = %(number)s", {"tenant": scope.tenant, "number": found})
    params = {"tenant": scope.tenant, "id": UUID(bytes=found)}
    return await scope.row(select + " and i.incident_id = %(id)s", params)
