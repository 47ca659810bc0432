"""One tenant in numbers, over all projections; inside `postgres.scoped`. For GET /v1/summary and every page's head."""

from __future__ import annotations

from projections import paging
from projections.catalog import PROJECTIONS
from projections.incidents.filters import OVER_SQL
from projections.incidents.queries import EXHAUSTED
from projections.incidents.shapes import name_of
from projections.plain import Json, time_text
from projections.postgres import Scope

_NUMBERS = f"""
select
  (select coalesce(sum(rows), 0)::bigint from timeline_counts where tenant = %(tenant)s) as timeline_rows,
  (select count(*) from incidents where tenant = %(tenant)s and state not in {OVER_SQL}) as open,
  (select count(*) from incidents where tenant = %(tenant)s and state in {OVER_SQL}
      and merged_into is null) as resolved,
  (select count(*) from healed_failures where tenant = %(tenant)s) as healed_failures,
  (select count(*) from gap_events where tenant = %(tenant)s and kind = 'opened') as gaps_opened,
  (select count(*) from gap_events where tenant = %(tenant)s and kind = 'filled') as gaps_filled,
  (select count(*) from gap_events where tenant = %(tenant)s and kind = 'declared') as gaps_declared,
  (select count(*) from drift_alerts where tenant = %(tenant)s) as drift_alerts,
  (select count(*) from pages where tenant = %(tenant)s) as requested,
  (select count(*) from pages where tenant = %(tenant)s and outcome = 'delivered') as delivered,
  (select count(*) from pages where tenant = %(tenant)s and outcome in ('failed', 'unknown')) as failed
"""
_RED = f"""
select e.number, e.exhausted_at from escalations e
  left join incidents i on i.tenant = e.tenant and i.incident_id = e.incident_id
 where e.tenant = %(tenant)s and e.state = 'exhausted' and (i.number is null or {EXHAUSTED})
 order by e.exhausted_at desc, e.number limit %(limit)s
"""
# More than this many red incidents are not read by anybody; the list of incidents has them all.
EXHAUSTED_MAX = 100


async def summary(scope: Scope) -> Json:
    """{timeline_rows, incidents, healed_failures, gaps, drift_alerts, pages, exhausted, as_of} of the tenant."""
    row = await scope.row(_NUMBERS, {"tenant": scope.tenant})
    assert row is not None  # scalar subqueries give one row
    red = await scope.rows(_RED, {"tenant": scope.tenant, "limit": EXHAUSTED_MAX})
    return {
        "timeline_rows": row["timeline_rows"],
        "incidents": {"open": row["open"], "resolved": row["resolved"]},
        "healed_failures": row["healed_failures"],
        "gaps": {"opened": row["gaps_opened"], "filled": row["gaps_filled"], "declared": row["gaps_declared"]},
        "drift_alerts": row["drift_alerts"],
        "pages": {"requested": row["requested"], "delivered": row["delivered"], "failed": row["failed"]},
        "exhausted": [{"incident": name_of(r["number"]), "at": time_text(r["exhausted_at"])} for r in red],
        "as_of": await paging.as_of_now(scope, *PROJECTIONS),
    }
