"""How a process loads its code: without the collector of circles, which has nothing to find there.

Called by the entry points around their imports. Fifty thousand objects that live for ever come into being while Python
loads a program, and its collector looks through all of them again and again: a tenth to a fifth of a start, of which a
restart after a crash has the whole for everybody to see.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
