"""Calculations: what kind of incident this is, what is known of it, and what one could do (seed 18.1-18.6, 20.5).

Advice only: each action is a word with parameters, and nothing here acts. The kind follows from what opened the
incident (a spend, a count of rows, an unusual actor, a report that data is wrong), else from its likely cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processors.incidents.causes import LIKELY, SUSPECTED
from processors.incidents.causes_evidence import magnitude, taken_away
from processors.incidents.suspects import Found, suspects
from schemas import scaled
from schemas.messages.incidents import (
    Advice,
    AdvisedAction,
    Fact,
    IncidentKind,
    RankedCause,
    SuspectWrite,
    ThresholdBreached,
)

WARNING = "DB migrations may not be fully reversible"
RANKED_WRITES = 8
_COST = re.compile(r"spend|cost|bill|burn|budget|instance|gpu|vcpu|credits", re.IGNORECASE)
_ROWS = re.compile(r"row|count of records|records|checksum|reconcil|duplicates|nulls|freshness", re.IGNORECASE)
_DATA = re.compile(r"\b(?:data|balances?|records?|rows?|totals?|figures|numbers|reports?|columns?)\b", re.IGNORECASE)
_WRONG = re.compile(
    r"\b(?:wrong|incorrect|missing|corrupt\w*|duplicated?|inconsistent|mismatch\w*|lost|garbled|off by|doubled)\b",
    re.IGNORECASE,
)
_FLAG = re.compile(r"\bflag[ :]+[\"'`]?([A-Za-z0-9][\w.-]{0,80})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """The incident that is classified. `text` is what was said of it."""

    resource: str
    actor: str
    trigger: str
    text: str
    first_failure_at: int


@dataclass(frozen=True, slots=True)
class Kind:
    """The answer: the kind, its fields, what to know before acting, what one could do, and why."""

    kind: IncidentKind
    facts: tuple[Fact, ...] = ()
    warning: str | None = None
    advice: tuple[Advice, ...] = ()
    writes: tuple[SuspectWrite, ...] = ()
    reasons: tuple[str, ...] = ()


def of_breach(subject: Subject, breach: ThresholdBreached, writes: Sequence[Found]) -> Kind | None:
    """A measured value that crossed its limit: a cost, or a check of data; None when it is neither."""
    if _COST.search(breach.name):
        return _cost(breach)
    if _ROWS.search(breach.name):
        return data_quality(subject, writes, f"the check {breach.name} crossed its limit and nothing failed")
    return None


def says_data_is_wrong(text: str) -> bool:
    """Whether a report is about data, not about something that fails."""
    return bool(_DATA.search(text) and _WRONG.search(text))


def data_quality(subject: Subject, writes: Sequence[Found], why: str) -> Kind:
    """Data is wrong without an error: the writes of the last day, by kind, breadth and time."""
    ranked, count = suspects(writes, subject.first_failure_at)
    best = ranked[0] if ranked else None
    facts = [Fact("symptom", subject.text[:200]), Fact("window", "the last 24 hours"), Fact("writes", str(count))]
    advice = [_advice("view_changes", f"what wrote to {subject.resource}", resource=subject.resource)]
    reasons = [why]
    if best is not None:
        facts += [Fact("most_likely", best.kind), Fact("by", best.actor)]
        advice.insert(0, _advice("pause_agent", f"{best.actor} may go on writing", agent=best.actor))
        undo = f"data as it was before the {best.kind}; what was written since is lost unless it is replayed"
        advice.append(_advice("restore_data", undo, resource=subject.resource, before=str(best.written_at)))
        reasons.append(f"most likely: {best.kind} by {best.actor}, {best.why}")
    else:
        told = "effects without a currency, or types of action that the settings call writes"
        reasons.append(f"no write of {subject.resource} is known: agents tell them as {told}")
    return Kind("data_quality", tuple(facts), None, tuple(advice), tuple(ranked[:RANKED_WRITES]), tuple(reasons))


def behaviour(subject: Subject, actor: str) -> Kind:
    """An actor does far more than it ever did, and nothing fails."""
    advice = (
        _advice("view_changes", f"what {actor} did", agent=actor),
        _advice("pause_agent", "until somebody has looked", agent=actor),
        _advice("mark_expected", "if this is what it is meant to do now", agent=actor),
    )
    facts = (Fact("agent", actor), Fact("seen", subject.text[:400]))
    return Kind("behaviour", facts, None, advice, (), ("unusual behaviour without an error: a review is recommended",))


def meta(document: str, before: str, after: str, what: str, why: tuple[str, ...]) -> Kind:
    """Telling people went wrong after a change of configuration."""
    advice = (
        _advice("roll_back_configuration", f"{what} began after it", document=document, to=before),
        _advice("view_changes", "what differs between the two", document=document),
    )
    facts = (Fact("document", document), Fact("from", before), Fact("to", after), Fact("what", what))
    warning = "A rollback is a new version with the old content: nothing is undone by itself."
    return Kind("meta", facts, warning, advice, (), why)


def of_cause(subject: Subject, ranked: Sequence[RankedCause]) -> Kind:
    """By the likely cause; a plain failure where there is none."""
    best = ranked[0] if ranked and ranked[0].percent >= SUSPECTED else None
    if best is None:
        return Kind("failure", reasons=("no change is suspected",))
    sure = "likely" if best.percent >= LIKELY else "suspected"
    why = f"its {sure} cause ({best.percent} %) is a {best.kind} change of {best.resource}"
    match best.kind:
        case "flag":
            return _flag(best, why)
        case "migration":
            return _migration(best, why)
        case "permission":
            return _permission(subject, best, why)
        case "deploy":
            back = _advice("roll_back", why, resource=best.resource, to=best.before or "the version before")
            return Kind("deploy", _changed(best), None, (back,), (), (why,))
        case "config":
            back = _advice("revert_configuration", why, resource=best.resource, to=best.before or "the value before")
            return Kind("configuration", _changed(best), None, (back,), (), (why,))
        case _:
            return Kind("failure", _changed(best), None, (_investigate(why),), (), (why,))


def _flag(best: RankedCause, why: str) -> Kind:
    found = _FLAG.search(best.summary or "")
    flag = found.group(1) if found else (best.summary or best.after or best.resource)[:100]
    advice = (
        _advice("disable_flag", why, flag=flag, resource=best.resource, to=best.before or "off"),
        _investigate("errors may have begun by chance so soon after"),
    )
    return Kind("feature_flag", (Fact("flag", flag), *_changed(best)), None, advice, (), (why,))


def _migration(best: RankedCause, why: str) -> Kind:
    size, said = magnitude("migration", best.before, best.after, best.summary)
    reversible = {3: "no", 2: "unknown", 1: "yes"}.get(size, "unknown")
    facts = (Fact("reversible", reversible), Fact("diff", _diff(best)), *_changed(best))
    advice = (_investigate(f"{said}: going forward may be the only way"),)
    if reversible != "no":
        back = _advice("revert_migration", why, resource=best.resource, to=best.before or "the version before")
        return Kind(
            "migration", facts, WARNING, (back, _investigate("read the migration before it is reverted")), (), (why,)
        )
    return Kind("migration", facts, WARNING, advice, (), (why,))


def _permission(subject: Subject, best: RankedCause, why: str) -> Kind:
    away = taken_away(best.before, best.after, best.summary)
    removed = best.summary or best.before or "unknown"
    facts = [*_changed(best), Fact("denied", subject.actor)]
    if away is False:
        return Kind("permission", tuple(facts), None, (_investigate(f"it gave permissions: {removed}"),), (), (why,))
    facts.insert(0, Fact("removed", removed))
    advice = (
        _advice("restore_permission", why, grant=removed, to=subject.actor, resource=best.resource),
        _investigate("whether the permission was taken on purpose"),
    )
    return Kind("permission", tuple(facts), None, advice, (), (why,))


def _cost(breach: ThresholdBreached) -> Kind:
    unit = f" {breach.unit}" if breach.unit else ""
    normal = "unknown" if breach.baseline is None else f"{scaled.text(breach.baseline)}{unit}"
    now = f"{scaled.text(breach.value)}{unit}"
    actor = breach.actor or ""
    facts = [Fact("value", now), Fact("normal", normal), Fact("measure", breach.name)]
    if breach.ratio_permille is not None:
        facts.append(Fact("increase", f"{(breach.ratio_permille - 1000) // 10} %"))
    advice = []
    reasons = [f"{breach.name} is {now}, normal is {normal}"]
    if actor:
        facts.append(Fact("agent", actor))
        reasons.append(f"the observation names {actor}")
        advice.append(_advice("pause_agent", f"{actor} is named as who causes it", agent=actor))
        advice.append(_advice("kill_instances", "what it started goes on costing", agent=actor))
    advice.append(_advice("set_budget_limit", "so that it cannot happen unseen", measure=breach.name, limit=normal))
    return Kind("cost", tuple(facts), None, tuple(advice), (), tuple(reasons))


def _changed(best: RankedCause) -> tuple[Fact, ...]:
    correlation = "high" if best.percent >= LIKELY else "medium"
    return (
        Fact("changed_by", best.actor),
        Fact("changed_at", str(best.changed_at)),
        Fact("seconds_before", str(best.seconds_before)),
        Fact("correlation", correlation),
    )


def _diff(best: RankedCause) -> str:
    arrow = " -> ".join(part for part in (best.before, best.after) if part)
    return ": ".join(part for part in (arrow, best.summary) if part) or "unknown"


def _investigate(why: str) -> Advice:
    return _advice("investigate", why)


def _advice(action: AdvisedAction, why: str, **parameters: str) -> Advice:
    return Advice(action, _facts(parameters.items()), why)


def _facts(pairs: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
    return tuple(Fact(name, value) for name, value in pairs)
