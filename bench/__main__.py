"""All measurements: `python -m bench [--only peers,restore] [--json]`, what `make bench` runs.

Each part runs in a process of its own, so that none inherits what another has warmed, and one that fails or hangs is
said and the others go on. Their figures are merged into bench/RESULTS.json and written out in bench/RESULTS.md; parts
that were not run keep the figures of their last run.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from bench import report, results
from bench.figures import Json
from bench.peers import setup
from bench.sections import NAMES, USUAL, section
from gateway.local.children import bound, stop

# The time in which all parts must be done; what would begin later is said to be left out. The last one, growth, ends at
# once when it is cut off.
WHOLE_S = 14.75 * 60.0
END_S = 75.0  # of a part that is cut off: `mandate down`, for which bench.stack waits 60 s
LEAST_S = 10.0  # with less left a part is not begun


def run(name: str, limit_s: float) -> tuple[Json, str | None]:
    """One part in a process of its own: its figures, or why there are none."""
    process: subprocess.Popen[Any] = subprocess.Popen(
        bound([sys.executable, "-m", "bench", "--child", name]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        # Asked first: a local stack is no child of its own and must be ended by it.
        stop(process, signal.SIGTERM, END_S)
        return {}, f"cut off after {limit_s:.0f} s"
    if process.returncode != 0:
        return {}, "\n".join(errors.strip().splitlines()[-5:]) or f"it ended with {process.returncode}"
    found: Json = json.loads(said.splitlines()[-1])
    return found, None


def everything(names: Sequence[str]) -> list[str]:
    """Run these parts, merge each as soon as it is done; gives the names of those that failed."""
    begun = time.monotonic()
    failed = []
    for name in names:
        part, left = section(name), WHOLE_S - (time.monotonic() - begun)
        said = results.now()
        print(f"{name}: {part.words} …", file=sys.stderr, flush=True)
        at = time.monotonic()
        found: Json = {}
        error: str | None
        if left < LEAST_S:
            error = f"left out: the whole had taken {WHOLE_S / 60:g} minutes"
        else:
            found, error = run(name, min(part.limit_s, left))
        said |= {"seconds": round(time.monotonic() - at), "error": error}
        document = results.merged(results.read(), name, found, said)
        results.write(document)
        results.MARKDOWN.write_text(report.markdown(document))
        if error:
            failed.append(name)
            print(f"{name} failed: {error}", file=sys.stderr, flush=True)
    return failed


def main() -> int:
    """Entry point; 0 when every part gave figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    further = ", ".join(name for name in NAMES if name not in USUAL)
    usual = ",".join(USUAL)
    parser.add_argument("--only", default=usual, help=f"parts, by comma (default {usual}; further ones: {further})")
    parser.add_argument("--json", action="store_true", help="print the merged RESULTS.json instead of RESULTS.md")
    parser.add_argument(
        "--report", action="store_true", help="write RESULTS.md anew from RESULTS.json, measure nothing"
    )
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
        print(json.dumps(section(given.child).run()))
        return 0
    names = [name for name in given.only.split(",") if name]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    if given.report:
        results.MARKDOWN.write_text(report.markdown(results.read()))
        return 0
    if "peers" in names:
        setup.main()  # fetching is not measuring: before the clock runs
    failed = everything(names)
    document = results.read()
    print(json.dumps(document, indent=1, sort_keys=True) if given.json else report.markdown(document))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
