"""The difference between two versions of a document, as lines for people. Pure."""

from __future__ import annotations

import difflib
import json
from typing import Any

# A document has at most 256 KB; a person reads less.
LINES_MAX = 500


def lines(before: Any, after: Any) -> list[str]:
    """Unified difference of the two as indented JSON: lines begin with `-`, `+` or a space; `before` may be None."""
    old = [] if before is None else _text(before)
    found = difflib.unified_diff(old, _text(after), lineterm="", n=2)
    out = [line for line in found if not line.startswith(("---", "+++"))]
    if len(out) > LINES_MAX:
        out = [*out[:LINES_MAX], f"… {len(out) - LINES_MAX} more lines"]
    return out


def _text(plain: Any) -> list[str]:
    return json.dumps(plain, sort_keys=True, indent=2, ensure_ascii=False).splitlines()
