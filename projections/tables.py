"""Tables as code sees them: names, columns and types, and rows packed for COPY BINARY.

Pure (bytes in memory, no connection). A mutable table is described by its row's dataclass; an integration test holds
every description equal to the database's catalogue.
Own packing instead of psycopg's: an id stays the 16 bytes it is, and a NUL in an agent's text, which Postgres cannot
store, becomes U+FFFD (the original bytes are kept beside the columns).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

Type = Literal["text", "int8", "bool", "uuid", "bytea", "jsonb"]

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
# One write to the socket: large enough to cost nothing per row, small enough to keep memory flat.
CHUNK_BYTES = 262_144

_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i")
_INT8 = struct.Struct(">iq")
_MIN_INT8, _MAX_INT8 = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table: columns in the order of its rows, and the key by which a row replaces an older one."""

    name: str
    columns: tuple[tuple[str, Type], ...]
    key: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(name for name, _ in self.columns)

    @staticmethod
    def of(name: str, row: type, key: tuple[str, ...]) -> Table:
        """The table whose rows are instances of the dataclass `row`."""
        hints = get_type_hints(row, include_extras=True)
        return Table(name, tuple((f.name, _type(hints[f.name])) for f in fields(row)), key)


def _type(hint: Any) -> Type:
    if type(None) in get_args(hint):
        hint = next(a for a in get_args(hint) if a is not type(None))
    if get_origin(hint) is Annotated:
        return "uuid"
    if get_origin(hint) in (tuple, Mapping):
        return "jsonb"
    return _PLAIN[hint]


_PLAIN: dict[Any, Type] = {str: "text", int: "int8", bool: "bool", bytes: "bytea"}


def values_of(row: Any) -> tuple[Any, ...]:
    """A dataclass row as a tuple in column order."""
    kind = type(row)
    values = _VALUES.get(kind)
    if values is None:
        values = _VALUES[kind] = _values(kind)
    return values(row)


def _values(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    names = tuple(f.name for f in fields(kind))
    # Asked for one name alone it would give the value, not a tuple of it.
    return attrgetter(*names) if len(names) > 1 else lambda row: (getattr(row, names[0]),)


# By the class of the row, of which there are as many as tables.
_VALUES: dict[type, Callable[[Any], tuple[Any, ...]]] = {}


def _text(value: str) -> bytes:
    return _short_text(value) if len(value) <= SHORT_CHARACTERS else _long_text(value)


def _long_text(value: str) -> bytes:
    raw = value.encode()
    if b"\x00" in raw:
        raw = raw.replace(b"\x00", "\ufffd".encode())
    return _LENGTH.pack(len(raw)) + raw


# Tenants, topics, actors, sessions, types come again and again: looked up in a quarter of the time of packing.
# 8,192 texts of at most 64 characters are about 2 MB.
SHORT_CHARACTERS = 64
_short_text = lru_cache(maxsize=8_192)(_long_text)


def _bytes(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _int8(value: int) -> bytes:
    return _INT8.pack(8, min(max(value, _MIN_INT8), _MAX_INT8))


def _bool(value: bool) -> bytes:
    return b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00"


def _json(value: Any) -> bytes:
    # Sorted and ASCII: equal values have equal bytes; jsonb refuses NUL, also as an escape.
    raw = json.dumps(_without_nul(value), sort_keys=True, separators=(",", ":")).encode()
    return _LENGTH.pack(len(raw) + 1) + b"\x01" + raw


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(item) for item in value]
    return value


_PACKERS: dict[Type, Callable[[Any], bytes]] = {
    "text": _text,
    "int8": _int8,
    "bool": _bool,
    "uuid": _bytes,
    "bytea": _bytes,
    "jsonb": _json,
}


def _run(at: int, length: int) -> Callable[[Sequence[Any]], bytes]:
    """Packs neighbouring numbers of a row at once: a third of the time of one after the other."""
    pack = struct.Struct(">" + "iq" * length).pack
    if length == 2:
        return lambda row: pack(8, row[at], 8, row[at + 1])
    if length == 3:
        return lambda row: pack(8, row[at], 8, row[at + 1], 8, row[at + 2])
    return lambda row: pack(8, row[at], 8, row[at + 1], 8, row[at + 2], 8, row[at + 3])


def _one(at: int, kind: Type) -> Callable[[Sequence[Any]], bytes]:
    pack = _PACKERS[kind]

    def value(row: Sequence[Any]) -> bytes:
        found = row[at]
        return _NULL if found is None else pack(found)

    return value


# Numbers packed at once.
RUN_MAX = 4


@lru_cache(maxsize=64)
def _steps(kinds: tuple[Type, ...]) -> tuple[Callable[[Sequence[Any]], bytes], ...]:
    """How a row of these columns is packed, piece by piece. Numbers that are null or too large raise struct.error."""
    steps: list[Callable[[Sequence[Any]], bytes]] = []
    at = 0
    while at < len(kinds):
        length = 0
        while length < RUN_MAX and at + length < len(kinds) and kinds[at + length] == "int8":
            length += 1
        steps.append(_run(at, length) if length > 1 else _one(at, kinds[at]))
        at += max(1, length)
    return tuple(steps)


def packed(table: Table, rows: Iterable[Sequence[Any]]) -> Iterable[bytes]:
    """The rows in the format of COPY … (FORMAT BINARY), in chunks of about CHUNK_BYTES."""
    kinds = tuple(kind for _, kind in table.columns)
    steps = _steps(kinds)
    count = struct.pack(">h", len(kinds))
    chunk = bytearray(HEADER)
    for row in rows:
        if len(row) != len(kinds):
            raise ValueError(f"{table.name}: {len(row)} values for {len(kinds)} columns")
        chunk += count
        try:
            chunk += b"".join([step(row) for step in steps])
        except struct.error:  # a number that is null, or one that only a sender can claim
            for kind, value in zip(kinds, row, strict=True):
                chunk += _NULL if value is None else _PACKERS[kind](value)
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    chunk += TRAILER
    yield bytes(chunk)
