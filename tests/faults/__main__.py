"""`python -m tests.faults [NAME…]`: tries faults on stacks of its own, and merges the figures into bench/FAULTS.*.

NAME is a fault's name or the beginning of one (`kill-` for all kills). Exit code 1 when anything was found, or when a
fault did not end as it should. What cannot run on this machine is written down as not tried, with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

from tests.faults import at_random, clocks, results
from tests.faults.catalogue import ALL, CLOCKS, DELETED, PREPARED, RAISED, SMALL_KAFKA, SMALL_POSTGRES, STORM, Fault
from tests.faults.ground import Ground, Pace, Tried, ground
from tests.faults.results import Row

SEED = 20261122
# The random kills: 20 of each room take five and a half minutes at the pace that the supervisor takes, and the actions
# as long; a busy machine gets two more.
KILLS = 20
ACTIONS = 100_000
SECONDS = 450.0
STORM_PACE = Pace(rate=400.0, agents=12, batch=20)
# All of it takes 20 minutes on two quiet cores. A fault that would begin later keeps the figures of its last try.
MINUTES = 25.0


def chosen(names: list[str]) -> list[Fault]:
    """The faults whose names begin so, in the order of the catalogue; all without names."""
    unknown = [name for name in names if not any(known.startswith(name) for known in ALL)]
    if unknown:
        raise SystemExit(f"no such fault: {', '.join(unknown)}. There are: {' '.join(ALL)}")
    return [fault for name, fault in ALL.items() if not names or any(name.startswith(n) for n in names)]


def impossible(kind: str) -> str | None:
    """Why faults of this ground cannot run here, or None."""
    if kind == CLOCKS and not clocks.LIBRARY.exists():
        return "libfaketime is not on this machine (apt-get install libfaketime)"
    if kind in (SMALL_KAFKA, SMALL_POSTGRES):
        if os.geteuid() != 0:
            return "a small file system cannot be mounted without being root"
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder), check=False)
            if done.returncode:
                return "mounting a small file system is not allowed here"
            subprocess.run(("umount", folder), check=False)
    return None


async def on_ground(kind: str, faults: list[Fault], given: argparse.Namespace, rows: list[Row], end: float) -> None:
    """Try these on one stack, while there is time; each row is written as soon as it is there."""
    storm = kind == STORM
    pace = STORM_PACE if storm else Pace()
    with tempfile.TemporaryDirectory(prefix="mandate-faults-", ignore_cleanup_errors=True) as folder:
        before = PREPARED.get(kind, lambda _: None)
        async with ground(Path(folder), say, seed=given.seed, before=before, pace=pace) as found:
            say(f"seed {given.seed}, {kind} stack at {found.stack.url}")
            for fault in faults:
                if time.monotonic() > end:
                    say(f"{fault.name}: left out, the {given.minutes:g} minutes are over")
                    continue
                row = await (
                    at_random.storm(found, given.kills, given.actions, given.seconds) if storm else tried(found, fault)
                )
                rows.append(row)
                say(
                    f"{fault.name}: tried {row.tried}, lost {row.lost}, doubled {row.doubled}, misordered "
                    f"{row.misordered}, stall {row.stall_median_s}/{row.stall_s} s, recovery {row.recovery_s} s"
                )
                if not given.dry:
                    results.merge([row])
            kept = found.load.kept
            say(f"{kept.count} actions accepted; answers {kept.answers}")


async def tried(found: Ground, fault: Fault) -> Row:
    """All tries of a fault. One that does not end as it should is a finding."""
    tries: list[Tried] = []
    wrong: list[str] = []
    for inflict, stream in fault.inflicts:
        try:
            one = partial(inflict, found)
            tries.append(await (found.refused(one) if fault.on in (RAISED, DELETED) else found.tried(stream, one)))
        except AssertionError as failed:
            say(f"    FAILED: {fault.name}: {failed}")
            traceback.print_exc()
            wrong.append(str(failed))
    row = results.row_of(fault.name, tries, fault.note)
    row.wrong += wrong
    return row


async def run(given: argparse.Namespace) -> bool:
    """Ground by ground; True when nothing was found."""
    rows: list[Row] = []
    end = time.monotonic() + given.minutes * 60
    for kind, some in itertools.groupby(chosen(given.names), key=lambda fault: fault.on):
        faults = list(some)
        if reason := impossible(kind):
            results.merge([] if given.dry else [Row(fault.name, note=f"not tried: {reason}") for fault in faults])
            say(f"{', '.join(fault.name for fault in faults)}: {reason}")
            continue
        if time.monotonic() < end:
            await on_ground(kind, faults, given, rows, end)
        else:
            say(f"{', '.join(fault.name for fault in faults)}: left out, the {given.minutes:g} minutes are over")
    return all(row.clean for row in rows)


def say(text: str) -> None:
    """One line, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Parse, run, say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="faults, or the beginnings of their names (default: all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kills", type=int, default=KILLS, help="random kills of each room")
    parser.add_argument("--actions", type=int, default=ACTIONS, help="actions under the random kills")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="at most so long, whatever is reached")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="no fault is begun later (default 25)")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--dry", action="store_true", help="leave bench/FAULTS.* as they are")
    given = parser.parse_args()
    if given.list:
        print("\n".join(ALL))
        return 0
    return 0 if asyncio.run(run(given)) else 1


if __name__ == "__main__":
    sys.exit(main())
