"""From a message to its Avro bytes, without a plain dict and fastavro between: an event pays for it at every door.

The same dataclasses and the same rules as `avro_types`; the same bytes as fastavro writes with the newest schema, which
a property test holds for every message. A union is its index (0 null, 2 the value), a text or bytes their length and
themselves, an enum its place, an array or a map one block and an end, a record its fields in order.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Write = Callable[[Any], bytes]

_BYTES = tuple(bytes((n,)) for n in range(128))
# Of lengths below 64: one byte, zigzag.
_SHORT = _BYTES[::2]
_NULL, _VALUE, _END = _BYTES[0], _BYTES[2], _BYTES[0]


class _Pairs(dict[int, bytes]):
    """Fourteen bits as two bytes, kept once asked for: at most 16,384, so 1.5 MB: a time takes half as long."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self._more = more

    def __missing__(self, n: int) -> bytes:
        found = self[n] = bytes((n & 0x7F | 0x80, n >> 7 | self._more))
        return found


_MORE, _LAST = _Pairs(0x80), _Pairs(0)  # another byte follows, or none
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
ID_BYTES = 16


def long(n: int) -> bytes:
    """A 64-bit number as Avro writes it: zigzag, seven bits a byte, the lowest first."""
    n = n << 1 if n >= 0 else ~(n << 1)
    if n <= 0x7F:
        return _BYTES[n]
    if n <= 0x3FFF:
        return _LAST[n]
    if n <= 0xFFFFFFF:
        return _MORE[n & 0x3FFF] + (_LAST[n >> 14] if n > 0x1FFFFF else _BYTES[n >> 14])
    if n < 1 << 42:  # a time of our days, in seconds or ms
        low = _MORE[n & 0x3FFF] + _MORE[n >> 14 & 0x3FFF]
        return low + (_LAST[n >> 28] if n >= 1 << 35 else _BYTES[n >> 28])
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


@cache
def writer(cls: type) -> Write:
    """A function from an instance of `cls` to its bytes. It raises ValueError, TypeError, OverflowError,
    AttributeError or KeyError for a value that is not of its field's type."""
    names = [f.name for f in fields(cls)]
    write = values_writer(cls)
    if not names:
        return lambda _: b""
    get = attrgetter(*names)
    if len(names) == 1:
        return lambda message: write((get(message),))
    return lambda message: write(get(message))


@cache
def values_writer(cls: type) -> Write:
    """A function from the values of all fields of `cls`, in order, to such a message's bytes; raises as `writer`."""
    hints = get_type_hints(cls, include_extras=True)
    plan = [_field(hints[f.name]) for f in fields(cls)]
    steps, nulls = tuple(step for step, _ in plan), tuple(null for _, null in plan)

    def write(values: Any) -> bytes:
        # A value that is missing where there must be one is None here, which join refuses.
        found = zip(values, steps, nulls, strict=True)
        return b"".join([null if value is None else step(value) for value, step, null in found])  # type: ignore[misc]  # see above

    return write


def _field(hint: Any) -> tuple[Write, bytes | None]:
    if get_origin(hint) not in (Union, types.UnionType):
        return _write(hint), None
    step = _write(next(a for a in get_args(hint) if a is not type(None)))
    return _some_text if step is _text else lambda value: _VALUE + step(value), _NULL


def _write(hint: Any) -> Write:
    origin = get_origin(hint)
    if origin is Annotated and get_origin(get_args(hint)[0]) is Literal:
        return _write(get_args(hint)[0])
    if origin is Annotated:
        return _fixed
    if origin is Literal:
        return {symbol: long(place) for place, symbol in enumerate(get_args(hint))}.__getitem__
    if origin is tuple:
        return _array(*_field(get_args(hint)[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _map(*_field(get_args(hint)[1]))
    if is_dataclass(hint):
        return writer(hint)  # type: ignore[arg-type]  # is_dataclass also admits instances
    return _PLAIN[hint]


def _text(value: str) -> bytes:
    raw = value.encode()
    size = len(raw)
    return (_SHORT[size] if size < 64 else long(size)) + raw


def _some_text(value: str) -> bytes:
    raw = value.encode()
    size = len(raw)
    return _VALUE + (_SHORT[size] if size < 64 else long(size)) + raw


def _raw(value: bytes) -> bytes:
    return long(len(value)) + value


def _fixed(value: bytes) -> bytes:
    if len(value) != ID_BYTES:
        raise ValueError(f"{len(value)} bytes are no id of {ID_BYTES}")
    return value


def _integer(value: int) -> bytes:
    if 0 <= value < 64:
        return _SHORT[value]
    if _LOWEST <= value <= _HIGHEST:
        return long(value)
    raise OverflowError(f"a number of {value.bit_length()} bits does not fit into 64")


def _boolean(value: bool) -> bytes:
    return _BYTES[1] if value else _BYTES[0]


_PLAIN: Mapping[Any, Write] = {str: _text, int: _integer, bool: _boolean, bytes: _raw}


def _array(step: Write, null: bytes | None) -> Write:
    def write(value: Any) -> bytes:
        if not value:
            return _END
        items = [null if item is None else step(item) for item in value]
        return b"".join((long(len(items)), *items, _END))  # type: ignore[arg-type]  # join refuses a None, as above

    return write


def _map(step: Write, null: bytes | None) -> Write:
    def write(value: Mapping[str, Any]) -> bytes:
        if not value:
            return _END
        parts = [long(len(value))]
        for key in sorted(value):
            item = value[key]
            parts += (_text(key), null if item is None else step(item))  # type: ignore[arg-type]  # as above
        return b"".join((*parts, _END))

    return write
