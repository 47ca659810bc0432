"""The transport in memory does what a broker does: random schedules on both, and everything observed is equal.

`MANDATE_SCHEDULES=N` plays N schedules instead of a slice (`make differential`); `MANDATE_FIRST_SCHEDULE` sets the
first seed. A difference is printed as its seed and the shortest schedule found that still shows it.
"""

from __future__ import annotations

import os

from tests.support.transport_differential import compare
from tests.support.transport_schedules import Schedule, Step, draw, legal

FIRST = int(os.environ.get("MANDATE_FIRST_SCHEDULE", "1"))
COUNT = int(os.environ.get("MANDATE_SCHEDULES", "30"))
# An owner is put out in its transaction, its successor commits other positions of the same partition, and then the
# first one's EndTxn arrives: the position that was sent last stands, not the one that was committed last.
LATE_END = (
    Step("open", 0, (0,)),
    Step("open", 1, (1,)),
    Step("settle"),
    Step("begin", 1),
    Step("produce", 1, (1, 0)),
    Step("send_offsets", 1, (2, 5)),
    Step("crash", 1),
    Step("wait"),
    Step("settle"),
    Step("committed", 0),
    Step("begin", 0),
    Step("send_offsets", 0, (3, 7)),
    Step("commit", 0),
    Step("committed", 0),
    Step("commit", 1),
    Step("committed", 0),
)


def test_the_memory_does_what_a_broker_does(kafka):
    schedules = [("late end", legal(Schedule(False, LATE_END)))]
    schedules += [(f"seed {seed}", draw(seed)) for seed in range(FIRST, FIRST + COUNT)]
    found = compare(kafka.bootstrap, schedules)
    assert not found.differences, "\n\n".join(found.differences)
    assert found.played == len(schedules)
