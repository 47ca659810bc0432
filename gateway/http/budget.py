"""How many bytes of request bodies are in hand at once, and how long a body may take to arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.http.errors import Busy

# 1,000 actions of 4 KB, or 8 of the largest size.
BODY_MAX = 4 * 1_048_576
# 16 bodies of the largest size. Parsed JSON is 5-10 times its text: at most 640 MB if everybody does their worst.
BUDGET = 16 * BODY_MAX
# 4 MB in 15 s are 2.2 Mbit/s; a sender slower than that sends smaller batches.
BODY_SECONDS = 15.0


class Budget:
    """Bytes of bodies in hand."""

    def __init__(self, limit: int = BUDGET) -> None:
        self._left = limit

    def take(self, size: int) -> None:
        """Hold `size` bytes, until they are given back. Raises Busy `gateway_busy` when they are not there."""
        if size > self._left:
            raise Busy("gateway_busy", "the gateway", "too many bodies are in hand", "Come again in a second.")
        self._left -= size

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self._left += size

    @contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Hold `size` bytes meanwhile. Raises Busy `gateway_busy`."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)
