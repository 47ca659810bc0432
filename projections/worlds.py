"""What an incident and RML cases have to do with each other, and so which world an incident is in: SQL for the queries.

Asked when somebody reads, of the rows of three projections (incidents, cases, the ledger), so it does not matter which
of them was written first, and nothing has to be corrected when another one catches up. Called by
`incidents.queries` and `cases.queries`, inside `postgres.scoped`; pure, no query of its own.

A case belongs to the incidents of its resource in whose time it came about, and to those that count one of its actions
among their events. It *names* one of them: one that has its action before others, then the one that began last before
it, then the one that began first after it. Time of a case is the agent's, and never later than its own record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from projections.plain import Json

# What comes so long before the first failure may be its first sign: the default window in which failures are one
# incident (`attach_window_s` of the document `incidents`, which no reader has).
BEFORE_MS = 900_000
# An incident names so many cases; the pages show fewer, and the world needs one.
NAMED_MAX = 20
# Cases that came after an incident's end, each looked at for an action among the incident's: the first so many.
AFTER_MAX = 100
WORLDS = ("RML1", "RML2", "RML3")
_FOR_EVER = 2**63 - 1

_WHEN = "least(c.event_time, c.opened_at)"


def _begin(i: str) -> str:
    return f"{i}.first_failure_at - {BEFORE_MS}"


def _end(i: str, whole: str = "") -> str:
    """When the time of incident `i` is over; of one that was merged, when the `whole` is.

    Agents' clocks say when history happened, for it is told long after; of what is live the log says when it ended.
    """
    over = f"{whole or i}.resolved_at"
    return (
        f"(case when {i}.historical then {i}.last_failure_at + {BEFORE_MS}"
        f" when {over} is null then {_FOR_EVER} else greatest({over}, {i}.last_failure_at) end)"
    )


_WITHIN = f"{_WHEN} between {_begin('i')} and {_end('i')}"
_ACTIONS = """(select c.action_id union all select l.action_id
  from case_entries n join ledger_entries l on l.tenant = n.tenant and l.number = n.number
 where n.tenant = c.tenant and n.case_id = c.case_id)"""
_TOLD = f"""(select e.incident_id from incident_events e
 where e.tenant = c.tenant and e.action_id in {_ACTIONS})"""

# Of incidents `i`: `cases`, their cases oldest first, and `open_entry`, the first entry whose effect nobody knows of.
# `j` are the incident itself and those that were merged into it: it keeps the highest world of all.
OF_INCIDENTS = f"""
cross join lateral (
  with recursive family as (
    select i.incident_id as id
     union
    select m.incident_id from incidents m join family f on m.merged_into = f.id where m.tenant = i.tenant),
  j as materialized (
    select j.* from incidents j where j.tenant = i.tenant and j.incident_id in (select id from family))
  select
    (select coalesce(jsonb_agg(jsonb_build_object('id', c.case_id, 'number', c.number, 'world', c.world,
                                                  'reason', c.reason, 'state', c.state) order by c.number), '[]')
       from (select c.* from j join cases c on c.tenant = i.tenant and c.resource = j.resource
                                           and {_WHEN} between {_begin("j")} and {_end("j", "i")}
              union
             select c.* from j cross join lateral
              (select c.* from cases c where c.tenant = i.tenant and c.resource = j.resource
                                         and {_WHEN} > {_end("j", "i")}
                order by {_WHEN}, c.number limit {AFTER_MAX}) c where j.incident_id in {_TOLD}
              order by number limit {NAMED_MAX}) c) as cases,
    (select min(l.number) from j join ledger_entries l on l.tenant = i.tenant and l.resource = j.resource
      where l.outcome = 'unknown'
        and least(l.event_time, l.at) between {_begin("j")} and {_end("j", "i")}) as open_entry) w
"""
# The world of incidents `i` with OF_INCIDENTS.
WORLD = "(case when w.cases <> '[]' or w.open_entry is not null then 'RML3' else 'RML2' end)"

# Of cases `c`: the incident that each names (`incident_id`, `incident_number`; null without one).
OF_CASES = f"""
left join lateral (
  select i.incident_id, i.number as incident_number from incidents i
   where i.tenant = c.tenant and i.resource = c.resource and ({_WITHIN} or i.incident_id in {_TOLD})
   order by i.incident_id in {_TOLD} desc, i.first_failure_at <= {_WHEN} desc,
            case when i.first_failure_at <= {_WHEN} then -i.number else i.number end
   limit 1) b on true
"""


def world(row: Mapping[str, Any]) -> Json:
    """An incident's world, from a row with OF_INCIDENTS: {world, world_why, cases: [{id, name, world, reason, state}]}.

    `RML3` by a case or an effect that nobody knows the outcome of; `RML2` otherwise, since others met the failure.
    `RML1` would have to be proven and is never guessed.
    """
    cases: Sequence[Mapping[str, Any]] = row["cases"]
    named = [
        {"id": c["id"], "name": f"CASE-{c['number']}", "world": c["world"], "reason": c["reason"], "state": c["state"]}
        for c in cases
    ]
    if named:
        names = [str(c["name"]) for c in named]
        some = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        return {"world": "RML3", "world_why": f"{some} on the same resource, in its time.", "cases": named}
    if row["open_entry"] is not None:
        why = (
            f"Nobody knows whether an effect on the same resource came about: entry {row['open_entry']} of the ledger."
        )
        return {"world": "RML3", "world_why": why, "cases": []}
    why = "Others have met the failure; no case and no effect of unknown outcome says that it is history."
    return {"world": "RML2", "world_why": why, "cases": []}
