"""The head of an action: its first eleven fields, read with slices and a few varints, without decoding the rest.

The head is part of Action's major version 1; a test pins it against fastavro. Bytes after the head are never looked at,
so the original bytes can be forwarded by processors that decide on the head alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.codec import PREFIX_BYTES
from schemas.errors import SchemaError

MAX_HEAD_STRING = 4096  # tenant, actor, session, resource, type: the gateway allows 1,024 characters, 4 bytes each


@dataclass(frozen=True, slots=True)
class Head:
    """What deduplication and ordering decide on. Times in ms; sequence -1 when the sender has none."""

    event_id: bytes
    content_key: bytes
    tenant: str
    actor: str
    session: str
    sequence: int
    timestamp: int
    received_at: int
    traits: int
    resource: str
    type: str


def _bad(why: str) -> SchemaError:
    return SchemaError(
        "undecodable_head", "the head of an action", why, "Write actions with the published Action schema."
    )


def read_head(value: bytes) -> Head:
    """The head of a framed Action. Raises SchemaError `undecodable_head`."""
    try:
        at = PREFIX_BYTES + 32
        if len(value) < at:
            raise _bad("the record is shorter than its two ids")
        tenant, at = _string(value, at)
        actor, at = _string(value, at)
        session, at = _string(value, at)
        sequence, at = _long(value, at)
        timestamp, at = _long(value, at)
        received_at, at = _long(value, at)
        traits, at = _long(value, at)
        resource, at = _string(value, at)
        kind, at = _string(value, at)
    except (IndexError, UnicodeDecodeError) as error:
        raise _bad(f"{type(error).__name__}: {error}") from error
    return Head(
        value[PREFIX_BYTES : PREFIX_BYTES + 16],
        value[PREFIX_BYTES + 16 : PREFIX_BYTES + 32],
        tenant,
        actor,
        session,
        sequence,
        timestamp,
        received_at,
        traits,
        resource,
        kind,
    )


def _long(value: bytes, at: int) -> tuple[int, int]:
    byte = value[at]
    at += 1
    n = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > 63:
            raise _bad("a number is longer than 64 bits")
        byte = value[at]
        at += 1
        n |= (byte & 0x7F) << shift
        shift += 7
    if n >> 64:
        raise _bad("a number is longer than 64 bits")
    return (n >> 1) ^ -(n & 1), at


def _string(value: bytes, at: int) -> tuple[str, int]:
    length, at = _long(value, at)
    end = at + length
    if not 0 <= length <= MAX_HEAD_STRING or end > len(value):
        raise _bad(f"a text of {length} bytes does not fit")
    return value[at:end].decode(), end
