"""RFC 3339 text to milliseconds. Pure; integers only."""

from __future__ import annotations

import re
from datetime import date

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = date(1970, 1, 1).toordinal()
# 0001-01-01T00:00Z and 9999-12-31T23:59:59.999Z: what RFC 3339 can write.
EARLIEST_MS = (date.min.toordinal() - _EPOCH) * 86_400_000
LATEST_MS = (date.max.toordinal() - _EPOCH + 1) * 86_400_000 - 1


def parse(text: str) -> int | None:
    """Milliseconds since 1970, cut (not rounded) to whole ones, or None. A leap second counts as the next second."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    y, mo, d, h, mi, s, fraction, zulu, sign, offset_h, offset_m = found.groups()
    hour, minute, second = int(h), int(mi), int(s)
    offset_hour, offset_minute = (0, 0) if zulu else (int(offset_h), int(offset_m))
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return None
    try:
        days = date(int(y), int(mo), int(d)).toordinal() - _EPOCH
    except ValueError:
        return None
    offset = (offset_hour * 60 + offset_minute) * (-1 if sign == "-" else 1)
    minutes = days * 1_440 + hour * 60 + minute - offset
    ms = (minutes * 60 + second) * 1_000 + (int(fraction.ljust(3, "0")[:3]) if fraction else 0)
    return ms if EARLIEST_MS <= ms <= LATEST_MS else None
