"""From a frozen dataclass to an Avro schema, and back and forth between its values and Avro's plain ones.

A message is a frozen dataclass; this is the only place that knows how its annotations become Avro:
str→string, int→long, bool→boolean, bytes→bytes, Id16→fixed(16), Literal→enum (Annotated[Literal[…], Fallback("x")]
gives it Avro's default: what a reader takes for a symbol that it does not know), X | None→[null, X] (default null),
tuple[X, ...]→array, Mapping[str, X]→map (sorted by key), a nested dataclass→record.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Id16 = Annotated[bytes, "fixed16"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fallback:
    """The symbol that readers take for one that they do not know; an enum needs it before it grows."""

    symbol: str


def schema_of(cls: type, namespace: str) -> Json:
    """The Avro schema of a message class as plain JSON; enums are named by class and field, ids `Id`."""
    out: Json = _record(cls, namespace, set())
    return out


def _record(cls: type, namespace: str | None, seen: set[str]) -> Any:
    if cls.__name__ in seen:
        return cls.__name__
    seen.add(cls.__name__)
    hints = get_type_hints(cls, include_extras=True)
    out: Json = {"type": "record", "name": cls.__name__}
    if namespace:
        out["namespace"] = namespace
    if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}("):
        out["doc"] = " ".join(cls.__doc__.split())
    out["fields"] = [_field(cls, f, hints[f.name], seen) for f in fields(cls)]
    return out


def _field(cls: type, f: Field[Any], hint: Any, seen: set[str]) -> Json:
    out: Json = {"name": f.name, "type": _type(hint, cls.__name__ + _camel(f.name), seen)}
    if f.default is not MISSING:
        out["default"] = list(f.default) if isinstance(f.default, tuple) else f.default
    elif f.default_factory is not MISSING:
        out["default"] = {}
    return out


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


_PLAIN = {str: "string", int: "long", bool: "boolean", bytes: "bytes"}


def _type(hint: Any, name: str, seen: set[str]) -> Any:
    origin = get_origin(hint)
    if origin is Annotated and isinstance(mark := get_args(hint)[1], Fallback):
        return _type(get_args(hint)[0], name, seen) | {"default": mark.symbol}
    if origin is Annotated:
        if "Id" in seen:
            return "Id"
        seen.add("Id")
        return {"type": "fixed", "name": "Id", "size": 16}
    if origin in (Union, types.UnionType):
        inner = [a for a in get_args(hint) if a is not type(None)]
        return ["null", _type(inner[0], name, seen)]
    if origin is Literal:
        return {"type": "enum", "name": name, "symbols": list(get_args(hint))}
    if origin is tuple:
        return {"type": "array", "items": _type(get_args(hint)[0], name, seen)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "map", "values": _type(get_args(hint)[1], name, seen)}
    if is_dataclass(hint):
        return _record(hint, None, seen)  # type: ignore[arg-type]  # is_dataclass also admits instances
    return _PLAIN[hint]


Converter = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


@cache
def to_plain(cls: type) -> Converter:
    """A function from an instance of `cls` to the dict that fastavro writes."""
    hints = get_type_hints(cls, include_extras=True)
    plan = [(f.name, _plain(hints[f.name])) for f in fields(cls)]

    def convert(value: Any) -> Json:
        return {name: step(getattr(value, name)) for name, step in plan}

    return convert


def _plain(hint: Any) -> Converter:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        step = _plain(next(a for a in get_args(hint) if a is not type(None)))
        return _same if step is _same else lambda v: None if v is None else step(v)
    if origin is tuple:
        item = _plain(get_args(hint)[0])
        return list if item is _same else lambda v: [item(x) for x in v]
    if origin is not None and origin not in (Annotated, Literal) and issubclass(origin, Mapping):
        item = _plain(get_args(hint)[1])
        return lambda v: {k: item(v[k]) for k in sorted(v)}
    if is_dataclass(hint):
        return to_plain(hint)  # type: ignore[arg-type]  # is_dataclass also admits instances
    return _same


@cache
def from_plain(cls: type) -> Converter:
    """A function from what fastavro read to an instance; unknown fields are left out, missing ones take defaults."""
    hints = get_type_hints(cls, include_extras=True)
    plan = {f.name: _value(hints[f.name]) for f in fields(cls)}
    steps = tuple((name, step) for name, step in plan.items() if step is not _same)
    names = plan.keys()

    def convert(value: Json) -> Any:
        if value.keys() == names:  # as it is written today
            return cls(**(value | {name: step(value[name]) for name, step in steps} if steps else value))
        return cls(**{name: plan[name](item) for name, item in value.items() if name in plan})

    return convert


def _value(hint: Any) -> Converter:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        step = _value(next(a for a in get_args(hint) if a is not type(None)))
        return _same if step is _same else lambda v: None if v is None else step(v)
    if origin is tuple:
        item = _value(get_args(hint)[0])
        return tuple if item is _same else lambda v: tuple(item(x) for x in v)
    if origin is not None and origin not in (Annotated, Literal) and issubclass(origin, Mapping):
        item = _value(get_args(hint)[1])
        return lambda v: {k: item(x) for k, x in v.items()}
    if is_dataclass(hint):
        return from_plain(hint)  # type: ignore[arg-type]  # is_dataclass also admits instances
    return _same
