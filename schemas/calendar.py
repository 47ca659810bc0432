"""The documents `calendar` (what people write) and `occurrences` (what is announced to the processors of it).

A processor has no clock and no time zones, so cron expressions become times at the gateway: `calendar` is checked and
expanded there (gateway.configuration.calendars), and `occurrences` is its next 60 days, announced anew every day.

    {"maintenance_windows": [{"name": "Weekly", "cron": "0 2 * * SUN", "duration_s": 14400,
                              "time_zone": "Europe/Berlin", "resources": ["payments-*"]}],
     "change_freezes": [{"name": "Holidays", "start": "2026-12-20T00:00:00Z", "end": "2027-01-02T00:00:00Z",
                         "resources": ["*"], "kinds": ["deploy"], "message": "No deploys over the holidays."}]}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from schemas.document_reader import Reader, invalid, unique
from schemas.patterns import any_matches

MAX_WINDOWS = 100
MAX_RESOURCES = 50  # of one window; 100 x 50 patterns are compared in 0.5 ms at worst, for a document nobody writes
# A third of a year at one a day and a spare; 256 x 60 B are 15 KB of announcement.
MAX_OCCURRENCES = 256
Kind = Literal["maintenance", "freeze"]


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window or a change freeze: once (`start`, `end`, RFC 3339) or by `cron` for `duration_s`.

    `kinds` are the kinds of change that a freeze is about (empty: every kind).
    """

    kind: Kind
    name: str
    resources: tuple[str, ...]
    start: str = ""
    end: str = ""
    cron: str = ""
    duration_s: int = 0
    time_zone: str = "UTC"
    kinds: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """All windows and freezes of a tenant, as people wrote them."""

    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurring:
    """A window and when it is: `spans` of [start, end) in ms, in order."""

    kind: Kind
    name: str
    resources: tuple[str, ...]
    kinds: tuple[str, ...]
    message: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The next times of every window. `until` (ms): how far repeated ones are known; 0 where nothing repeats."""

    windows: tuple[Occurring, ...] = ()
    until: int = 0

    def at(self, kind: Kind, resource: str, when: int) -> Occurring | None:
        """The first window of this kind that is about the resource at that time, or None."""
        for window in self.windows:
            if window.kind != kind or not any(start <= when < end for start, end in window.spans):
                continue
            if any_matches(window.resources, resource):
                return window
        return None


def read_calendar(r: Reader) -> Calendar:
    """The document `calendar`, its form only. Raises ConfigurationError `configuration_invalid`."""
    out = [_window(entry, "maintenance") for entry in r.readers("maintenance_windows")]
    out += [_window(entry, "freeze") for entry in r.readers("change_freezes")]
    if len(out) > MAX_WINDOWS:
        raise invalid(r.place, f"at most {MAX_WINDOWS} windows and freezes are expected")
    unique(r.place, [window.name for window in out])
    r.done()
    return Calendar(tuple(out))


def _window(r: Reader, kind: Kind) -> Window:
    resources = r.texts("resources") or ("*",)
    if len(resources) > MAX_RESOURCES:
        raise invalid(f"{r.place}.resources", f"at most {MAX_RESOURCES} patterns are expected")
    name = r.text("name")
    if not name:
        raise invalid(f"{r.place}.name", "a name is expected: it is what people read")
    if r.has("cron"):
        out = Window(
            kind,
            name,
            resources,
            cron=r.text("cron"),
            duration_s=r.number("duration_s", 0, 60, 31 * 86_400),
            time_zone=r.text("time_zone", "UTC"),
            kinds=r.texts("kinds") if kind == "freeze" else (),
            message=r.text("message", "") if kind == "freeze" else "",
        )
    else:
        out = Window(
            kind,
            name,
            resources,
            start=r.text("start"),
            end=r.text("end"),
            kinds=r.texts("kinds") if kind == "freeze" else (),
            message=r.text("message", "") if kind == "freeze" else "",
        )
    r.done()
    return out


def read_occurrences(r: Reader) -> Occurrences:
    """The document `occurrences`, which the gateway makes. Raises ConfigurationError `configuration_invalid`."""
    out = []
    for entry in r.readers("windows"):
        kind = entry.text("kind")
        if kind not in ("maintenance", "freeze"):
            raise invalid(f"{entry.place}.kind", f"{kind!r} is none of maintenance, freeze")
        spans = []
        for span in entry.readers("spans"):
            spans.append((span.number("start", 0, 0, 2**62), span.number("end", 0, 0, 2**62)))
            span.done()
        out.append(
            Occurring(
                cast(Kind, kind),
                entry.text("name"),
                entry.texts("resources"),
                entry.texts("kinds"),
                entry.text("message", ""),
                tuple(spans),
            )
        )
        entry.done()
    found = Occurrences(tuple(out), r.number("until", 0, 0, 2**62))
    r.done()
    return found
