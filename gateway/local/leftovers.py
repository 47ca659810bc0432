"""Making sure that nothing of a stack runs any more, also when its supervisor was killed."""

from __future__ import annotations

import os
import signal
import time

from gateway.local import state as st
from gateway.local.children import POLL_S
from gateway.local.paths import Home

# The kernel kills the children of a killed supervisor at once; a JVM of 300 MB is gone 0.2 s later.
GONE_DEADLINE_S = 10.0


def end_leftovers(home: Home) -> list[str]:
    """Wait for the recorded processes to be gone, kill those that stay; returns the names of the killed.

    Only for a stack without a living supervisor. A process counts only if pid *and* start time are the
    recorded ones.
    """
    recorded = st.read(home)
    if recorded is None:
        return []
    processes = [*recorded.processes, *recorded.steps]
    # A moment's grace: whoever got the kernel's SIGKILL is on its way out.
    grace = time.monotonic() + 1.0
    while any(st.alive(process) for process in processes) and time.monotonic() < grace:
        time.sleep(POLL_S)
    left = [process for process in processes if st.alive(process)]
    for process in left:
        if process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
    end = time.monotonic() + GONE_DEADLINE_S
    while any(st.alive(process) for process in left) and time.monotonic() < end:
        time.sleep(POLL_S)
    return [process.name for process in left]
