"""Coverage-guided fuzzing of what takes bytes from strangers, bounded in seconds and runs: `make fuzz SECONDS=60`.

    python -m tests.support.fuzzing [--seconds 60] [--runs 10000000] [TARGET …]     each target in a process of its own
    python -m tests.support.fuzzing --one TARGET FILE                               play one found input again

First inputs are those of tests/support/poisons.py; what is found is kept in `.mandate/fuzz/` and named in the report.
Needs atheris (the extra `fuzz`), which has wheels for Linux on x86-64 alone. Exit code 1 when something was found.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".mandate") / "fuzz"
NAMES = ("head", "message", "body", "single")
SECONDS = 60
RUNS = 10_000_000
# A run is milliseconds; a second is what a neighbour may be delayed, and instrumented code is ten times slower.
TIMEOUT_S = 10
# Five times what a process takes when it has read everything there is.
RSS_MB = 1_024
# What the longest of the short poisons needs; long ones are in the property tests.
LENGTH_MAX = 16_384


def main() -> int:
    """Run the targets one after another; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.fuzzing")
    parser.add_argument("targets", nargs="*", default=NAMES, metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of all targets together")
    parser.add_argument("--runs", type=int, default=RUNS, help="at most, of each target")
    parser.add_argument("--one", nargs=2, metavar=("TARGET", "FILE"))
    given = parser.parse_args()
    if given.one:
        from tests.support.fuzz_targets import TARGETS

        TARGETS[given.one[0]](Path(given.one[1]).read_bytes())
        return 0
    each = max(1, given.seconds // len(given.targets))
    failed = [name for name in given.targets if _run(name, each, given.runs) != 0]
    print(f"{len(given.targets) - len(failed)} passed, {len(failed)} failed")
    for name in failed:
        print(f"{name}: see {FOLDER / name}-*; play it again with --one {name} FILE", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, seconds: int, runs: int) -> int:
    print(f"== {name}, {seconds} s", flush=True)
    limits = [f"-max_total_time={seconds}", f"-runs={runs}", f"-timeout={TIMEOUT_S}", f"-rss_limit_mb={RSS_MB}"]
    kept = [f"-max_len={LENGTH_MAX}", f"-artifact_prefix={FOLDER / name}-", "-print_final_stats=1", "-verbosity=0"]
    command = [sys.executable, "-m", "tests.support.fuzz_child", name, *limits, *kept]
    # Twice the time: libFuzzer looks at its clock between runs, and reading the first inputs is not counted.
    return subprocess.run(command, timeout=2 * seconds + 60, check=False).returncode


def prepared(name: str) -> Path:
    """The folder of a target's inputs; first ones are added."""
    from tests.support.fuzz_targets import corpus

    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for raw in corpus(name):
        if len(raw) <= LENGTH_MAX:
            (folder / hashlib.sha256(raw).hexdigest()[:16]).write_bytes(raw)
    return folder


if __name__ == "__main__":
    sys.exit(main())
