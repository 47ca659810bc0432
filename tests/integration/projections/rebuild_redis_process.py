"""`python -m tests.integration.projections.rebuild_redis_process URL STEP`: a rebuild that ends itself at STEP."""

from __future__ import annotations

import os
import signal
import sys

from projections import filling, rebuild_redis
from projections.filling import Moment
from tests.integration.projections.test_rebuild_redis import PLACES, story_log
from tests.unit.projections.memory import MemoryHistory


def killing(moment: Moment) -> None:
    """SIGKILL when the rebuild says that step."""
    if moment.step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    # So that a story of some records has every step in it.
    filling.HELD_MAX, filling.BATCH_RECORDS = 0, 3
    rebuild_redis.RedisRebuild(sys.argv[1], "dedup", PLACES, MemoryHistory(story_log()), killing).run()
