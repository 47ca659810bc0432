"""Identifiers: 16 bytes, derived, never drawn. The same cause gives the same id in every replay.

All hashes are BLAKE2b-128 over length-prefixed fields, so that ("ab","c") and ("a","bc") never meet.
"""

from __future__ import annotations

import re
from hashlib import blake2b

Id = bytes
ID_BYTES = 16

_UUID = re.compile(r"\A[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\Z")


class _Before(dict[int, bytes]):
    """What stands before a field: its kind and its length in four bytes, those of short fields kept ready."""

    def __init__(self, kind: bytes) -> None:
        super().__init__((n, kind + n.to_bytes(4, "big")) for n in range(256))
        self._kind = kind

    def __missing__(self, length: int) -> bytes:
        return self._kind + length.to_bytes(4, "big")


_TEXT, _NUMBER, _BYTES = _Before(b"s"), _Before(b"i"), _Before(b"b")


def derive(*fields: bytes | str | int) -> Id:
    """BLAKE2b-128 over the fields, each prefixed by its kind and its length in bytes."""
    return hashed(joined(*fields))


def joined(*fields: bytes | str | int) -> bytes:
    """What `derive` hashes. Joined pieces are the piece of all their fields, so what repeats can be made once."""
    parts: list[bytes] = []
    for field in fields:
        if isinstance(field, str):
            raw = field.encode()
            parts += (_TEXT[len(raw)], raw)
        elif isinstance(field, int):
            raw = b"%d" % field
            parts += (_NUMBER[len(raw)], raw)
        else:
            parts += (_BYTES[len(field)], field)
    return b"".join(parts)


def hashed(pieces: bytes) -> Id:
    """The id of joined fields. One hash of all: field by field it takes half as long again."""
    return blake2b(pieces, digest_size=ID_BYTES).digest()


def child_id(cause: Id, kind: str, key: str, ordinal: int) -> Id:
    """Id of what a record caused. `kind` is `room.Type`; `ordinal` counts within (kind, key) of that cause."""
    return derive("child", cause, kind, key, ordinal)


def firing_id(origin: Id, part: str, name: str, due: int) -> Id:
    """Id of one firing of a timer; `origin` is the id of the record or firing that set it last."""
    return derive("firing", origin, part, name, due)


def text(value: Id) -> str:
    """An id as people and JSON see it: 8-4-4-4-12 hexadecimal, the usual UUID form."""
    h = value.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def parse(value: str) -> Id | None:
    """The 16 bytes of a UUID or of 32 hexadecimal digits, or None."""
    if _UUID.match(value) is None:
        return None
    return bytes.fromhex(value.replace("-", ""))


def given_id(tenant: str, actor: str, value: str) -> Id:
    """The event id for an id that the sender gave: a UUID is kept, anything else is hashed with its owner."""
    parsed = parse(value)
    return parsed if parsed is not None else derive("given", tenant, actor, value)


def seed_key(tenant: str, actor: str, kind: str, resource: str, second: int, digest: str) -> Id:
    """The event id of an action without one: tenant, actor, type, resource, second of event time, parameters digest."""
    return derive("seed", tenant, actor, kind, resource, second, digest)


# Components of a Kafka key are joined by "/"; within one, "%" and "/" are escaped so that no two pairs share a key.
def escape(part: str) -> str:
    """One component of a Kafka key, with `%` and `/` escaped."""
    return part.replace("%", "%25").replace("/", "%2F")


def unescape(part: str) -> str:
    """The component that `escape` was given."""
    return part.replace("%2F", "/").replace("%25", "%")


def key_of(*parts: str) -> str:
    """A Kafka key from its components, e.g. tenant and actor."""
    if len(parts) == 1:
        return escape(parts[0]) if "/" in parts[0] or "%" in parts[0] else parts[0]
    return "/".join([escape(part) if "/" in part or "%" in part else part for part in parts])
