"""JSON Schema in short: functions that give schemas as plain values, and `Component` for what has a name of its own.

    obj({"id": uuid()}, required=("id",))  ·  array(text(max=64), max=10)  ·  maybe(integer())

Unknown fields are accepted everywhere (a door names them as warnings), so no schema here closes an object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Plain = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Component:
    """A schema with a name: written once under `components/schemas`, referred to wherever it stands."""

    name: str
    schema: Plain


Schema = Plain | Component


def _with(schema: Plain, **more: Any) -> Plain:
    return schema | {name: value for name, value in more.items() if value not in (None, "")}


def text(
    about: str = "",
    *,
    max: int | None = None,
    min: int | None = None,
    pattern: str | None = None,
    format: str | None = None,
    example: str | None = None,
) -> Plain:
    """A string; lengths in characters."""
    found = _with({"type": "string"}, description=about, maxLength=max, minLength=min, pattern=pattern, format=format)
    return found if example is None else found | {"examples": [example]}


def choice(words: Sequence[str], about: str = "") -> Plain:
    """One of these words."""
    return _with({"type": "string", "enum": list(words)}, description=about)


def integer(about: str = "", *, low: int | None = None, high: int | None = None) -> Plain:
    """A whole number."""
    return _with({"type": "integer"}, description=about, minimum=low, maximum=high)


def number(about: str = "") -> Plain:
    """A number."""
    return _with({"type": "number"}, description=about)


def boolean(about: str = "") -> Plain:
    """True or false."""
    return _with({"type": "boolean"}, description=about)


def uuid(about: str = "") -> Plain:
    """An id as /v1 writes it."""
    return text(about, format="uuid")


def time(about: str = "") -> Plain:
    """RFC 3339 in UTC."""
    return text(about, format="date-time", example="2026-11-22T04:00:00.123Z")


def array(items: Schema, about: str = "", *, max: int | None = None, min: int | None = None) -> Plain:
    """A list."""
    return _with({"type": "array", "items": items}, description=about, maxItems=max, minItems=min)


def obj(fields: Mapping[str, Schema], about: str = "", *, required: Sequence[str] = ()) -> Plain:
    """An object; further fields may be there."""
    found: Plain = {"type": "object", "properties": dict(fields)}
    if required:
        found["required"] = list(required)
    return _with(found, description=about)


def whole(fields: Mapping[str, Schema], about: str = "") -> Plain:
    """An object of an answer: every one of its fields is there."""
    return obj(fields, about, required=tuple(fields))


def maybe(schema: Schema) -> Plain:
    """This, or null."""
    if isinstance(schema, dict) and isinstance(schema.get("type"), str):
        found = schema | {"type": [schema["type"], "null"]}
        return found | {"enum": [*schema["enum"], None]} if "enum" in schema else found
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Schema) -> Plain:
    """Any of these."""
    return {"anyOf": list(schemas)}
