"""The proof of the incidents processor: `python -m bench.incidents [--json] [--errors N] [--outages N]`.

A storm of errors with known faults (incidents_storm.py), outages with known causes (incidents_attribution.py; half of
them held out from the choice of weights), CPU per normal event of signals and per command of incidents, and the memory
that 200 open incidents and 5,000 services take. Absolute times of a shared machine are an upper bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from bench import incidents_attribution, incidents_storm
from bench.causal_model import OUTAGES
from bench.figures import Json, rows, show


def measure(errors: int = incidents_storm.ERRORS, outages: int = OUTAGES) -> Json:
    """{storm, attribution, microseconds, memory}; shares are 0 to 1."""
    storm = incidents_storm.measure(errors)
    spent = storm.pop("microseconds")
    attribution, command = incidents_attribution.measure(range(outages))
    spent["command_of_attribution"] = round(command, 1)
    return {"storm": storm, "attribution": attribution, "microseconds": spent, "memory": memory()}


def memory() -> Json:
    """In a process of its own: what others have loaded does not count."""
    ran = subprocess.run([sys.executable, "-m", "bench.incidents_memory"], capture_output=True, text=True, check=True)
    found: Json = json.loads(ran.stdout)
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.incidents", description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--errors", type=int, default=incidents_storm.ERRORS, help="failed actions of the storm")
    parser.add_argument("--outages", type=int, default=OUTAGES, help="outages of the causal model")
    given = parser.parse_args()
    found = measure(given.errors, given.outages)
    attribution = {k: v for k, v in found["attribution"].items() if k != "held_out"}
    held = found["attribution"]["held_out"]
    tables = [
        rows([found["storm"]]),
        rows([{"outages": "tuned on", **attribution}, {"outages": "held out", **held}]),
        rows([found["microseconds"]]),
        rows([found["memory"]]),
    ]
    show(found, "\n\n".join(tables), given.json)


if __name__ == "__main__":
    main()
