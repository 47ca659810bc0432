"""Runs parts of the tests side by side, each in a pytest of its own: `python -m tests.support.parts FOLDER…`.

Called by `make test`. Tests on real servers wait for most of their time (a broker's restart, a session's end), so two
lanes fill two cores; more would only make the deadlines of what they wait for shorter. A part's output is shown whole
when the part ends; then a line for each part, and the sum of all in pytest's own words. Exit code 1 when any failed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed

LANES = 2
# What takes long is told, so that a part that grows is seen before it is too long.
SLOWEST = ("--durations=8", "--durations-min=5")
# What pytest counts in its last line, behind which a client of Kafka may still complain.
LAST = re.compile(r"^\d+ \w+.* in [\d.]+s\b.*$", re.MULTILINE)
OUTCOMES = re.compile(r"(\d+) (failed|passed|skipped|deselected|xfailed|xpassed|errors?|warnings?)\b")


def run(folder: str) -> tuple[str, int, str]:
    """One part: (folder, pytest's exit code, what it said)."""
    argv = (sys.executable, "-m", "pytest", "-q", *SLOWEST, folder)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return folder, done.returncode, done.stdout


def main(folders: list[str]) -> int:
    """All of them; the given order is that of their beginning."""
    began, failed = time.monotonic(), False
    lines: list[str] = []
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(LANES) as lanes:
        for part in as_completed([lanes.submit(run, folder) for folder in folders]):
            folder, code, said = part.result()
            print(f"== {folder}\n{said}", flush=True)
            last = (LAST.findall(said) or ["nothing"])[-1]
            lines.append(f"{folder}: {last}" + (f" (exit code {code})" if code else ""))
            failed |= code != 0
            total.update({outcome: int(count) for count, outcome in OUTCOMES.findall(last)})
    print("\n".join(lines))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in total.items())
    print(f"{counts or 'nothing'} in {time.monotonic() - began:.2f}s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
