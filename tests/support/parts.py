"""Runs parts of the tests side by side, each in a pytest of its own: `python -m tests.support.parts FOLDER…`.

Called by `make test`. Tests on real servers wait for most of their time (a broker's restart, a session's end), so two
lanes fill two cores; more would only make the deadlines of what they wait for shorter. A part's output is shown whole
when the part ends, and again as one line at the end. Exit code 1 when any part failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

LANES = 2


def run(folder: str) -> tuple[str, int, float, str]:
    """One part: (folder, pytest's exit code, seconds, what it said)."""
    began = time.monotonic()
    argv = (sys.executable, "-m", "pytest", "-q", folder)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return folder, done.returncode, time.monotonic() - began, done.stdout


def main(folders: list[str]) -> int:
    """All of them; the given order is that of their beginning."""
    lines: list[str] = []
    with ThreadPoolExecutor(LANES) as lanes:
        for part in as_completed([lanes.submit(run, folder) for folder in folders]):
            folder, code, seconds, said = part.result()
            print(f"== {folder}\n{said}", flush=True)
            lines.append(f"{folder}: {said.strip().rpartition(chr(10))[2]}" + (f" — EXIT {code}" if code else ""))
    print("\n".join(lines))
    return int(any("EXIT" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
