"""Calculations: what an error's words say about its nature, how large a change is, whether a permission was taken away.

Plain words of many libraries and providers, looked for in at most 700 characters; every pattern is an alternation of
words, so the time is linear whatever an agent sends. Nothing here says what is the cause: causes.py weighs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Nature = Literal["access", "database", "unreachable", "timeout", "exhausted", "application"]
TEXT_CHARACTERS = 700  # of an error: its type (200) and its message (500)
# Natures of texts, kept ready: with a text of at most 700 characters 1,024 entries are 3 MB at worst.
KEPT = 1_024

# Looked for in this order: a denial by a database is a denial, a lock time-out of a database is the database's.
_NATURES: tuple[tuple[Nature, re.Pattern[str]], ...] = (
    (
        "access",
        re.compile(
            r"denied|forbidden|unauthori[sz]ed|not authori[sz]ed|permission|\b40[13]\b|credential|access ?key|lacks"
            r"|expiredtoken"
        ),
    ),
    (
        "database",
        re.compile(
            r"psycopg|sqlstate|\bsql|sql(?:exception|transient|error)|deadlock|\brelation\b|\bcolumn\b|constraint"
            r"|integrityerror|programmingerror|operationalerror|lock timeout|duplicate key|\btable\b|foreign key"
        ),
    ),
    (
        "timeout",
        re.compile(r"time-?d? ?-?out|timeout|deadline|\b504\b|no answer within|took too long"),
    ),
    (
        "exhausted",
        re.compile(
            r"exhaust|out ?of ?memory|heap space|too many|throttl|rate exceeded|rate limit|\b429\b|quota|limit exceeded"
            r"|queue ?(?:is )?full|no space|disk full|overload"
        ),
    ),
    (
        "unreachable",
        re.compile(
            r"refused|unreachable|reset by peer|connection ?reset|\b50[23]\b|name resolution|gaierror|getaddrinfo"
            r"|no route|unavailable|broken pipe|econn|cannot connect|could not connect|notready"
        ),
    ),
)
_VERSION = re.compile(r"\Av?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_COUNTED = re.compile(r"(\d{1,9}) (?:commits?|files?|changes?|grants?)\b")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,3})?")
_ON, _OFF = frozenset(("on", "true", "enabled", "1")), frozenset(("off", "false", "disabled", "0", ""))
_DESTRUCTIVE = re.compile(r"\b(?:drop|rename|truncate|delete|alter column|alter type|change type)\b")
_HEAVY = re.compile(r"not null|\bindex\b|backfill|constraint|\bupdate\b|rewrite|partition")
_LIGHT = re.compile(r"concurrently|nullable|create table|add column|\bcomment\b")
_REMOVED = re.compile(r"\b(?:remov|revok|den(?:y|ied)|withdr|drop|delet|restrict|took|expire)")
_GRANTED = re.compile(r"\b(?:grant|add|allow|extend|restor)")


_WORD = re.compile(r"[a-z]{4,30}")
# Words that say nothing of what was changed, or that nearly every error has.
_COMMON = frozenset(
    word
    for line in (
        "error errors exception failed failure request response service server client with from into after before over",
        "this that when then call calling called item items index version commits commit files file change changes",
        "changed small removed grants grant granted group value code true false null none",
    )
    for word in line.split()
)


def words_of(text: str) -> frozenset[str]:
    """The words of a text that may name what it is about."""
    return frozenset(_WORD.findall(text[:TEXT_CHARACTERS].lower())) - _COMMON


@lru_cache(maxsize=KEPT)
def nature_of(text: str) -> Nature:
    """What kind of failure these words are of; `application` when they say nothing else."""
    lower = text[:TEXT_CHARACTERS].lower()
    for nature, pattern in _NATURES:
        if pattern.search(lower):
            return nature
    return "application"


def magnitude(kind: str, before: str | None, after: str | None, summary: str | None) -> tuple[int, str]:
    """How large a change is: 1 small, 2 medium, 3 large, 0 unknown; and why."""
    match kind:
        case "deploy":
            return _deployed(before or "", after or "", summary or "")
        case "flag":
            return _flagged(before or "", after or "")
        case "migration":
            return _migrated(" ".join(t for t in (summary, after) if t).lower())
        case "permission":
            return _by_count((summary or ""), (2, 6))
        case _:
            return _configured(before or "", after or "")


def taken_away(before: str | None, after: str | None, summary: str | None) -> bool | None:
    """Whether a change of permissions took something away; None when it does not say."""
    said = (summary or "").lower()
    if _REMOVED.search(said):
        return True
    if _GRANTED.search(said):
        return False
    if bool(before) != bool(after):
        return bool(before)
    return None


def _deployed(before: str, after: str, summary: str) -> tuple[int, str]:
    one, other = _VERSION.match(before), _VERSION.match(after)
    if one is not None and other is not None:
        for size, part, name in ((3, 1, "major"), (2, 2, "minor")):
            if one.group(part) != other.group(part):
                return size, f"a {name} version"
        return 1, "a patch version"
    return _by_count(summary, (6, 31))


def _by_count(summary: str, limits: tuple[int, int]) -> tuple[int, str]:
    found = _COUNTED.search(summary)
    if found is None:
        return 0, ""
    count = int(found.group(1))
    return 1 + (count >= limits[0]) + (count >= limits[1]), found.group(0)


def _flagged(before: str, after: str) -> tuple[int, str]:
    was, now = before.strip().lower(), after.strip().lower()
    if {was, now} & _ON and {was, now} & _OFF and was != now:
        return 3, f"switched {'on' if now in _ON else 'off'} for all"
    one, other = _NUMBER.search(was), _NUMBER.search(now)
    if other is None:
        return 0, ""
    moved = abs(_milli(other.group()) - (_milli(one.group()) if one else 0)) // 1000
    return 1 + (moved >= 20) + (moved >= 75), f"moved by {moved} points"


def _migrated(text: str) -> tuple[int, str]:
    for size, pattern, why in (
        (3, _DESTRUCTIVE, "it takes away or rewrites"),
        (1, _LIGHT, "it only adds"),
        (2, _HEAVY, "it locks or rewrites rows"),
    ):
        if pattern.search(text):
            return size, why
    return 0, ""


def _configured(before: str, after: str) -> tuple[int, str]:
    one, other = _NUMBER.findall(before), _NUMBER.findall(after)
    if not one or not other:
        return 0, ""
    was, now = _milli(one[-1]), _milli(other[-1])
    low, high = min(was, now), max(was, now)
    if not low:
        return (3, "to or from nothing") if high else (1, "the same number")
    tenths = high * 10 // low
    return 1 + (tenths >= 15) + (tenths >= 50), f"{tenths // 10}.{tenths % 10} times"


def _milli(number: str) -> int:
    whole, _, part = number.partition(".")
    return int(whole) * 1000 + int((part + "000")[:3])
