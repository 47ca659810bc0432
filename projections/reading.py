"""What a record of a projection's input says: a head for actions, a message for every other stream, or a rejection.

Pure. Ticks and announced configuration are told to rooms, not to readers: they are skipped here.
A record that cannot be read is kept in `projection_rejects` and passed by: rooms send bad records to dead.letters, so
one here was written by somebody else, and must not stop everybody's read model. A record in a *newer* schema than
this program knows is different: passing it by would lose it, so the reader refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from projections.errors import Refused
from projections.heads import head_of
from schemas import codec, registry
from schemas.errors import SchemaError
from schemas.messages import kernel
from schemas.messages.tables import STREAMS
from schemas.record import Record

ACTIONS = "actions"
_ACTION = ("actions", "Action")
_SKIPPED = tuple(cls.__name__ for cls in kernel.SHARED)


class Said(NamedTuple):
    """A record and what it says: a `Head` on action streams, else the stream's message."""

    record: Record
    message: Any


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read, and why."""

    record: Record
    code: str
    detail: str


@cache
def _words(stream: str) -> codec.Words:
    return codec.Words(STREAMS[stream])


@cache
def _named(number: int) -> tuple[str, str] | None:
    """(home, name) of a schema id, or None."""
    written = registry.by_id().get(number)
    return None if written is None else (written.home, written.name)


@cache
def action_frames() -> frozenset[bytes]:
    """The first five bytes of every version of an action; its head is the same in all of major 1."""
    return frozenset(codec.frame(n) for n, w in registry.by_id().items() if (w.home, w.name) == _ACTION)


def understand(records: Iterable[Record], streams: Mapping[str, str]) -> tuple[tuple[Said, ...], tuple[Rejected, ...]]:
    """Read each record by the stream of its topic. Raises Refused `newer_schema`."""
    said: list[Said] = []
    rejected: list[Rejected] = []
    for record in records:
        try:
            message = _read(record, streams[record.topic])
        except SchemaError as error:
            if error.code == "unknown_schema":
                raise Refused(
                    "newer_schema",
                    f"record {record.topic}[{record.partition}]@{record.offset}",
                    error.why,
                    "Install the version that wrote it; nothing was stored beyond this record.",
                ) from error
            rejected.append(Rejected(record, error.code, error.why))
            continue
        if message is not None:
            said.append(Said(record, message))
    return tuple(said), tuple(rejected)


def _read(record: Record, stream: str) -> Any | None:
    if stream != ACTIONS:
        return _words(stream).decode(record.value)
    value = record.value
    # By the five bytes of the frame: a third of the time of finding the schema by its number.
    if value is not None and value[: codec.PREFIX_BYTES] in action_frames():
        return head_of(value)
    named = _named(codec.id_of(value))
    if named is not None and named[0] == "kernel" and named[1] in _SKIPPED:
        return None
    return _words(stream).decode(value)  # raises unknown_schema or unexpected_type
