"""A history in lists instead of record by record: quicker for whoever reads all of it.

Called by replay and by histories that are made of others. It brings no client of the broker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from processors.host.places import Place
from schemas.record import Record

if TYPE_CHECKING:
    # Its module brings the client of the broker, which not everybody here needs.
    from processors.host.history import History

# Records of a list where the history has none of its own: what a host decides at once.
STEP_RECORDS = 2_000


@runtime_checkable
class Listed(Protocol):
    """A history that has its records in lists anyway."""

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records that `read` gives, in its order; a list may be empty. Raises what `read` raises."""


def lists_of(history: History, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
    """The records of `History.read` in lists, none of them empty. Raises what `read` raises."""
    if isinstance(history, Listed):
        yield from filter(None, history.lists(place, start, end))
        return
    records = history.read(place, start, end)
    while found := list(islice(records, STEP_RECORDS)):
        yield found
