"""A tenant's removal as a real process that meets a signal at one of its steps: python -m tests.support.removal_process
TENANT SIGNAL STEP NTH. Settings as `python -m projections archive` has them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter

from projections import settings
from projections.archive.files import Files
from projections.archive.upkeep import Upkeep, remove_tenant
from schemas import topology


def main(tenant: str, name: str, step: str, nth: int) -> None:
    """Remove all of a tenant, or as much as comes before the step."""
    reached: Counter[str] = Counter()

    def at(what: str) -> None:
        reached[what] += 1
        if what == step and reached[what] == nth:
            # To this thread: another one may be the first to take a signal of the process, and this one goes on.
            signal.pthread_kill(threading.get_ident(), signal.Signals[name])

    given = settings.read(os.environ)
    with Upkeep(given.postgres) as upkeep:
        remove_tenant(upkeep, Files(given.archive_place), topology.load(), tenant, 2**31 - 1, "left us", at)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
