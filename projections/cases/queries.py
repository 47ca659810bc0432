"""Reading cases and the ledger for the doors; inside `postgres.scoped`. Answers have the shapes of /v1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from projections import paging, worlds
from projections.cases import size
from projections.plain import Json, time_text
from projections.postgres import Scope
from schemas import ids

PROJECTION = "cases"
INCIDENTS = "incidents"
# What a list shows of each case; one case shows more. A suspicion rarely has more than a handful of entries.
LISTED_ENTRIES = 20
SHOWN_ENTRIES = 1_000
_CASES = "cases.newest"
_LEDGER = "ledger"
_NAME = re.compile(r"\ACASE-([1-9][0-9]{0,17})\Z", re.IGNORECASE)

_CASES_WITH = f"""
select c.*, b.incident_id, b.incident_number, s.parties, s.unnamed, s.first_at, s.last_at
  from cases c {size.OF_CASES} {worlds.OF_CASES}
"""
_LIST = f"""
{_CASES_WITH} where c.tenant = %(tenant)s and c.number < %(below)s {{state}}
 order by c.number desc limit %(rows)s
"""
_ONE = f"""
{_CASES_WITH} where c.tenant = %(tenant)s and c.{{column}} = %(which)s
"""
_NAMED = """
select c.case_id, e.* from unnest(%(cases)s::uuid[]) as c(case_id)
cross join lateral (
  select l.* from case_entries n join ledger_entries l on l.tenant = n.tenant and l.number = n.number
   where n.tenant = %(tenant)s and n.case_id = c.case_id order by n.number limit %(rows)s) e
"""
_ENTRIES = """
select * from ledger_entries l where l.tenant = %(tenant)s and l.number > %(above)s
 order by l.number limit %(rows)s
"""
_HEAD = "select number, hash from ledger_entries where tenant = %(tenant)s order by number desc limit 1"


def name_of(number: int) -> str:
    """`CASE-1`."""
    return f"CASE-{number}"


async def cases(scope: Scope, *, limit: int = 50, cursor: str | None = None, state: str | None = None) -> Json:
    """A page of cases, newest first. Raises BadRequest."""
    paging.check_limit(limit)
    params = {
        "tenant": scope.tenant,
        "below": paging.number_in(_CASES, cursor),
        "state": state,
        "rows": limit + 1,
    }
    rows = await scope.rows(_LIST.format(state="" if state is None else "and c.state = %(state)s"), params)
    following = paging.encode(_CASES, rows[limit - 1]["number"]) if len(rows) > limit else None
    rows = rows[:limit]
    named = await _named(scope, rows, LISTED_ENTRIES)
    return {
        "items": [_case(row, named.get(row["case_id"], [])) for row in rows],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION, INCIDENTS),
    }


async def case(scope: Scope, given: str) -> Json | None:
    """One case by its id or CASE-n; None when there is none."""
    numbered = _NAME.match(given)
    parsed = ids.parse(given)
    if numbered is None and parsed is None:
        return None
    which = int(numbered[1]) if numbered else UUID(bytes=parsed)
    query = _ONE.format(column="number" if numbered else "case_id")
    row = await scope.row(query, {"tenant": scope.tenant, "which": which})
    if row is None:
        return None
    named = await _named(scope, [row], SHOWN_ENTRIES)
    as_of = await paging.as_of_now(scope, PROJECTION, INCIDENTS)
    return _case(row, named.get(row["case_id"], [])) | {"as_of": as_of}


async def ledger(scope: Scope, *, limit: int = 50, cursor: str | None = None) -> Json:
    """A page of the ledger in its order, and its head. Raises BadRequest."""
    paging.check_limit(limit)
    above = 0 if cursor is None else paging.number_in(_LEDGER, cursor)
    rows = await scope.rows(_ENTRIES, {"tenant": scope.tenant, "above": above, "rows": limit + 1})
    following = paging.encode(_LEDGER, rows[limit - 1]["number"]) if len(rows) > limit else None
    head = await scope.row(_HEAD, {"tenant": scope.tenant})
    return {
        "ledger": scope.tenant,
        "head": None if head is None else {"number": head["number"], "hash": bytes(head["hash"]).hex()},
        "items": [entry(row) for row in rows[:limit]],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION),
    }


async def _named(scope: Scope, rows: list[dict[str, Any]], limit: int) -> dict[UUID, list[Json]]:
    """The entries that cases name, each case's first `limit` in the order of the ledger."""
    if not rows:
        return {}
    params = {"tenant": scope.tenant, "cases": [row["case_id"] for row in rows], "rows": limit}
    out: dict[UUID, list[Json]] = {}
    for row in await scope.rows(_NAMED, params):
        out.setdefault(row["case_id"], []).append(entry(row))
    return {case_id: sorted(found, key=lambda e: int(e["number"])) for case_id, found in out.items()}


def _case(row: Mapping[str, Any], entries: list[Json]) -> Json:
    return {
        "id": str(row["case_id"]),
        "number": row["number"],
        "name": name_of(row["number"]),
        "world": row["world"],
        "state": row["state"],
        "reason": row["reason"],
        "why": row["why"],
        "opened_at": time_text(row["opened_at"]),
        "resource": row["resource"],
        "kind": row["kind"],
        "counterparty": row["counterparty"],
        "amount": row["amount"],
        "currency": row["currency"],
        "actor": row["actor"],
        "action_id": str(row["action_id"]),
        "event_time": time_text(row["event_time"]),
        "labels": {"world": row["label_world"], "action": row["label_action"]},
        "entries_count": row["entries_count"],
        "entries": entries,
        "incident_id": None if row["incident_id"] is None else str(row["incident_id"]),
        "incident": None if row["incident_number"] is None else f"INC-{row['incident_number']}",
    } | size.sized(row)


def entry(row: Mapping[str, Any]) -> Json:
    """An entry of the ledger. The members that its hash covers are those of `schemas.ledger.FIELDS`."""
    return {
        "number": row["number"],
        "id": str(row["entry_id"]),
        "action_id": str(row["action_id"]),
        "actor": row["actor"],
        "action_type": row["action_type"],
        "kind": row["kind"],
        "outcome": row["outcome"],
        "amount": row["amount"],
        "currency": row["currency"],
        "counterparty": row["counterparty"],
        "external_reference": row["external_reference"],
        "resource": row["resource"],
        "reversibility": row["reversibility"],
        "event_time": time_text(row["event_time"]),
        "at": time_text(row["at"]),
        "observations": row["observations"],
        "previous_hash": bytes(row["previous_hash"]).hex(),
        "hash": bytes(row["hash"]).hex(),
    }
