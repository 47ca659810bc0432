"""`mandate_unaccounted_actions`: what GET /v1/pipeline calls unaccounted, over all tenants of the last 20-30 minutes.

Asked when somebody scrapes, in the same scripts of the read model `dedup`. The whole window by receipts is
`mandate reconcile`.
"""

from __future__ import annotations

import math

from gateway.http.pipeline import account_of
from gateway.http.services import Services
from processors.host.places import Place
from projections.dedup.account import SLOTS
from projections.dedup.project import SLOT_MS, kinds_of, members_key
from projections.errors import NotReady
from projections.redis_keys import owner
from projections.redis_reading import ask
from projections.redis_store import name_of

# A script for each, at most 30 ms of Redis; above it nothing is said.
TENANTS_MAX = 100
_MEMBERS = "local out = {} for _, k in ipairs(KEYS) do out[#out + 1] = redis.call('SMEMBERS', k) end return out"


async def unaccounted(services: Services) -> float:
    """Accepted actions without an outcome; NaN when it is not known (Redis away, too many tenants or ids)."""
    try:
        tenants = await _tenants(services)
    except NotReady:
        return math.nan
    if len(tenants) > TENANTS_MAX:
        return math.nan
    found = [await account_of(services, tenant) for tenant in tenants]
    return math.nan if None in found else float(sum(each["unaccounted"] for each in found if each is not None))


async def _tenants(services: Services) -> list[str]:
    """Who sent something in the newest slots of time."""
    accepted = next(topic for topic, kind in kinds_of(services.topology).items() if kind == "accepted")
    now = services.clock() // SLOT_MS
    places = [Place(accepted, number) for number in range(services.topology.partitions(accepted))]
    keys = [members_key(name_of(place), slot) for place in places for slot in range(now - SLOTS + 1, now + 1)]
    found = await ask(services.redis, _MEMBERS, keys)
    return sorted({owner(key.decode()) for members in found for key in members})
