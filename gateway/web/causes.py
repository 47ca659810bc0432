"""The likely cause as people read it: in words, with its number and why we think so; weaker ones below. Pure.

`cause` is that of GET /v1/incidents/{incident}: {candidate, said, confidence, score, reasons, considered, weighed, at},
or None until changes have been weighed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

# Confidence in words, and whether its edge is drawn solid; a score is 0 to 1000.
_WORDS = {"high": ("Likely", True), "medium": ("Possible", False), "low": ("Suspected", False)}
# Below this the other candidates are folded.
FOLDED_BELOW = 500


@dataclass(frozen=True, slots=True)
class Suspect:
    """One candidate. `number` is its score in words, `why` one line or the reasons."""

    title: str
    word: str
    number: str
    solid: bool
    why: tuple[str, ...]

    @property
    def style(self) -> str:
        """CSS class of uncertainty: dashed for all that is not likely."""
        return "" if self.solid else "dash"


@dataclass(frozen=True, slots=True)
class Cause:
    """What is shown of a cause. `likely` None with `none` as the sentence that says so."""

    likely: Suspect | None
    none: str
    others: tuple[Suspect, ...]
    folded: tuple[Suspect, ...]
    reasons: tuple[str, ...]


NOT_WEIGHED = Cause(None, "not weighed yet", (), (), ())


def cause(x: Json) -> Cause:
    """The cause of an incident of the API."""
    found = x.get("cause")
    if not found:
        return NOT_WEIGHED
    candidate = found["candidate"]
    reasons = tuple(found["reasons"])
    others = [_other(c) for c in found["considered"] if not candidate or c["change_id"] != candidate["change_id"]]
    strong = tuple(s for score, s in others if score >= FOLDED_BELOW)
    weak = tuple(s for score, s in others if score < FOLDED_BELOW)
    if not candidate:
        return Cause(None, "no candidate", strong, weak, reasons)
    word, solid = _WORDS.get(found["confidence"], ("Possible", False))
    arrow = " → ".join(part for part in (candidate["reference"]["before"], candidate["reference"]["after"]) if part)
    title = " ".join(part for part in (candidate["kind"], arrow) if part) + f" by {candidate['actor']}"
    likely = Suspect(title, word, _score(found["score"]), solid, (found["said"],))
    return Cause(likely, "", strong, weak, reasons)


def _other(given: Json) -> tuple[int, Suspect]:
    title = f"{given['kind']} of {given['resource']} by {given['actor']}"
    score = int(given["score"])
    word = "Possible" if score >= FOLDED_BELOW else "Suspected"
    return score, Suspect(title, word, _score(score), False, (given["why"],))


def _score(score: int) -> str:
    return f"{score} of 1,000"
