"""Calls into the client library that must come back, and what it means when one does not.

The library's own time-out is not always kept: when a broker that coordinates a group leaves the metadata for
a moment (a restart), a handle that is being taken down stays in a cache, and `send_offsets_to_transaction`
waits on it for ever (librdkafka 2.16, seen in runs that killed the broker). A call in C cannot
be interrupted, so the process ends and its successor goes on. Called by kafka_producer.py; looked at by
run.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """Open calls and their deadlines. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, tuple[str, float]] = {}

    @contextmanager
    def within(self, doing: str, seconds: float) -> Iterator[None]:
        """The block must end within `seconds`. One per thread at a time."""
        me = threading.get_ident()
        with self._lock:
            self._open[me] = (doing, time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._lock:
                self._open.pop(me, None)

    def overdue(self) -> str | None:
        """What should have come back by now, or None."""
        now = time.monotonic()
        with self._lock:
            for doing, deadline in self._open.values():
                if now > deadline:
                    return doing
        return None
