"""Play seeds, or the mutants:

python -m tests.simulation --first-seed 0 --seeds 2000 --json      {seeds, failures[]}; exit 1 when there is one
python -m tests.simulation --first-seed 1234 --seeds 1             what broke, and which faults were played
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from tests.simulation.campaign import campaign, commit, hunt
from tests.simulation.mutants import MUTANTS


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=200, help="how many, from the first on")
    parser.add_argument("--size", choices=("small", "large"), default="small")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    parser.add_argument(
        "--mutants", action="store_true", help="put mistakes into the program; the checkers must see them"
    )
    parser.add_argument("--only", default="", help="with --mutants: these, by name, separated by commas")
    asked = parser.parse_args()
    if asked.mutants:
        return mutants([name for name in asked.only.split(",") if name] or sorted(MUTANTS), asked)
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


def mutants(names: list[str], asked: argparse.Namespace) -> int:
    """All mutants, each until a seed shows it."""
    missed, told = [], []
    for found in hunt(names, asked.seeds, asked.processes):
        told.append(found)
        line = f"caught by seed {found['seed']}: {found['broken'][0]}" if found["caught"] else "MISSED"
        print(f"{found['mutant']}: {line[:200]}", file=sys.stderr)
        if not found["caught"]:
            missed.append({"mutant": found["mutant"], "why": MUTANTS[found["mutant"]].why, "seeds": asked.seeds})
    if asked.json:
        answer = {"mutants": len(told), "caught": len(told) - len(missed), "missed": missed}
        print(json.dumps(answer | {"commit": commit(), "by": {f["mutant"]: f["seed"] for f in told if f["caught"]}}))
    else:
        print(f"{len(told)} mutants, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
