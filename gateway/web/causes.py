"""The causes as people read them: each with its percentage and why we think so; the kind, and advice. Pure.

`cause` and `classified` are those of GET /v1/incidents/{incident}; `cause` is None until changes have been weighed,
`classified` for a plain failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.web.words import clock
from projections.incidents.attributed import FOLDED_BELOW, WORDS, badge

Json = dict[str, Any]

# A badge in words, and whether its edge is drawn solid (seed 13.6).
_WORDS = {"likely": ("Likely", True), "suspected": ("Suspected", False), "low": ("Unlikely", False)}
_FACTS = {"changed_by": "Changed by", "changed_at": "Changed", "seconds_before": "Seconds before the start"}


@dataclass(frozen=True, slots=True)
class Suspect:
    """One candidate. `number` is its percentage in words, `why` its parts as (points, words)."""

    title: str
    word: str
    number: str
    solid: bool
    why: tuple[tuple[str, str], ...]

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
    tied: int = 0
    kind: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    warning: str | None = None
    advice: tuple[tuple[str, str, str], ...] = ()
    writes: tuple[Json, ...] = ()


NOT_WEIGHED = Cause(None, "not weighed yet", (), (), ())


def cause(x: Json) -> Cause:
    """The causes, kind and advice of an incident of the API."""
    found = x.get("cause")
    shown = _of_kind(x.get("classified") or {}, x.get("kind") or "failure")
    if not found:
        return Cause(None, "not weighed yet", (), (), (), **shown)
    ranked = found.get("ranked") or ()
    candidate = found["candidate"]
    if candidate and not ranked:  # weighed before there were percentages
        ranked = [{**candidate, **candidate["reference"], "percent": found["score"] // 10, "parts": ()}]
    suspects = [_suspect(r) for r in ranked]
    likely = suspects.pop(0) if candidate and suspects else None
    rest = list(zip(suspects, ranked[1:] if likely else ranked, strict=True))
    strong = tuple(s for s, r in rest if r["percent"] >= FOLDED_BELOW)
    weak = tuple(s for s, r in rest if r["percent"] < FOLDED_BELOW)
    none = "" if likely else "no candidate"
    return Cause(likely, none, strong, weak, tuple(found["reasons"]), found.get("tied", 0), **shown)


def _suspect(given: Mapping[str, Any]) -> Suspect:
    arrow = " → ".join(part for part in (given["before"], given["after"]) if part)
    what = " ".join(part for part in (given["kind"], arrow) if part)
    title = f"{what} of {given['resource']} by {given['actor']}"
    word, solid = _WORDS[badge(given["percent"])]
    why = tuple((f"{part['points']:+d}", part["why"]) for part in given["parts"])
    return Suspect(title, word, f"{given['percent']} %", solid, why)


def _of_kind(known: Mapping[str, Any], kind: str) -> Json:
    facts = known.get("facts") or {}
    advice = [
        (a["action"].replace("_", " "), ", ".join(f"{n} {v}" for n, v in a["parameters"].items()), a["why"])
        for a in known.get("advice") or ()
    ]
    words = tuple(
        (_FACTS.get(n, n.replace("_", " ").capitalize()), clock(v) if n == "changed_at" else v)
        for n, v in facts.items()
        if v
    )
    return {
        "kind": "" if kind == "failure" else WORDS.get(kind, kind),
        "facts": words,
        "warning": known.get("warning"),
        "advice": tuple(advice),
        "writes": tuple(known.get("writes") or ()),
    }
