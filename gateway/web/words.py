"""Times, spans and counts as people read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime


def instant(text: str | None) -> datetime | None:
    """An RFC 3339 time of the API, or None."""
    return datetime.fromisoformat(text) if text else None


def clock(text: str | None) -> str:
    """The UTC time of day, to the second."""
    at = instant(text)
    return at.astimezone(UTC).strftime("%H:%M:%S") if at else "—"


def full(text: str | None) -> str:
    """The whole UTC time, for a title."""
    at = instant(text)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def readable(text: str) -> str:
    """A sentence of the API with the instants in it as times of day."""
    return _INSTANT.sub(lambda found: f"{clock(found[0])} UTC", text)


def span(seconds: float | None) -> str:
    """A length of time in at most two units: `0.1 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `4 d 3 h`."""
    if seconds is None:
        return "—"
    if 0 < seconds < 9.95:
        return f"{max(0.1, seconds):.1f} s"
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02d} s"
    if s < 86_400:
        return f"{s // 3600} h {s % 3600 // 60:02d} min"
    return f"{s // 86_400} d {s % 86_400 // 3600} h"


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one API time to another, or None when either is missing."""
    a, b = instant(start), instant(end)
    return (b - a).total_seconds() if a and b else None


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 failure`, `12 failures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# Digits after the point of currencies that have not two (ISO 4217).
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def money(x: Mapping[str, str | None]) -> str:
    """`49.00 EUR` of `amount` (whole minor units as text) and `currency`; empty without an amount."""
    amount, currency = x.get("amount"), x.get("currency")
    if amount is None:
        return ""
    digits = _DIGITS.get(currency or "", 2)
    sign, units = ("−", amount[1:]) if amount.startswith("-") else ("", amount)
    if not units.isdecimal():
        return f"{amount} {currency or ''}".strip()
    whole, cents = units.zfill(digits + 1)[: -digits or None], units.zfill(digits + 1)[-digits:] if digits else ""
    return f"{sign}{int(whole):,}{'.' + cents if cents else ''} {currency or ''}".strip()
