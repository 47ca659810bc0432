"""The overview's half of a batch."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from processors.host.places import Place
from projections.overview.project import Briefs, data_key, project, tenant_of
from projections.reading import understand
from projections.redis_store import Mark, Planned
from schemas.record import Record

STREAM = "incidents.events"
# Tenants whose briefs are kept at hand, the latest written; another one's are read again (1.2 MB at most, 5 ms).
TENANTS_MAX = 100


class OverviewWriter:
    """Remembers the briefs of tenants that were written lately, as long as its writes succeed."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Briefs] = OrderedDict()

    def plan(self, client: Any, records: Sequence[Record], marks: Mapping[Place, Mark]) -> Planned:
        """See RedisWriter."""
        said, rejected = understand(records, {record.topic: STREAM for record in records})
        tenants = dict.fromkeys(tenant for each in said if (tenant := tenant_of(each)) is not None)
        present = {tenant: dict(self._of(client, tenant)) for tenant in tenants}
        operations = project(said, present)

        def adopt() -> None:
            for tenant, briefs in present.items():
                self._known[tenant] = briefs
                self._known.move_to_end(tenant)
            while len(self._known) > TENANTS_MAX:
                self._known.popitem(last=False)

        return Planned(operations, adopt, {}, len(rejected))

    def _of(self, client: Any, tenant: str) -> Briefs:
        known = self._known.get(tenant)
        if known is not None:
            return known
        stored: Mapping[bytes, bytes] = client.hgetall(data_key(tenant))
        return {bytes.fromhex(key.decode()): json.loads(value) for key, value in stored.items()}
