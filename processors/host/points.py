"""Named points between two steps, at which a test may stop the process: `reached("host.begun")`.

Called by the host's loop and transport, the effects service, projections and the gateway. `at` is unset in every
deployed process, and then a point costs one look. tests/faults sets it (and tries every point: tests/tidy holds that);
what it is given is the point's name, and it may end the process, stop it, or raise.
"""

from __future__ import annotations

from collections.abc import Callable

at: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """Tell whoever asked for it that the process is at this point."""
    if at is not None:
        at(point)
