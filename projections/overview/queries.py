"""Reading the overview for the doors: one script, one moment."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from projections.incidents.shapes import name_of
from projections.overview.project import NAME, OVER, VERSION, data_key
from projections.plain import Json, id_text, time_text
from projections.redis_keys import positions_key
from projections.redis_reading import as_of, ask, marks, pairs

_LOOK = "return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}"
_TIMES = ("opened_at", "first_failure_at", "changed_at", "acknowledged_at", "paged_at")
SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")


async def overview(client: Any, tenant: str, limit: int) -> Json:
    """Numbers of open incidents and the first `limit` of them, worst and oldest first. Raises NotReady."""
    found = await ask(client, _LOOK, [positions_key(NAME, VERSION), data_key(tenant)])
    briefs = {bytes.fromhex(key.decode()): json.loads(value) for key, value in pairs(found[1]).items()}
    there = [(key, brief) for key, brief in briefs.items() if brief["state"] not in OVER]
    there.sort(key=lambda each: (each[1]["severity"], each[1]["number"]))
    severities = Counter(brief["severity"] for _, brief in there)
    states = Counter(brief["state"] for _, brief in there)
    highest = max((brief["number"] for brief in briefs.values()), default=0)
    return {
        "open": len(there),
        "worst": there[0][1]["severity"] if there else None,
        "by_severity": {name: severities[name] for name in SEVERITIES},
        "by_state": dict(sorted(states.items())),
        "unassigned": sum(brief["assignee"] is None for _, brief in there),
        "over": len(briefs) - len(there),
        # Incidents are numbered from 1 without holes: what is not here was too old to be kept in short.
        "left_out": highest - len(briefs),
        "items": [_item(key, brief) for key, brief in there[:limit]],
        "as_of": as_of(marks(found[0])),
    }


def _item(key: bytes, brief: Json) -> Json:
    times = {name: time_text(brief[name]) for name in _TIMES}
    return {"id": id_text(key), "name": name_of(brief["number"])} | brief | times
