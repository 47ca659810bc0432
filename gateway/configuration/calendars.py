"""From the document `calendar` to `occurrences`: cron expressions and time zones become times, here and nowhere else.

Pure but for the time-zone data of this machine (zoneinfo, with PyPI's tzdata where the system has none). A processor
decides by what is announced, so another tz database changes future announcements and no decision of the past.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from gateway.http import times
from schemas.calendar import MAX_OCCURRENCES, Calendar, Window
from schemas.configuration import canonical
from schemas.errors import ConfigurationError

DAY_MS = 86_400_000
# How far ahead windows that repeat are announced. Announced anew every day, a gateway that is away for two months is
# the first to be missed.
HORIZON_MS = 60 * DAY_MS
# What is over stays as long: a record that arrives late is judged by when it happened.
BEHIND_MS = DAY_MS
# What is announced must reach so far: a week without a gateway changes nothing.
REACH_MS = 7 * DAY_MS

Span = tuple[int, int]


def occurrences(calendar: Calendar, now_ms: int) -> bytes:
    """The canonical body of `occurrences` for this day (UTC): what is at hand, and the next MAX_OCCURRENCES of it all.

    Raises ConfigurationError `cron_malformed`, `time_zone_unknown`, `window_malformed`, `calendar_too_dense`.
    """
    today = now_ms - now_ms % DAY_MS
    found: list[tuple[Span, int]] = []
    for i, window in enumerate(calendar.windows):
        found += ((span, i) for span in islice(_spans(window, today, today + HORIZON_MS), MAX_OCCURRENCES + 1))
    found.sort()
    kept = found[:MAX_OCCURRENCES]
    if len(found) > len(kept) and kept[-1][0][0] < today + REACH_MS:
        raise ConfigurationError(
            "calendar_too_dense",
            "the calendar",
            f"its windows are more than {MAX_OCCURRENCES} times in {(REACH_MS + BEHIND_MS) // DAY_MS} days",
            "Make fewer, longer windows.",
            field="calendar",
        )
    windows = []
    for i, window in enumerate(calendar.windows):
        spans = [{"start": start, "end": end} for (start, end), which in kept if which == i]
        if spans:
            windows.append(
                {
                    "kind": window.kind,
                    "name": window.name,
                    "resources": list(window.resources),
                    "kinds": list(window.kinds),
                    "message": window.message,
                    "spans": spans,
                }
            )
    repeats = any(window.cron for window in calendar.windows)
    until = kept[-1][0][0] if len(found) > len(kept) else today + HORIZON_MS
    return canonical({"windows": windows, "until": until if repeats else 0})


def _spans(window: Window, today: int, until: int) -> Iterator[Span]:
    """The window's times that are not long over, in order; of one that repeats up to `until`."""
    if not window.cron:
        start, end = _time(window, "start", window.start), _time(window, "end", window.end)
        if end <= start:
            raise _wrong("window_malformed", window, "end", "it is not after the start", "Give an end after the start.")
        if end > today - BEHIND_MS:
            yield start, end
        return
    length = window.duration_s * 1000
    try:
        zone = ZoneInfo(window.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        why = f"{ascii(window.time_zone)[:60]} is no IANA time zone"
        raise _wrong("time_zone_unknown", window, "time_zone", why, "Write it like Europe/Berlin, or UTC.") from error
    begin = datetime.fromtimestamp((today - BEHIND_MS - length) // 1000, UTC).astimezone(zone)
    try:
        cron = CronSim(window.cron, begin)
    except CronSimError as error:
        raise _wrong("cron_malformed", window, "cron", str(error), "Write five fields, like `0 2 * * SUN`.") from error
    for at in cron:
        start = int(at.timestamp()) * 1000
        if start >= until:
            return
        if start + length > today - BEHIND_MS:
            yield start, start + length


def _time(window: Window, field: str, text: str) -> int:
    found = times.parse(text)
    if found is None or found < 0:
        why = f"{ascii(text)[:40]} is no time"
        raise _wrong("window_malformed", window, field, why, "Write it like 2026-12-20T00:00:00Z, in quotes.")
    return found


def _wrong(code: str, window: Window, field: str, why: str, remedy: str) -> ConfigurationError:
    group = "maintenance_windows" if window.kind == "maintenance" else "change_freezes"
    return ConfigurationError(code, f"the window {window.name}", why, remedy, field=f"calendar.{group}.{field}")


def next_times(body: bytes, now_ms: int, limit: int = 10) -> list[dict[str, Any]]:
    """What is at hand or comes next, the soonest first: kind, name, resources, start and end (ms)."""
    plain = json.loads(body)
    found = [
        {"kind": w["kind"], "name": w["name"], "resources": w["resources"], "start": s["start"], "end": s["end"]}
        for w in plain["windows"]
        for s in w["spans"]
        if s["end"] > now_ms
    ]
    return sorted(found, key=lambda each: each["start"])[:limit]
