"""Messages to bytes and back: Confluent framing (0x00, 4-byte id, Avro), upcasters at the edge.

`encode(message)` needs no table: a class knows its schema. `decode(value, classes)` gives an instance of one of the
classes or raises SchemaError; it never returns a half-read value.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.types import Schema

from schemas import registry
from schemas.avro_bytes import long as long
from schemas.avro_bytes import values_writer, writer
from schemas.avro_types import from_plain, to_plain
from schemas.errors import SchemaError
from schemas.upcasters import Step, chain

MAGIC = 0
PREFIX_BYTES = 5
# Classes of test rooms have no file: their ids are derived from the schema, far above those of ids.lock.
_EPHEMERAL = 1 << 24


@cache
def schema_id(cls: Any) -> int:
    """The id that `encode` writes for a class."""
    return _schema(cls)[0]


@cache
def schema_ids(cls: Any) -> frozenset[int]:
    """The ids of every version of a class: a reader that looks for one kind by its id must know the old ones too."""
    number = schema_id(cls)
    if number >= _EPHEMERAL:
        return frozenset({number})
    return frozenset(w.id for w in registry.versions(registry.home_of(cls), cls.__name__))


@cache
def _schema(cls: Any) -> tuple[int, Schema]:
    if not cls.__module__.startswith(("schemas.", "processors.")):
        text = registry.generated(cls)
        return _EPHEMERAL + int(registry.fingerprint(text)[:6], 16), parse_schema(text)
    written = registry.latest(registry.home_of(cls), cls.__name__)
    return written.id, written.parsed


@cache
def frame(number: int) -> bytes:
    """The five bytes before the Avro of schema `number`."""
    return b"\x00" + number.to_bytes(4, "big")


@cache
def frame_of(cls: type) -> bytes:
    """The five bytes before the Avro of a class's newest schema."""
    return frame(schema_id(cls))


@dataclass(slots=True)
class _Writer:
    """Which schemas `encode` writes with: the newest (None), or the newest with an id up to `highest`."""

    highest: int | None = None


_WRITER = _Writer()


def writes_newest() -> bool:
    """Whether `encode` writes with the newest schemas, as it does outside of `writing_as`."""
    return _WRITER.highest is None


@cache
def highest_id() -> int:
    """The highest id of ids.lock's files: it names the version in which a build writes each message."""
    return max(registry.by_id())


def written_by() -> int:
    """The highest schema id of the build that `encode` writes as."""
    return highest_id() if _WRITER.highest is None else _WRITER.highest


@contextmanager
def writing_as(highest: int) -> Iterator[None]:
    """Within this block `encode` writes as a build did whose highest schema id was this; 0: as today's. For replay."""
    before, _WRITER.highest = _WRITER.highest, None if highest in (0, highest_id()) else highest
    try:
        yield
    finally:
        _WRITER.highest = before


@cache
def _schema_up_to(cls: Any, highest: int) -> tuple[int, Schema]:
    number, parsed = _schema(cls)
    if number <= highest or number >= _EPHEMERAL:
        return number, parsed
    known = [w for w in registry.versions(registry.home_of(cls), cls.__name__) if w.id <= highest]
    # A class that the build did not know has no version up to there: it is written as it is now.
    return (known[-1].id, known[-1].parsed) if known else (number, parsed)


def encode(message: Any) -> bytes:
    """A message as framed Avro, with the newest schema of its class (but see `writing_as`). Raises SchemaError
    `value_does_not_fit`."""
    cls: type = type(message)
    try:
        if _WRITER.highest is None:
            return frame_of(cls) + writer(cls)(message)
        return _encode_up_to(cls, message, _WRITER.highest)
    except _MISFITS as error:
        raise _misfit(cls, error) from error


def _encode_up_to(cls: Any, message: Any, highest: int) -> bytes:
    number, parsed = _schema_up_to(cls, highest)
    out = io.BytesIO()
    try:
        out.write(frame(number))
        schemaless_writer(out, parsed, to_plain(cls)(message))
    except _MISFITS:
        # A word that the build did not know (a state that came later): it decides otherwise, and that is to be seen.
        return frame_of(cls) + writer(cls)(message)
    return out.getvalue()


