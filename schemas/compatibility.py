"""Two versions of one Avro schema compared by the rules of evolution: what may a minor change, what a major.

Pure. `schemas.evolution` compares every kept version with every earlier one; the gateway's schema registry answers
`POST /compatibility` with the same rules. They are stricter than Avro's own: what is written today must be read by the
readers of yesterday too, so a minor only adds fields with defaults and symbols to an enum that has a default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from schemas.avro_types import Json

# Avro's promotions: what a reader may declare for what a writer wrote.
PROMOTIONS = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
_NAMED = ("record", "enum", "fixed", "error")


@dataclass(frozen=True, slots=True)
class Rule:
    """A broken rule's cause in general, what to do, and whether a new major may do it."""

    why: str
    remedy: str
    in_major: bool = False


RULES = {
    "schema_renamed": Rule(
        "readers find a record by its name", "Keep the name; a new name is a new message with a folder of its own."
    ),
    "schema_field_removed": Rule(
        "readers of the earlier version still ask for it",
        "Put it back; a field goes away with a major, after the two majors before have had it.",
    ),
    "schema_field_renamed": Rule(
        "to a reader a rename is a removal and an addition",
        "Put the old name back and add the new one beside it, with a default.",
    ),
    "schema_field_without_default": Rule(
        "records of the earlier version do not have it, so they could not be read any more",
        'Give it a default; null is one: ["null", …].',
        in_major=True,
    ),
    "schema_field_moved": Rule(
        "readers of the fixed place, as those of an action's head, take the first fields by position",
        "Keep the order of the earlier version and add at the end.",
        in_major=True,
    ),
    "schema_default_changed": Rule(
        "what was left out by an earlier writer would mean something else",
        "Keep the default; a new meaning is a new field.",
        in_major=True,
    ),
    "schema_type_changed": Rule(
        "one of the two could not read the other", "Keep the type and add a field of the new type under a new name."
    ),
    "schema_type_promoted": Rule(
        "Avro widens when it reads, but never narrows: readers of the earlier version could not read it",
        "Add a field of the wider type under a new name, or do it with the next major.",
        in_major=True,
    ),
    "schema_enum_symbol_removed": Rule(
        "records that hold it could not be read any more",
        "Put the symbol back; removing one is a major change.",
        in_major=True,
    ),
    "schema_enum_without_default": Rule(
        "a reader that does not know a new symbol needs something to take instead",
        'Give the enum a default: Annotated[Literal[…], Fallback("…")].',
    ),
}


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that a change breaks, at a dotted path inside the schema."""

    code: str
    path: str
    what: str

    @property
    def why(self) -> str:
        """The cause in one sentence."""
        return f"{self.what}; {RULES[self.code].why}"

    @property
    def remedy(self) -> str:
        """What to do."""
        return RULES[self.code].remedy


def broken_by(earlier: Json, later: Json, *, major: bool = False) -> tuple[Broken, ...]:
    """The rules that `later` breaks as a successor of `earlier`: as a minor, or as the next major version."""
    found = _Pair(earlier, later).compare()
    return tuple(b for b in found if not (major and RULES[b.code].in_major))


def old_readers_of_enums(earlier: Json, later: Json) -> tuple[str, ...]:
    """Enums that have grown although `earlier` gives its readers nothing to take instead of a new symbol."""
    before, after = _named(earlier), _named(later)
    return tuple(
        name
        for name, old in sorted(before.items())
        if old["type"] == "enum" and "default" not in old and name in after
        if set(after[name].get("symbols", ())) - set(old["symbols"])
    )


def _named(schema: Any) -> dict[str, Json]:
    """Every named type inside a schema, by its name without namespace (names are unique within one of ours)."""
    found: dict[str, Json] = {}

    def walk(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, dict):
            if value.get("type") in _NAMED:
                found.setdefault(_short(value.get("name")), value)
            for key in ("type", "items", "values"):
                walk(value.get(key))
            for field in value.get("fields", ()):
                walk(field.get("type") if isinstance(field, dict) else None)

    walk(schema)
    return found


def _short(name: Any) -> str:
    return str(name).rpartition(".")[2]


def _full(schema: Json) -> str:
    name = str(schema.get("name"))
    space = schema.get("namespace")
    return f"{space}.{name}" if space and "." not in name else name


class _Pair:
    """Two schemas side by side. Records that name themselves are compared once."""

    def __init__(self, earlier: Json, later: Json) -> None:
        self._roots = (earlier, later)
        self._before, self._after = _named(earlier), _named(later)
        self._seen: set[tuple[str, str]] = set()

    def compare(self) -> Iterator[Broken]:
        """Every broken rule, in the order of the earlier schema."""
        earlier, later = self._roots
        if _full(earlier) != _full(later):
            yield Broken("schema_renamed", "", f"{_full(earlier)} is called {_full(later)}")
            return
        yield from self._types(earlier, later, "")

    def _types(self, earlier: Any, later: Any, path: str) -> Iterator[Broken]:
        a, b = _plain(earlier, self._before), _plain(later, self._after)
        if isinstance(a, list) or isinstance(b, list):
            yield from self._unions(a, b, path)
            return
        kind, other = _kind(a), _kind(b)
        if kind != other:
            promoted = other in PROMOTIONS.get(kind, ())
            code = "schema_type_promoted" if promoted else "schema_type_changed"
            yield Broken(code, path, f"{_shown(a)} has become {_shown(b)}")
            return
        compare = _COMPARE.get(kind)
        if compare is not None and isinstance(a, dict) and isinstance(b, dict):
            yield from compare(self, a, b, path)
        elif _logical(a) != _logical(b):
            yield Broken("schema_type_changed", path, f"logical type {_logical(a)} has become {_logical(b)}")

    def _unions(self, a: Any, b: Any, path: str) -> Iterator[Broken]:
        if not (isinstance(a, list) and isinstance(b, list)):
            yield Broken("schema_type_changed", path, f"{_shown(a)} has become {_shown(b)}")
            return
        before = [_branch(item, self._before) for item in a]
        after = [_branch(item, self._after) for item in b]
        if before != after:
            yield Broken("schema_type_changed", path, f"{' | '.join(before)} has become {' | '.join(after)}")
            return
        for mine, theirs in zip(a, b, strict=True):
            yield from self._types(mine, theirs, path)

    def records(self, a: Json, b: Json, path: str) -> Iterator[Broken]:
        """Two records: names, then the fields of the earlier one, then what the later one adds."""
        pair = (_short(a["name"]), _short(b["name"]))
        if pair[0] != pair[1]:
            yield Broken("schema_renamed", path, f"record {pair[0]} is called {pair[1]}")
            return
        if pair in self._seen:
            return
        self._seen.add(pair)
        before, after = a.get("fields", []), b.get("fields", [])
        theirs = {f["name"]: f for f in after}
        mine = [f["name"] for f in before]
        for place, field in enumerate(before):
            yield from self._field(field, theirs, after, place, mine, _join(path, field["name"]))
        kept = [f["name"] for f in after if f["name"] in mine]
        if all(name in theirs for name in mine) and [f["name"] for f in after][: len(mine)] != mine:
            first = next(n for n, f in zip(mine, after, strict=False) if n != f["name"])
            yield Broken("schema_field_moved", _join(path, first), f"the order was {mine} and is {kept}")
        for name, field in theirs.items():
            if name not in mine and "default" not in field:
                yield Broken("schema_field_without_default", _join(path, name), "it is new and has no default")

    def _field(
        self, field: Json, theirs: dict[str, Json], after: list[Json], place: int, mine: list[str], path: str
    ) -> Iterator[Broken]:
        other = theirs.get(field["name"])
        if other is None:
            beside = after[place] if place < len(after) else None
            renamed = [f for f in after if field["name"] in f.get("aliases", ())]
            if beside is not None and beside["name"] not in mine and beside["type"] == field["type"]:
                renamed.append(beside)
            if renamed:
                yield Broken("schema_field_renamed", path, f"it is called {renamed[0]['name']} now")
            else:
                yield Broken("schema_field_removed", path, "it is gone")
            return
        yield from self._types(field["type"], other["type"], path)
        if "default" in field and ("default" not in other or other["default"] != field["default"]):
            now = repr(other["default"]) if "default" in other else "none"
            yield Broken("schema_default_changed", path, f"the default was {field['default']!r} and is {now}")

    def enums(self, a: Json, b: Json, path: str) -> Iterator[Broken]:
        """Two enums: names, symbols that are gone, and a default where symbols came."""
        if _short(a["name"]) != _short(b["name"]):
            yield Broken("schema_renamed", path, f"enum {_short(a['name'])} is called {_short(b['name'])}")
            return
        gone = [s for s in a["symbols"] if s not in b["symbols"]]
        come = [s for s in b["symbols"] if s not in a["symbols"]]
        if gone:
            yield Broken("schema_enum_symbol_removed", path, f"{', '.join(gone)} is gone")
        if (come or "default" in a) and b.get("default") not in b["symbols"]:
            yield Broken("schema_enum_without_default", path, f"{', '.join(come) or 'the default'} has changed")

    def fixed(self, a: Json, b: Json, path: str) -> Iterator[Broken]:
        """Two fixed types: name and size."""
        if (_short(a["name"]), a["size"]) != (_short(b["name"]), b["size"]):
            yield Broken("schema_type_changed", path, f"{_shown(a)} has become {_shown(b)}")

    def inner(self, a: Json, b: Json, path: str) -> Iterator[Broken]:
        """Two arrays or maps: what they hold."""
        key = "items" if "items" in a else "values"
        yield from self._types(a[key], b[key], f"{path}[]")


_COMPARE: dict[str, Callable[[_Pair, Json, Json, str], Iterator[Broken]]] = {
    "record": _Pair.records,
    "enum": _Pair.enums,
    "fixed": _Pair.fixed,
    "array": _Pair.inner,
    "map": _Pair.inner,
}


def _plain(value: Any, named: dict[str, Json]) -> Any:
    """A type with names looked up and wrappers ({"type": "string"}) taken off; logical types stay as they are."""
    if isinstance(value, str) and _short(value) in named:
        return named[_short(value)]
    if isinstance(value, dict) and "logicalType" not in value and isinstance(value.get("type"), dict | list):
        return _plain(value["type"], named)
    return value


def _kind(value: Any) -> str:
    return str(value["type"]) if isinstance(value, dict) else str(value)


def _logical(value: Any) -> str:
    return str(value.get("logicalType", "none")) if isinstance(value, dict) else "none"


def _branch(value: Any, named: dict[str, Json]) -> str:
    plain = _plain(value, named)
    kind = _kind(plain)
    return f"{kind} {_short(plain['name'])}" if kind in _NAMED else kind


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " | ".join(_shown(v) for v in value)
    if not isinstance(value, dict):
        return str(value)
    name = f" {_short(value['name'])}" if "name" in value else ""
    size = f"({value['size']})" if "size" in value else ""
    logical = f" ({value['logicalType']})" if "logicalType" in value else ""
    return f"{value['type']}{name}{size}{logical}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)
