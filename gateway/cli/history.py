"""Which history a command reads: the one place that chooses.

Called by `replay`, `whatif`, `rebuild` and `reconcile`. It reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.local.connections import connections
from processors.host.history import History, LogHistory


@contextmanager
def history(bootstrap: str | None = None) -> Iterator[History]:
    """What was recorded, closed at the end. `bootstrap` None: MANDATE_KAFKA or the local stack's."""
    opened = LogHistory(bootstrap or connections().kafka)
    try:
        yield opened
    finally:
        opened.close()
