"""How a process loads its code, and runs: with little of the collector of circles, which has nothing to find there.

Called by the entry points around their imports. Fifty thousand objects that live for ever come into being while Python
loads a program, and its collector looks through all of them again and again: a tenth to a fifth of a start, of which a
restart after a crash has the whole for everybody to see.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A batch of 2,000 records makes about 20,000 tracked objects, nearly all gone when it is committed and none of them in
# a circle: five such batches may pass before the collector looks. At 150 bytes each that is 15 MB at most.
TRACKED_OBJECTS = 100_000


@contextmanager
def loading() -> Iterator[None]:
    """Within this block code is loaded; what is there at its end is never looked through again. May be nested."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def calm_collector() -> None:
    """Keep the collector of circles away from what lives for one batch, and from the code, which lives for ever.

    For the whole process, once it has loaded what it runs. At Python's threshold (700 objects) a sixth of the time of
    the busiest processor went into looking through records that were about to go anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(TRACKED_OBJECTS, *gc.get_threshold()[1:])
