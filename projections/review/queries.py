"""Reading what was flagged, and dependencies, for the doors; inside `postgres.scoped`. Shapes of /v1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections import paging
from projections.plain import Json, time_text
from projections.postgres import Scope

PROJECTION = "review"
_CURSOR = "review.newest"
# What a page or list of dependencies shows at most: 64 declared ones on 64 partitions, and as many regions.
MAX_RATES = 4_096
MAX_STATES = 1_000
# Episodes that limit at once: as many as a tenant can have open.
MAX_LIMITS = 1_000

_LIST = """
select * from reviews r where r.tenant = %(tenant)s and r.place < %(below)s {verdict} {kind}
 order by r.place desc limit %(rows)s
"""
_ONE = "select * from reviews r where r.tenant = %(tenant)s and r.flood_id = %(which)s"
_LIMITS = """
select kind, actor, verdict, rate_limit, limited_until from reviews r
 where r.tenant = %(tenant)s and r.limited_until > %(now)s and r.verdict <> 'released'
 order by r.place limit %(rows)s
"""
_RATES = (
    "select * from dependency_rates d where d.tenant = %(tenant)s order by d.dependency, d.partition limit %(rows)s"
)
_STATES = """
select * from dependency_states d where d.tenant = %(tenant)s order by d.dependency, d.region limit %(rows)s
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """Whom the gateway limits: an actor, or ("") the tenant, to `rate` actions a second (0: none), until when (ms)."""

    actor: str
    rate: int
    until: int
    kind: str


async def reviews(
    scope: Scope, *, limit: int = 50, cursor: str | None = None, verdict: str | None = None, kind: str | None = None
) -> Json:
    """A page of what was flagged, newest first; `verdict` may be "open": nobody has looked. Raises BadRequest."""
    paging.check_limit(limit)
    params = {
        "tenant": scope.tenant,
        "below": paging.number_in(_CURSOR, cursor),
        "rows": limit + 1,
        "verdict": "" if verdict == "open" else verdict,
        "kind": kind,
    }
    query = _LIST.format(
        verdict="" if verdict is None else "and r.verdict = %(verdict)s",
        kind="" if kind is None else "and r.kind = %(kind)s",
    )
    rows = await scope.rows(query, params)
    following = paging.encode(_CURSOR, rows[limit - 1]["place"]) if len(rows) > limit else None
    return {
        "items": [shape(row) for row in rows[:limit]],
        "next": following,
        "as_of": await paging.as_of_now(scope, PROJECTION),
    }


async def review(scope: Scope, flood_id: bytes) -> Json | None:
    """One episode, or None."""
    row = await scope.row(_ONE, {"tenant": scope.tenant, "which": UUID(bytes=flood_id)})
    return None if row is None else shape(row) | {"as_of": await paging.as_of_now(scope, PROJECTION)}


async def limits(scope: Scope, now: int) -> list[Limit]:
    """Whom the gateway limits at `now` (ms)."""
    rows = await scope.rows(_LIMITS, {"tenant": scope.tenant, "now": now, "rows": MAX_LIMITS})
    return [
        Limit(r["actor"], 0 if r["verdict"] == "confirmed" else r["rate_limit"], r["limited_until"], r["kind"])
        for r in rows
        if r["verdict"] == "confirmed" or r["rate_limit"]
    ]


async def dependencies(scope: Scope) -> Json:
    """The tenant's external dependencies: how often they fail, and what was said of them."""
    rates = await scope.rows(_RATES, {"tenant": scope.tenant, "rows": MAX_RATES})
    states = await scope.rows(_STATES, {"tenant": scope.tenant, "rows": MAX_STATES})
    names = sorted({row["dependency"] for row in (*rates, *states)})
    return {
        "items": [
            _dependency(
                name,
                [r for r in rates if r["dependency"] == name],
                [s for s in states if s["dependency"] == name],
            )
            for name in names
        ],
        "as_of": await paging.as_of_now(scope, PROJECTION),
    }


def _dependency(name: str, rates: list[dict[str, Any]], states: list[dict[str, Any]]) -> Json:
    return {
        "name": name,
        "elevated": any(r["elevated"] for r in rates),
        "tries": sum(r["tries"] for r in rates),
        "failures": sum(r["failures"] for r in rates),
        "rates": [
            {
                "partition": r["partition"],
                "tries": r["tries"],
                "failures": r["failures"],
                "window_s": r["window_s"],
                "expected_per_mille": r["expected_per_mille"],
                "alert_per_mille": r["alert_per_mille"],
                "fewest": r["fewest"],
                "elevated": r["elevated"],
                "words": r["words"],
                "at": time_text(r["at"]),
            }
            for r in rates
        ],
        "states": [
            {
                "region": s["region"],
                "state": s["state"],
                "since": time_text(s["since"]),
                "until": time_text(s["until"]),
                "source": s["source"],
                "subject": s["subject"],
                "note": s["note"],
                "at": time_text(s["at"]),
            }
            for s in states
        ],
    }


def shape(row: Mapping[str, Any]) -> Json:
    """An episode as /v1 shows it."""
    return {
        "id": str(row["flood_id"]),
        "kind": row["kind"],
        "actor": row["actor"] or None,
        "state": row["state"],
        "evidence": row["evidence"],
        "count": row["count"],
        "threshold": row["threshold"],
        "peak": row["peak"],
        "reports": row["reports"],
        "rate_limit": row["rate_limit"],
        "limited_until": time_text(row["limited_until"]) if row["limited_until"] else None,
        "security_owner": row["security_owner"] or None,
        "verdict": row["verdict"] or None,
        "judged_by": row["judged_by"],
        "judged_at": time_text(row["judged_at"]),
        "note": row["note"],
        "started_at": time_text(row["started_at"]),
        "last_at": time_text(row["last_at"]),
        "ended_at": time_text(row["ended_at"]),
    }
