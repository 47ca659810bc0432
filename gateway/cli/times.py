"""Times as people write them in commands: RFC 3339, `now`, or how long ago (`-1h`).

Called by `replay` and `whatif`.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_RELATIVE = re.compile(r"\A-(\d{1,9})([smhdw])\Z")
_RFC3339 = re.compile(r"\A\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z")
FORMS = "RFC 3339 (2026-03-08T09:30:00Z), `now`, or relative: -90s, -30m, -1h, -7d, -2w"


def moment(text: str, now_ms: int) -> int:
    """Milliseconds since 1970 (UTC) of a written time. Raises ValueError with the forms that are known."""
    if text == "now":
        return now_ms
    relative = _RELATIVE.match(text)
    if relative is not None:
        return now_ms - int(relative[1]) * _UNITS_MS[relative[2]]
    if _RFC3339.match(text) is None:
        raise ValueError(f"{text!r} is no time. Write {FORMS}.")
    try:
        parsed = datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}. Write {FORMS}.") from error
    # Whole milliseconds without a float in between.
    return (parsed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class Time(click.ParamType):
    """An option that is a time; its value is milliseconds since 1970 (UTC)."""

    name = "T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text to milliseconds; a number is one already."""
        if isinstance(value, int):
            return value
        try:
            return moment(str(value), time.time_ns() // 1_000_000)
        except ValueError as error:
            self.fail(str(error), param, ctx)


TIME = Time()
