"""What was done lately, so that a redelivered request is answered instead of sent again.

It makes doubles rare, no more: it is lost with the process and refilled from the log (recall.py) as far as that knows.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from processors.effects.channels import Verdict
from schemas.ids import Id

# A redelivery after a rebalance reaches back seconds; 10,000 attempts of about 300 bytes are 3 MB.
LIMIT = 10_000

K = TypeVar("K")


class Handled:
    """Verdicts by (notification_id, attempt), and the notifications that were delivered; the oldest go first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._attempts: OrderedDict[tuple[Id, int], Verdict] = OrderedDict()
        self._delivered: OrderedDict[Id, Verdict] = OrderedDict()

    def verdict(self, notification_id: Id, attempt: int) -> Verdict | None:
        """What is already known of this attempt: its own verdict, or that its notification was delivered."""
        return self._attempts.get((notification_id, attempt)) or self._delivered.get(notification_id)

    def remember(self, notification_id: Id, attempt: int, verdict: Verdict) -> None:
        """Keep the verdict of an attempt that was made."""
        _put(self._attempts, (notification_id, attempt), verdict, self._limit)
        if verdict.outcome == "delivered":
            _put(self._delivered, notification_id, verdict, self._limit)


def _put(table: OrderedDict[K, Verdict], key: K, verdict: Verdict, limit: int) -> None:
    table[key] = verdict
    table.move_to_end(key)
    if len(table) > limit:
        table.popitem(last=False)
