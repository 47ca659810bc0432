"""Pure: an incident's kind and causes as rows, sentences and the answer of /v1/incidents/{incident}/causes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from projections.incidents.rows import IncidentRow
from projections.plain import Json, details, time_text
from schemas.messages import incidents as said

# What of a kind's event is kept as it is.
_KEPT = ("kind", "before", "percent", "warning", "reasons", "writes", "at")
# Facts that are times in ms.
_TIMES = ("changed_at", "before")
WORDS: Mapping[str, str] = {
    "failure": "a failure",
    "deploy": "a deploy that broke something",
    "configuration": "a change of configuration that broke something",
    "feature_flag": "a feature flag that broke something",
    "migration": "a migration that broke something",
    "permission": "a lost permission",
    "cost": "a cost",
    "data_quality": "wrong data",
    "behaviour": "unusual behaviour of an agent",
    "meta": "trouble with Mandate's own configuration",
}
# From how many per cent a cause is likely, suspected; below FOLDED_BELOW it is folded (seed 13.6).
LIKELY, SUSPECTED, FOLDED_BELOW = 70, 40, 50


def _classified(row: IncidentRow, event: said.IncidentClassified, offset: int) -> IncidentRow:
    shown = details(event)
    kept = {name: shown[name] for name in _KEPT}
    kept["facts"] = {fact.name: _value(fact) for fact in event.facts}
    kept["advice"] = [
        {"action": a.action, "parameters": {p.name: _value(p) for p in a.parameters}, "why": a.why}
        for a in event.advice
    ]
    return replace(row, kind=event.kind, classified=kept, version=offset)


def _value(fact: said.Fact) -> str:
    if fact.name in _TIMES and fact.value.isascii() and fact.value.isdigit() and len(fact.value) > 11:
        return time_text(int(fact.value)) or fact.value
    return fact.value


def _sentence(event: said.IncidentClassified) -> str:
    what = WORDS.get(event.kind, event.kind)
    do = ", ".join(a.action.replace("_", " ") for a in event.advice if a.action != "investigate")
    could = f" One could: {do}." if do else ""
    return f"It looks like {what}: {'; '.join(event.reasons).rstrip('.')}.{could}"


def badge(percent: int) -> str:
    """How sure a percentage is, in a word: `likely`, `suspected`, `low`."""
    return "likely" if percent >= LIKELY else "suspected" if percent >= SUSPECTED else "low"


def causes(row: Mapping[str, Any], name: str) -> Json:
    """The answer of /v1/incidents/{incident}/causes of an incident's row.

    `ranked` are the changes that may be it with `percent`, `badge` and the `parts` of their points, the best first;
    `collapsed` are those below 50 %. `tied` others have as many points as the best.
    """
    cause: Mapping[str, Any] = row["cause"] or {}
    ranked = [
        {**r, "badge": badge(r["percent"]), "collapsed": r["percent"] < FOLDED_BELOW} for r in cause.get("ranked", ())
    ]
    known = row["classified"] or {}
    return {
        "incident": name,
        "said": cause.get("said"),
        "confidence": cause.get("confidence"),
        "percent": cause.get("percent", 0),
        "tied": cause.get("tied", 0),
        "reasons": list(cause.get("reasons", ())),
        "ranked": ranked,
        "weighed": cause.get("weighed", 0),
        "kind": row["kind"],
        "kind_reasons": list(known.get("reasons", ())),
        "facts": known.get("facts", {}),
        "warning": known.get("warning"),
        "advice": known.get("advice", []),
        "writes": known.get("writes", []),
        "at": cause.get("at"),
    }


FOLDS: Mapping[type, Callable[[IncidentRow, Any, int], IncidentRow]] = {said.IncidentClassified: _classified}
SENTENCES: Mapping[type, Callable[[Any], str]] = {said.IncidentClassified: _sentence}
