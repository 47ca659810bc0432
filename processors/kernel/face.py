"""The contract of a batch face: the second, quicker way to decide a plain record (KERNEL 25).

A processor of actions may have one beside `decide` and `evolve`. It looks at a record's head without decoding it and,
where the record is plain, changes its state in place and lets the record pass. For everything else it says None and has
changed nothing: `decide` is asked, the one judge of what is not plain. Both faces write the same bytes, for any log and
any change from one to the other in it; a property test holds that.

What is changed in place is promised (`touch`): its bytes are asked for when `decide` looks at that part, or when the
transaction is written; what `decide` changed is told to the face (`told`). So each sees what the other did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from schemas.record import Headers


class Changed(Protocol):
    """What a face changes in place: one part."""

    def written(self) -> tuple[int, tuple[bytes | bytearray, ...]]:
        """Its bytes as `schemas.codec.encode` would give them, in pieces, and how many they are. Asked once a touch:
        the next change needs another."""


class Parts(Protocol):
    """The state of a partition as a face may use it; `kernel.store.Store` is one. `index`: as a View has it, kept up by
    the face for what it changes in place."""

    @property
    def index(self) -> Any: ...

    def get(self, part: str, /) -> Any | None:
        """The part with this key, or None."""

    def all_of(self, kind: type, /) -> Iterator[tuple[str, Any]]:
        """All parts of one class, in no order that may matter."""

    def put(self, part: str, value: Any, /) -> None:
        """Set a part."""

    def touch(self, part: str, changed: Changed, /) -> None:
        """Say now that this part, which exists, is changed in place: parts are written in the order of their first
        change."""


class Face(Protocol):
    """One processor's batch face over one partition. Not thread-safe; owned by one engine."""

    event: str  # type name of the event that a plain record becomes; its topic gets the record's own bytes
    reason: str  # the one reason of its decision

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | None:
        """Decide a plain record in place and give the key under which it goes on; None (nothing changed) otherwise.

        `value` is a framed Action of a known version, `now` log time in ms. No timer is due and none may be set.
        """

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """`decide` changed these parts (already written) and said these events (messages)."""


# A face over these parts of a partition: (its parts, the partition, how many partitions the input has).
MakeFace = Callable[[Parts, int, int], Face]
