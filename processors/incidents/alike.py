"""When two messages of one error type are the same fault: all but a bounded share of their words are the same.

    compare(known, told, rule) -> Likeness        counts of words, and why not, where not

Both are normalised (numbers, ids, paths, quoted texts are `…`), so what differs here is a plain word: a table, a host's
nickname, a tenant. The rule, in whole numbers (document `incidents`, `alike`):

1. as many words in both, word for word; a place that is `…` in both counts for nothing;
2. at most `places` differ, none of them the first, no two side by side: a phrase says what is wrong, a word with what;
3. the same are at least `least_words`, and at least `per_mille` of 1,000;
4. where they differ stand names: plain words that say neither what is wrong nor what was being done (fault_words.py).

Shorter messages need all words alike. Pure; at most 300 characters each, so a comparison is bounded (about 5 µs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from processors.incidents.fault_words import BEFORE_A_VERDICT, BEFORE_AN_ATTEMPT, FAULT_WORDS
from schemas.incident_rules import Alike

GAP = "…"
# Messages kept apart in words, and pairs of them compared: at most 300 characters each, so at worst 3 MB each.
KEPT = 1_024
_AROUND = ".,;:!?()[]{}<>\"'"
# Letters, small but for the first, joined by - or _: neither a code (ECONNRESET) nor a class or an operation (GetItem).
_PLAIN = re.compile(r"\A[A-Za-z](?:[a-z_-]*[a-z])?\Z")
_DOTTED = re.compile(r"\A[a-z_-]+(?:\.[a-z_-]+)+\Z")
PARTICIPLE = 5  # a word in -ed of so many letters says what happened: refused, expired; "red" is a colour


@dataclass(frozen=True, slots=True)
class Likeness:
    """`alike` of `words` are the same. `why_not` is empty where the messages are the same fault."""

    alike: int
    words: int
    differ: tuple[tuple[str, str], ...] = ()
    why_not: str = ""

    def counted(self) -> str:
        """`7 of 8 words alike`."""
        return f"{self.alike} of {self.words} words alike"


@lru_cache(maxsize=KEPT)
def compare(known: str, told: str, rule: Alike) -> Likeness:
    """How like two normalised messages are."""
    one, other = _words(known), _words(told)
    if len(one) != len(other):
        return Likeness(0, max(len(one), len(other)), (), f"{len(other)} words against {len(one)}")
    at = [n for n, word in enumerate(one) if word != other[n]]
    words = len(one) - one.count(GAP) + sum(1 for n in at if one[n] == GAP)
    found = Likeness(words - len(at), words, tuple((one[n], other[n]) for n in at[:2]))
    if not at:
        return found
    why = _why_not(one, other, at, found, rule)
    return Likeness(found.alike, words, found.differ, why) if why else found


@lru_cache(maxsize=KEPT)
def _words(message: str) -> tuple[str, ...]:
    return tuple([word.strip(_AROUND) for word in message.split()])


def _why_not(one: tuple[str, ...], other: tuple[str, ...], at: list[int], found: Likeness, rule: Alike) -> str:
    if found.alike < rule.least_words or found.alike * 1000 < rule.per_mille * found.words:
        return f"{found.counted()}, at least {rule.least_words} and {rule.per_mille} of 1,000 are asked"
    if len(at) > rule.places:
        return f"{found.counted()}, {len(at)} differ where at most {rule.places} may"
    if at[0] == 0:
        return f"{found.counted()}, but the first is {other[0]!r} and not {one[0]!r}"
    for before, n in zip([-1, *at], at, strict=False):
        if before == n - 1:
            return f"{found.counted()}, but a phrase differs: {' '.join(other[before : n + 1])!r}"
        if not _names(one, other, n):
            return f"{found.counted()}, but {other[n]!r} and not {one[n]!r} says another fault"
    return ""


def _names(one: tuple[str, ...], other: tuple[str, ...], n: int) -> bool:
    """Whether the words at this place only say which thing it was."""
    before = one[n - 1].lower()
    if before in BEFORE_A_VERDICT or before.endswith("n't"):
        return False
    if before == "to" and n > 1 and one[n - 2].lower() in BEFORE_AN_ATTEMPT:
        return False
    if _DOTTED.match(one[n]) and _DOTTED.match(other[n]):  # hosts end alike; what ends otherwise is a class or a right
        return one[n].rpartition(".")[2] == other[n].rpartition(".")[2]
    return _name(one[n]) and _name(other[n])


def _name(word: str) -> bool:
    if word == GAP:
        return True
    if not _PLAIN.match(word):
        return False
    lower = word.lower()
    if len(word) == 1:
        return word != "a"  # host A, shard B; the article is small
    return lower not in FAULT_WORDS and not (len(lower) >= PARTICIPLE and lower.endswith("ed"))
