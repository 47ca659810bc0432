"""Play seeds, or the mutants:

python -m tests.simulation --first-seed 0 --seeds 2000 --json      {seeds, failures[]}; exit 1 when there is one
python -m tests.simulation --first-seed 1234 --seeds 1             what broke, and which faults were played
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from tests.simulation.campaign import campaign, commit


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=200, help="how many, from the first on")
    parser.add_argument("--size", choices=("small", "large"), default="small")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    asked = parser.parse_args()
    failures = []
    for outcome in campaign(asked.first_seed, asked.seeds, asked.size, asked.processes):
        if not outcome.broken:
            continue
        again = f"python -m tests.simulation --first-seed {outcome.seed} --seeds 1 --size {outcome.size}"
        failures.append(
            {
                "seed": outcome.seed,
                "commit": commit(),
                "again": again,
                "broken": list(outcome.broken),
                "faults": list(outcome.faults),
                "hash": outcome.hash,
            }
        )
        print(f"seed {outcome.seed} at {commit()}: {again}", *outcome.broken, sep="\n  ", file=sys.stderr)
        print("  faults:", *outcome.faults, sep="\n    ", file=sys.stderr)
    if asked.json:
        print(json.dumps({"seeds": asked.seeds, "failures": failures}))
    else:
        print(f"{asked.seeds} seeds from {asked.first_seed}, {len(failures)} with a broken invariant")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
