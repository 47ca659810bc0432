"""Times, spans and counts as people read them. Pure."""

from __future__ import annotations

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
