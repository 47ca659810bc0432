"""`python -m tests.faults [NAME…]`: tries faults on a stack of its own, and merges the figures into bench/FAULTS.*.

NAME is a fault's name or the beginning of one (`kill-` for all kills). Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.faults import results
from tests.faults.catalogue import ALL, Fault
from tests.faults.ground import ground

SEED = 20261122


def chosen(names: list[str]) -> list[Fault]:
    """The faults whose names begin so, in the order of the catalogue; all without names."""
    unknown = [name for name in names if not any(known.startswith(name) for known in ALL)]
    if unknown:
        raise SystemExit(f"no such fault: {', '.join(unknown)}. There are: {' '.join(ALL)}")
    return [fault for name, fault in ALL.items() if not names or any(name.startswith(n) for n in names)]


async def run(faults: list[Fault], seed: int, write: bool) -> bool:
    """Try them one after the other; True when nothing was found."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="mandate-faults-") as folder:
        async with ground(Path(folder), say, seed=seed) as found:
            say(f"seed {seed}, stack at {found.stack.url}")
            for fault in faults:
                tries = [await found.tried(stream, partial(inflict, found)) for inflict, stream in fault.inflicts]
                rows.append(row := results.row_of(fault.name, tries))
                say(
                    f"{fault.name}: tried {row.tried}, lost {row.lost}, doubled {row.doubled}, misordered "
                    f"{row.misordered}, stall {row.stall_s} s, recovery {row.recovery_s} s"
                )
                if write:
                    results.merge([row])
            kept = found.load.kept
            say(f"{kept.count} actions accepted; answers {kept.answers}")
    return all(row.clean for row in rows)


def say(text: str) -> None:
    """One line, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Parse, run, say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="faults, or the beginnings of their names (default: all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--dry", action="store_true", help="leave bench/FAULTS.* as they are")
    given = parser.parse_args()
    if given.list:
        print("\n".join(ALL))
        return 0
    return 0 if asyncio.run(run(chosen(given.names), given.seed, not given.dry)) else 1


if __name__ == "__main__":
    sys.exit(main())
