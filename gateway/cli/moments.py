"""Moments that people type: RFC 3339, `now`, or relative to now like `-90m`. Pure."""

from __future__ import annotations

import re

import click

from gateway.http.times import parse

_RELATIVE = re.compile(r"-(\d{1,9})(s|m|h|d|w)", re.ASCII)
_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
FORMS = "RFC 3339 (2026-01-15T09:00:00Z), now, or relative like -90m, -1h, -7d"


def moment(text: str, now_ms: int) -> int:
    """Milliseconds since 1970. Raises click.BadParameter with the forms that are understood."""
    if text == "now":
        return now_ms
    found = _RELATIVE.fullmatch(text)
    if found is not None:
        return now_ms - int(found[1]) * _MS[found[2]]
    at = parse(text)
    if at is None:
        raise click.BadParameter(f"{text!r} is no moment: {FORMS}")
    return at
