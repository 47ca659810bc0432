"""`python -m tests.integration.projections.rebuild_process DSN PROJECTION [STEP]`: a rebuild of a story's log.

With STEP it ends itself by SIGKILL when the rebuild says that step, so that nothing is tidied up.
"""

from __future__ import annotations

import os
import signal
import sys

from projections import filling
from projections.filling import Moment, Said
from projections.rebuild import Rebuild
from tests.integration.projections.tenants import STORIES, memory_log, places_of
from tests.unit.projections.memory import MemoryHistory, MemoryLog
from tests.unit.projections.records import STREAMS


def rebuild(dsn: str, projection: str, log: MemoryLog, said: Said = lambda _: None) -> Rebuild:
    """A rebuild from a log in memory."""
    return Rebuild(dsn, projection, places_of(projection), STREAMS, MemoryHistory(log), said)


def _killing(step: str) -> Said:
    def said(moment: Moment) -> None:
        if moment.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return said


if __name__ == "__main__":
    _, address, name, *steps = sys.argv
    # So that a story of some records has every step in it.
    filling.HELD_MAX, filling.BATCH_RECORDS = 0, 3
    whole = memory_log(name, STORIES[name]())
    rebuild(address, name, whole, _killing(steps[0]) if steps else lambda _: None).run()
