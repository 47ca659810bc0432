"""The head of an action: its first eleven fields, read with slices and a few varints, without decoding the rest.

The head is part of Action's major version 1; a test pins it against fastavro. Bytes after the head are never looked at,
so the original bytes can be forwarded by processors that decide on the head alone.

A `Glance` is what a batch face needs of a head at a third of the cost: texts stay bytes, which stand in a dict of those
that were read with care once (`who_of`, `what_of`), and times stay where they are. A face that has the texts of an
earlier record asks whether they stand here again (`startswith` at TEXTS: a text's length stands before it, so what
stands behind begins at the same place) and reads the numbers alone (`numbers_at`).
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.codec import PREFIX_BYTES
from schemas.errors import SchemaError

MAX_HEAD_STRING = 4096  # tenant, actor, session, resource, type: the gateway allows 1,024 characters, 4 bytes each


class Head(NamedTuple):
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


# (tenant, actor and session as they stand in the record; sequence; where the two times begin; traits; resource and type
# as they stand in the record)
Glance = tuple[bytes, int, int, int, bytes]
# (sequence, where the two times begin, traits, where resource and type begin)
Numbers = tuple[int, int, int, int]

TEXTS = PREFIX_BYTES + 32  # where tenant, actor and session begin
WHO_TEXTS, WHAT_TEXTS = 3, 2
_TIMES_BYTES = 12
# Two numbers of six bytes (times from 1970-01-13 to 2109): each has five bytes that say another follows, and a sixth
# that does not.
_HIGH_BITS = bytes(n & 0x80 for n in range(256))
_SIX_AND_SIX = b"\x80\x80\x80\x80\x80\x00" * 2


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
        sequence, at = read_long(value, at)
        timestamp, at = read_long(value, at)
        received_at, at = read_long(value, at)
        traits, at = read_long(value, at)
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


def glance(value: bytes) -> Glance | None:
    """The head of a usual record, or None. It vouches for the numbers; for the texts only who_of and what_of do."""
    try:
        # Three texts written out: a loop takes twice as long.
        end = TEXTS
        n = value[end]
        if n > 0x7F:
            end += 1
            n = n & 0x7F | value[end] << 7
        end += 1 + (n >> 1)
        n = value[end]
        if n > 0x7F:
            end += 1
            n = n & 0x7F | value[end] << 7
        end += 1 + (n >> 1)
        n = value[end]
        if n > 0x7F:
            end += 1
            n = n & 0x7F | value[end] << 7
        end += 1 + (n >> 1)
    except IndexError:
        return None
    numbers = numbers_at(value, end)
    if numbers is None:
        return None
    sequence, times, traits, texts = numbers
    what = what_at(value, texts)
    return None if what is None else (value[TEXTS:end], sequence, times, traits, what)


def numbers_at(value: bytes, at: int) -> Numbers | None:
    """The four numbers of a usual record that begin at `at`, or None; it vouches for them."""
    try:
        sequence = value[at]
        at += 1
        if sequence > 0x7F:
            more = value[at]
            if more > 0x7F:
                sequence, at = read_long(value, at - 1)
            else:
                sequence = sequence & 0x7F | more << 7
                sequence = (sequence >> 1) ^ -(sequence & 1)
                at += 1
        else:
            sequence = (sequence >> 1) ^ -(sequence & 1)
        end = at + _TIMES_BYTES
        if value[at:end].translate(_HIGH_BITS) != _SIX_AND_SIX:
            return None
        traits = value[end]
        if traits > 0x7F:
            traits, end = read_long(value, end)
        else:
            traits = (traits >> 1) ^ -(traits & 1)
            end += 1
        return sequence, at, traits, end
    except (IndexError, SchemaError):
        return None


def what_at(value: bytes, at: int) -> bytes | None:
    """Resource and type as they stand at `at`, or None; for them only what_of vouches."""
    try:
        end = at
        n = value[end]
        if n > 0x7F:
            end += 1
            n = n & 0x7F | value[end] << 7
        end += 1 + (n >> 1)
        n = value[end]
        if n > 0x7F:
            end += 1
            n = n & 0x7F | value[end] << 7
        end += 1 + (n >> 1)
    except IndexError:
        return None
    return value[at:end] if end <= len(value) else None


def who_of(who: bytes) -> tuple[str, str, str] | None:
    """(tenant, actor, session) where `glance` saw `who`; None unless it is what care reads there."""
    found = _texts(who)
    if len(found) != WHO_TEXTS:
        return None
    tenant, actor, session = found
    return tenant, actor, session


def what_of(what: bytes) -> tuple[str, str] | None:
    """(resource, type) where `glance` saw `what`; None unless it is what care reads there."""
    found = _texts(what)
    if len(found) != WHAT_TEXTS:
        return None
    resource, kind = found
    return resource, kind


def _texts(raw: bytes) -> list[str]:
    """The texts of which these bytes consist, each behind its length as we write it; none where care would refuse."""
    found: list[str] = []
    at = 0
    try:
        while at < len(raw):
            n = raw[at]
            at += 1
            if n > 0x7F:
                more = raw[at]
                if not 0 < more < 0x80:
                    return []
                n = n & 0x7F | more << 7
                at += 1
            end = at + (n >> 1)
            if n & 1 or n > 2 * MAX_HEAD_STRING or end > len(raw):
                return []
            found.append(raw[at:end].decode())
            at = end
    except (IndexError, UnicodeDecodeError):
        return []
    return found


def drift_of(value: bytes, times: int) -> int:
    """timestamp - received_at (ms) of a record at which `glance` saw `times`."""
    half = times + 6
    if value[times:half] == value[half : half + 6]:
        return 0
    return read_long(value, times)[0] - read_long(value, half)[0]


def read_long(value: bytes, at: int) -> tuple[int, int]:
    """A number as Avro writes it, and where it ends. Raises IndexError, SchemaError `undecodable_head`."""
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
    length, at = read_long(value, at)
    end = at + length
    if not 0 <= length <= MAX_HEAD_STRING or end > len(value):
        raise _bad(f"a text of {length} bytes does not fit")
    return value[at:end].decode(), end
