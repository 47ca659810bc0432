"""Pure: what a change changed, line by line, from its two texts (before, after), so that nobody compares by eye.

JSON and YAML documents are compared by their structure: an entry that moved is no difference. Everything else is
compared as lines of text, and two single lines as one value. YAML's scalars are taken as written (no types are
guessed), and a document with aliases is taken as text: they can stand for billions of nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

import yaml

from projections.plain import Json

Op = Literal["same", "changed", "removed", "added"]
# The doors take 4,096 characters of each text: more lines than this are mostly empty ones.
LINES_MAX = 200
VALUE_CHARACTERS = 200
DEPTH_MAX = 16  # deeper documents are shown as text: nobody reads seventeen indents
_YAML_CHARACTERS = 8_192  # pure Python, some 30 us a character at worst


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `key` is an entry's name (None of a list's item or a line of text), the values as they are written."""

    op: Op
    depth: int
    key: str | None
    before: str | None
    after: str | None


class _Number(str):
    """A JSON number as it was written: 1.0 and 1.00 differ, and no float is made of it."""

    __slots__ = ()


class _Loader(yaml.BaseLoader):
    """Every scalar a text, no aliases, no depth beyond what is shown."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def difference(before: str | None, after: str | None) -> Json | None:
    """The difference as /v1 shows it; None where there is nothing to compare (one of the two was not told).

        {"format": "json" | "yaml" | "text" | "value", "changed": 1, "added": 0, "removed": 0, "cut": 0,
         "lines": [{"op": "same" | "changed" | "removed" | "added", "depth": 0, "key": "pool_size" or null,
                    "before": "10" or null, "after": "5" or null}]}

    `cut` says how many lines were left out behind the first 200.
    """
    if before is None or after is None:
        return None
    kind, lines = _lines(before, after)
    counts = {op: sum(1 for x in lines if x.op == op) for op in ("changed", "added", "removed")}
    shown = [
        {
            "op": x.op,
            "depth": x.depth,
            "key": _clip(x.key),
            "before": _clip(x.before),
            "after": _clip(x.after),
        }
        for x in lines[:LINES_MAX]
    ]
    return {"format": kind, **counts, "cut": max(0, len(lines) - LINES_MAX), "lines": shown}


def _lines(before: str, after: str) -> tuple[str, list[Line]]:
    for kind, read in (("json", _json), ("yaml", _yaml)):
        one, other = read(before), read(after)
        if isinstance(one, dict | list) and type(one) is type(other):
            return kind, list(_structures(None, one, other, 0))
    if "\n" not in before and "\n" not in after:
        return "value", [Line("same" if before == after else "changed", 0, None, before, after)]
    return "text", list(_texts(before.splitlines(), after.splitlines()))


def _json(text: str) -> Any:
    try:
        found = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        return None
    return found if _depth(found) <= DEPTH_MAX else None


def _yaml(text: str) -> Any:
    if len(text) > _YAML_CHARACTERS or not any(mark in text for mark in (": ", ":\n", "- ")):
        return None
    try:
        found = yaml.load(text, _Loader)  # BaseLoader makes texts, lists and mappings, nothing else
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    return found if _depth(found) <= DEPTH_MAX else None


def _depth(value: Any) -> int:
    """How deep a document goes; counts no further than one level too many."""
    level, depth = [value], 0
    while level and depth <= DEPTH_MAX:
        depth += 1
        inner: list[Any] = []
        for x in level:
            inner += x.values() if isinstance(x, dict) else x if isinstance(x, list) else ()
        level = inner
    return depth


def _structures(key: str | None, before: Any, after: Any, depth: int) -> Iterator[Line]:
    inside = depth
    if key is not None:
        yield Line("same", depth, key, None, None)
        inside = depth + 1
    if isinstance(before, dict):
        yield from _mappings(before, after, inside)
    else:
        yield from _lists(before, after, inside)


def _mappings(before: Mapping[str, Any], after: Mapping[str, Any], depth: int) -> Iterator[Line]:
    for name in [*before, *(n for n in after if n not in before)]:
        key = str(name)
        if name not in after:
            yield Line("removed", depth, key, _text(before[name]), None)
        elif name not in before:
            yield Line("added", depth, key, None, _text(after[name]))
        else:
            yield from _entries(key, before[name], after[name], depth)


def _entries(key: str, before: Any, after: Any, depth: int) -> Iterator[Line]:
    if isinstance(before, dict | list) and type(before) is type(after) and before != after:
        yield from _structures(key, before, after, depth)
        return
    yield Line("same" if _same(before, after) else "changed", depth, key, _text(before), _text(after))


def _lists(before: list[Any], after: list[Any], depth: int) -> Iterator[Line]:
    yield from _runs([_text(x) for x in before], [_text(x) for x in after], depth)


def _texts(before: list[str], after: list[str]) -> Iterator[Line]:
    yield from _runs(before, after, 0)


def _runs(before: list[str], after: list[str], depth: int) -> Iterator[Line]:
    for op, i, j, m, n in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if op == "equal":
            yield from (Line("same", depth, None, x, x) for x in before[i:j])
        else:
            yield from (Line("removed", depth, None, x, None) for x in before[i:j])
            yield from (Line("added", depth, None, None, x) for x in after[m:n])


def _same(before: Any, after: Any) -> bool:
    """1 and "1" differ, and so do true and 1, which Python takes for equal."""
    return type(before) is type(after) and _text(before) == _text(after)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    """As JSON, numbers as they were written."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(k), ensure_ascii=False)}: {_written(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def _clip(text: str | None) -> str | None:
    return text if text is None or len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"
