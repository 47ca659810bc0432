"""Plays logs of the simulation into real stores, with crashes and zombies; what is there at the end is what one quiet
reading gives.

    python -m tests.integration.projections.stores_played POSTGRES POSTGRES2 REDIS [--mutant NAME] [--seeds 3]

Both databases are new, with all tables; the Redis is emptied (its databases 1 and 2). Prints JSON: {seeds, broken}. A
mutant (tests/simulation/mutants.py) is put in place before anything of the program is loaded.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys

from tests.simulation.mutants import STORE_MUTANTS
from tests.simulation.mutating import install

SEEDS = 3


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.projections.stores_played")
    parser.add_argument("postgres")
    parser.add_argument("beside", help="another database, for the quiet reading")
    parser.add_argument("redis")
    parser.add_argument("--mutant", choices=sorted(STORE_MUTANTS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    asked = parser.parse_args()
    if asked.mutant:
        install(STORE_MUTANTS[asked.mutant])
    from tests.integration.projections.stores_disturbed import CACHES, TABLES, differences

    # A store that dies as often as it can has much to say.
    logging.disable(logging.CRITICAL)
    server = (asked.mutant or "").partition("_")[0]
    names = {"postgres": TABLES, "redis": CACHES}.get(server, (*TABLES, *CACHES))
    broken: list[str] = []
    seed = 0
    while seed < asked.seeds and not broken:
        broken = differences(seed, names, (asked.postgres, asked.beside), asked.redis)
        seed += 1
    print(json.dumps({"seeds": seed, "broken": broken[:5]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
