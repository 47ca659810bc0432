"""Does the worker still take what the relay copies? A client that stalls in silence would silence every page.

The processor's asking again goes the same way, so it cannot help here: a stall ends the process instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# Above a rebalance of the group (broker_rebalance_timeout 20 s) and a broker's restart.
STALL_SECONDS = 45.0


class Watch:
    """Copied and taken offsets of `effects.requests`, by partition."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._copied: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._since: dict[int, float] = {}

    def copied(self, partition: int, offset: int) -> None:
        """The relay's copy was acknowledged at this offset."""
        self._copied[partition] = max(offset, self._copied.get(partition, -1))
        # A record is often taken before the producer hears that it was written; it is then nothing to wait for.
        if offset > self._taken.get(partition, -1):
            self._since.setdefault(partition, self._clock())

    def taken(self, partition: int, offset: int) -> None:
        """The worker took up the record at this offset."""
        self._taken[partition] = max(offset, self._taken.get(partition, -1))
        if offset >= self._copied.get(partition, -1):
            self._since.pop(partition, None)
        elif partition in self._since:
            # Something is still to be taken, and it moves.
            self._since[partition] = self._clock()

    def stalled(self, owns: Callable[[int], bool]) -> tuple[int, ...]:
        """Partitions of this slot where nothing has been taken for too long although something is there."""
        now = self._clock()
        late = (p for p, since in sorted(self._since.items()) if now - since > STALL_SECONDS)
        return tuple(p for p in late if owns(p))