def encode_values(cls: type, values: tuple[Any, ...]) -> bytes:
    """`encode(cls(*values))`, usually without making the message; `values` are those of all its fields."""
    if _WRITER.highest is not None:
        return encode(cls(*values))
    try:
        return frame_of(cls) + values_writer(cls)(values)
    except _MISFITS as error:
        raise _misfit(cls, error) from error


# What a value of another type than its field's meets in a writer.
_MISFITS = (ValueError, TypeError, OverflowError, AttributeError, KeyError)


def _misfit(cls: type, error: Exception) -> SchemaError:
    return SchemaError(
        "value_does_not_fit", f"message {cls.__name__}", str(error), "Give each field a value of its type."
    )


def id_of(value: bytes | None) -> int:
    """The schema id of a framed value. Raises SchemaError `not_framed`."""
    if value is None or len(value) < PREFIX_BYTES or value[0] != MAGIC:
        raise SchemaError(
            "not_framed",
            "a record's value",
            "it does not begin with 0x00 and a 4-byte schema id",
            "Write it with a Confluent Avro serializer and a schema of this project.",
        )
    return int.from_bytes(value[1:PREFIX_BYTES], "big")


class Words:
    """The message classes that may be read in one place; built once, used for every record."""

    def __init__(self, classes: tuple[type, ...]) -> None:
        self._by_name: Mapping[tuple[str, str], type] = {(registry.home_of(c), c.__name__): c for c in classes}
        self._ephemeral = {schema_id(c): c for c in classes if schema_id(c) >= _EPHEMERAL}

    def expect(self, number: int) -> None:
        """Check that schema `number` may be read here. Raises SchemaError: unknown_schema, unexpected_type."""
        written = registry.by_id().get(number)
        if written is None and number not in self._ephemeral:
            raise _unknown(number)
        if written is not None and (written.home, written.name) not in self._by_name:
            raise _unexpected(written)

    def decode(self, value: bytes | None) -> Any:
        """The message in `value`. Raises SchemaError: not_framed, unknown_schema, unexpected_type, undecodable."""
        number = id_of(value)
        assert value is not None
        if number in self._ephemeral:
            cls = self._ephemeral[number]
            return _read(value, _schema(cls)[1], cls, (), cls.__name__)
        written = registry.by_id().get(number)
        if written is None:
            raise _unknown(number)
        cls_found = self._by_name.get((written.home, written.name))
        if cls_found is None:
            raise _unexpected(written)
        newest = registry.latest(written.home, written.name).version[0]
        steps = chain(written.home, written.name, written.version[0], newest)
        return _read(value, written.parsed, cls_found, steps, written.name)


def _unknown(number: int) -> SchemaError:
    return SchemaError(
        "unknown_schema",
        f"schema id {number}",
        "ids.lock has no such id",
        "Write with a schema that this project has published.",
    )


def _unexpected(written: registry.Written) -> SchemaError:
    return SchemaError(
        "unexpected_type",
        f"message {written.home}/{written.name}",
        "this topic does not carry it",
        "Send it to the topic of its stream.",
    )


def _read(value: bytes, parsed: Schema, cls: type, steps: tuple[Step, ...], name: str) -> Any:
    source = io.BytesIO(value)
    source.seek(PREFIX_BYTES)
    try:
        plain: Any = schemaless_reader(source, parsed, None)
        if source.tell() != len(value):
            raise ValueError(f"{len(value) - source.tell()} bytes are left over")
        for step in steps:
            plain = step(plain)
        return from_plain(cls)(plain)
    # fastavro raises many kinds on rubbish (EOFError, IndexError, UnicodeDecodeError, …); RecursionError and
    # MemoryError come from hostile lengths. All mean one thing here.
    except (Exception, RecursionError, MemoryError) as error:
        raise SchemaError(
            "undecodable",
            f"message {name}",
            f"{type(error).__name__}: {error}",
            "Send bytes of the named schema.",
        ) from error
