"""`python -m bench.catalog [--json]`: CPU of a blast radius, and of reading 5,000 services with 20,000 dependencies.

In one process, without a broker; a radius is worked out once for a service and a catalog, so each here is a first one.
"""

from __future__ import annotations

import json
import random
import sys
import time
from statistics import median
from typing import cast

from processors.incidents.blast import walked
from schemas.catalog import Catalog
from schemas.configuration import canonical, parse_document

SERVICES, CALLS, ASKED, SEED = 5_000, 4, 200, 7


def measure() -> dict[str, float]:
    """Milliseconds of CPU: reading the catalog, a radius (median, worst)."""
    dice = random.Random(SEED)
    names = [f"service-{n:04}" for n in range(SERVICES)]
    services = [{"id": name, "owner": "team", "depends_on": sorted(dice.sample(names, CALLS))} for name in names]
    body = canonical({"services": services})
    begin = time.process_time()
    catalog = cast(Catalog, parse_document("catalog", body))
    read = time.process_time() - begin
    taken = []
    for name in dice.sample(names, ASKED):
        begin = time.process_time()
        walked(catalog, (), (name,))
        taken.append(time.process_time() - begin)
    found = {"read": read, "radius_median": median(taken), "radius_worst": max(taken)}
    return {name: round(seconds * 1_000, 2) for name, seconds in found.items()}


if __name__ == "__main__":
    result = {"services": SERVICES, "edges": SERVICES * CALLS, "milliseconds": measure()}
    print(json.dumps(result) if "--json" in sys.argv else result)
