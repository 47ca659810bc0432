"""The contract of a batch face: the second, quicker way to decide a plain record (KERNEL 25).

A processor of actions may have one beside `decide` and `evolve`. It looks at a record's head without decoding it and,
where the record is plain, changes its state in place and lets the record pass. For everything else it says None and has
changed nothing: `decide` is asked, the one judge of what is not plain. Both faces write the same bytes, for any log and
any change from one to the other in it; a property test holds that. A record that goes no further, but of which one
event tells (`Aside`), may be decided in place as well: the tenth that is sent again cost dedup half of its time.

What is changed in place is promised (`touch`): its bytes are asked for when `decide` looks at that part, or when the
transaction is written; what `decide` changed is told to the face (`told`). So each sees what the other did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from schemas.configuration import Document
from schemas.record import Headers


class Aside(NamedTuple):
    """A record that was decided in place and goes no further: the framed message of the one event about it, and the id
    of the record, from which `decide` would derive that event's."""

    message: bytes
    cause: bytes


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

    def raw(self, part: str, /) -> bytes | None:
        """The bytes of the part with this key as the codec writes it, or None."""

    def all_of(self, kind: type, /) -> Iterator[tuple[str, Any]]:
        """All parts of one class, in no order that may matter."""

    def put(self, part: str, value: Any, /) -> None:
        """Set a part."""

    def config(self, tenant: str, document: str, /) -> Document:
        """The document in force for this tenant. A face may keep what it read until it is told of an announcement."""

    def touch(self, part: str, changed: Changed, /) -> None:
        """Say now that this part, which exists, is changed in place: parts are written in the order of their first
        change."""


class Face(Protocol):
    """One processor's batch face over one partition. Not thread-safe; owned by one engine."""

    event: str  # type name of the event that a plain record becomes; its topic gets the record's own bytes
    reason: str  # the one reason of its decision
    aside: str  # type name of the event of an Aside, to which no processor reacts; "" where there is none
    aside_reasons: tuple[str, ...]  # of that decision

    def take(self, key: bytes, value: bytes, offset: int, headers: Headers, now: int) -> bytes | Aside | None:
        """Decide a plain record in place and give the key under which it goes on, or what is said of it under its own
        key; None (nothing changed) otherwise.

        `value` is a framed Action of a known version, `now` log time in ms. No timer is due and none may be set.
        """

    def told(self, changes: Mapping[str, Any | None], events: Sequence[Any]) -> None:
        """`decide` changed these parts (already written) and said these events (messages).

        Also told: `decider.Configured`, a document that came into force, as an event without changes.
        """


# A face over these parts of a partition: (its parts, the input, the partition, how many partitions the input has).
MakeFace = Callable[[Parts, str, int, int], Face]
