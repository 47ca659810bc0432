"""The difference between two versions of a document, as lines for people. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

# A document has at most 256 KB; a person reads less.
LINES_MAX = 500
# Of more entries of lists whole ones are compared: the comparison of lines is quadratic where little agrees.
ENTRIES_MAX = 500


def lines(before: Any, after: Any) -> list[str]:
    """Unified difference of the two as indented JSON: lines begin with `-`, `+` or a space; `before` may be None."""
    if before is not None and max(_entries(before), _entries(after)) > ENTRIES_MAX:
        return _cut(list(_by_entry(before, after)))
    old = [] if before is None else _text(before)
    found = difflib.unified_diff(old, _text(after), lineterm="", n=2)
    out = [line for line in found if not line.startswith(("---", "+++"))]
    return _cut(out)


def _cut(out: list[str]) -> list[str]:
    return out if len(out) <= LINES_MAX else [*out[:LINES_MAX], f"… {len(out) - LINES_MAX} more lines"]


def _entries(plain: Any) -> int:
    return sum(len(value) for value in plain.values() if isinstance(value, list)) if isinstance(plain, dict) else 0


def _by_entry(before: Any, after: Any) -> Iterator[str]:
    """Whole entries of the lists, told apart by their `id`; of 5,000 services lines would take minutes to compare."""
    for name in sorted({*before, *after}):
        old, new = _named(before.get(name)), _named(after.get(name))
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                yield from (f"-{name} {old[key]}",) if key in old else ()
                yield from (f"+{name} {new[key]}",) if key in new else ()


def _named(value: Any) -> dict[str, str]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return {
        str(v.get("id", n)) if isinstance(v, dict) else str(v): json.dumps(v, sort_keys=True, ensure_ascii=False)
        for n, v in enumerate(listed)
    }


def _text(plain: Any) -> list[str]:
    return json.dumps(plain, sort_keys=True, indent=2, ensure_ascii=False).splitlines()
