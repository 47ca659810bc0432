"""The intervention bar: could a person step in, in time? Pure: an incident of the API in, five parts out.

Widths are tenths of the sum of square roots of the seconds (ui/README): a long part does not hide a short one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Any

from gateway.web.words import between, clock, count, span


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch between two milestones. `tone` 1-5 is its colour; `seconds` None for the last, closed one."""

    tone: int
    icon: str
    milestone: str
    at: str
    seconds: float | None
    words: str
    failures: int
    width: int
    running: bool
    last: bool

    @property
    def length(self) -> str:
        """The stretch in words."""
        return span(self.seconds)


@dataclass(frozen=True, slots=True)
class Bar:
    """Both halves, split at the first page, with what happened in each and the sentence over them."""

    before: tuple[Part, ...]
    after: tuple[Part, ...]
    before_width: int
    after_width: int
    before_failures: int
    after_failures: int
    question: str
    answer: str
    more: str
    label: str


_MILESTONES = (
    ("first_failure_at", 1, "bot", "First failure", "nobody knew"),
    ("detected_at", 2, "eye", "Detected", "until paged"),
    ("first_page_at", 3, "bell", "First page", "until answered"),
    ("acknowledged_at", 4, "user", "Acknowledged", "a person on it"),
    ("contained_at", 5, "shield", "Contained", "until resolved"),
    ("resolved_at", 5, "shield", "Resolved", "no more"),
)


# The words of a stretch that is still running.
_OPEN_WORDS = {"detected_at": "nobody told yet", "first_page_at": "no answer yet", "contained_at": "no more harm"}


def bar(incident: dict[str, Any], now: str) -> Bar:
    """The bar of an incident; `now` (an API time) is the open end of what is still running."""
    iv = incident["intervention"]
    reached = [m for m in _MILESTONES if iv.get(m[0])]
    resolved = bool(iv.get("resolved_at"))
    lengths = [
        between(iv[m[0]], iv[reached[i + 1][0]] if i + 1 < len(reached) else (None if resolved else now))
        for i, m in enumerate(reached)
    ]
    widths = _widths(lengths)
    counts = _counts(incident, [m[0] for m in reached])
    parts = []
    for i, (field, tone, icon, milestone, words) in enumerate(reached):
        last = i + 1 == len(reached)
        open_words = _OPEN_WORDS.get(field, words)
        parts.append(
            Part(
                tone,
                icon,
                milestone,
                iv[field],
                lengths[i],
                open_words if last and not resolved else words,
                counts[i],
                widths[i],
                last and not resolved,
                last and resolved,
            )
        )
    before = tuple(p for p in parts if p.tone < 3)
    after = tuple(p for p in parts if p.tone >= 3)
    question, answer, more = _sentence(incident, iv, now)
    label = ", ".join(f"{p.length} {p.words}" for p in parts if not p.last)
    return Bar(
        before,
        after,
        sum(p.width for p in before),
        max(1, sum(p.width for p in after)),
        sum(p.failures for p in before),
        sum(p.failures for p in after),
        question,
        answer,
        more,
        label,
    )


def _counts(incident: dict[str, Any], reached: list[str]) -> list[int]:
    """Failures between each milestone that was reached and the next; the API says None of those that were not."""
    iv = incident["intervention"]
    until = {
        "first_failure_at": 0,
        "detected_at": iv["failures_before_detection"],
        "first_page_at": iv["failures_before_page"],
        "acknowledged_at": iv["failures_before_acknowledge"],
        "contained_at": iv.get("failures_before_contain"),
        "resolved_at": incident["failures"],
    }
    marks = [until[field] or 0 for field in reached] + [incident["failures"]]
    return [max(0, after - before) for before, after in pairwise(marks)]


def _widths(lengths: list[float | None]) -> list[int]:
    roots = [isqrt(int(max(0.0, s or 0.0) * 100)) for s in lengths]
    total = max(1, sum(roots))
    return [max(1, min(10, round(10 * r / total))) for r in roots]


def _sentence(incident: dict[str, Any], iv: dict[str, Any], now: str) -> tuple[str, str, str]:
    total = incident["failures"]
    after = iv["failures_after_page"] or 0
    start = iv["first_failure_at"]
    if iv.get("resolved_at"):
        return "Could a person step in?", f"{after:,} of {count(total, 'failure')}", _told(incident, iv)
    if iv.get("contained_at"):
        return "Could a person step in?", f"{after:,} of {count(total, 'failure')}", _told(incident, iv)
    if iv.get("acknowledged_at"):
        seconds = span(between(start, iv["acknowledged_at"]))
        since = f"{count(after, 'failure')} since the first page."
        if handed_on(incident):
            answer = f"@{incident['assignee']} has it," if incident["assignee"] else "No one has it now;"
            given = f" since {clock(incident.get('assigned_at'))};" if incident.get("assigned_at") else ""
            more = f"{given} somebody was in control {seconds} after the first failure. {since}"
            return "Can a person still step in?", answer, more.strip()
        return (
            "Can a person still step in?",
            f"@{incident['assignee']} is on it,",
            f"{seconds} after the first failure. {since}",
        )
    if iv.get("first_page_at"):
        ago = span(between(iv["first_page_at"], now))
        return "Can a person still step in?", "Yes.", f"{count(after, 'failure')} since the first page {ago} ago."
    return "Can a person still step in?", "Nobody has been told yet.", f"{count(total, 'failure')} so far."


def _told(incident: dict[str, Any], iv: dict[str, Any]) -> str:
    """The end of the sentence when harm is over: who was in control when, and how it ended."""
    times = {name: span(between(iv["first_failure_at"], at)) for name in _ENDS if (at := iv.get(f"{name}_at"))}
    # Who was first is not in the answer any more once it has been handed on.
    who = "Somebody" if handed_on(incident) else f"@{incident['assignee']}"
    first = (
        f"{who} was in control {times.pop('acknowledged')} after the first failure" if "acknowledged" in times else ""
    )
    rest = ", ".join(f"{name} after {span_}" for name, span_ in times.items())
    return "came after the first page. " + "; ".join(part for part in (first, rest) if part) + "."


def handed_on(incident: dict[str, Any]) -> bool:
    """Whether the first answer may have been another person's than who has the incident now."""
    at = incident.get("assigned_at")
    later = at is not None and at != incident["intervention"]["acknowledged_at"]
    return bool(incident.get("assigned_by") or not incident["assignee"] or later)


_ENDS = ("acknowledged", "contained", "resolved")


def strip(incident: dict[str, Any], now: str) -> list[tuple[int, int, int]]:
    """The bar in small, for the list: (tone, x, width) of each stretch on 116 px, at least 4 px each."""
    whole = bar(incident, now)
    parts = [p for p in (*whole.before, *whole.after) if not p.last]
    roots = [isqrt(int(max(0.0, p.seconds or 0.0) * 100)) + 1 for p in parts]
    free = 116 - 4 * len(parts)
    out, x = [], 0
    for part, root in zip(parts, roots, strict=True):
        width = 4 + free * root // sum(roots)
        out.append((part.tone, x, max(3, width - 1)))
        x += width
    return out
