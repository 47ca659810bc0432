"""From messages and rows to plain JSON values, as every answer of /v1 shows them: ids as UUID text, times as RFC 3339.

Pure. Used by the pure halves (details of an event) and by queries.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from schemas import envelope, ids

Json = dict[str, Any]

_TIMES = frozenset({"at", "since", "event_time", "first_event_time", "timestamp"})


def time_text(ms: int | None) -> str | None:
    """Milliseconds as RFC 3339 with ms, clamped to the years 1-9999; None stays None."""
    return None if ms is None else envelope.time_text(ms)


def id_text(value: bytes | None) -> str | None:
    """An id as UUID text; None stays None."""
    return None if value is None else ids.text(value)


def details(message: Any, leave_out: frozenset[str] = frozenset()) -> Json:
    """A message's fields as JSON values: 16-byte ids as text, times (by their names) as RFC 3339."""
    return {f.name: _value(f.name, getattr(message, f.name)) for f in fields(message) if f.name not in leave_out}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return ids.text(value) if len(value) == ids.ID_BYTES else value.hex()
    if isinstance(value, tuple):
        return [_value(name, item) for item in value]
    if is_dataclass(value):
        return details(value)
    if isinstance(value, int) and not isinstance(value, bool) and (name.endswith("_at") or name in _TIMES):
        return time_text(value)
    return value
