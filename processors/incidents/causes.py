"""Calculations: which changes may be the cause of an incident, how sure that is, and why. Integers only.

A change has points (of 1,000) for where it was seen from what fails, how near in time, whether its kind breaks things
in this way, who made it, how large it was, and what the error names; each part is kept with its words. The most points
win, of equals the later change. A change after the first failure, one too long before it, and one without any relation
have none. Two with about as many points are a tie, and that is said; without a change that reaches the lowest
threshold there is no candidate, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from processors.incidents import causes_fit as fit
from processors.incidents.causes_evidence import Nature, magnitude, nature_of, taken_away, words_of
from processors.incidents.causes_near import Near, Surroundings, around
from processors.incidents.state import Change
from schemas.catalog import Catalog
from schemas.cause_rules import Causes, Weights
from schemas.ids import Id
from schemas.incident_rules import Incidents
from schemas.messages.incidents import CausePart, Confidence, Considered, RankedCause

MOST = 990  # nothing that is derived is certain
WHOLE = 1_000
LIKELY, SUSPECTED = 70, 40  # per cent (seed 13.6)
RANKED_MAX = 8
CONSIDERED_MAX = 8
# Changes that are weighed for one incident, the nearest in time: 128 x ~4 us.
WEIGHED_MAX = 128
NO_CATALOG = Catalog()


@dataclass(frozen=True, slots=True)
class Failing:
    """What is to be explained. `first_failure_at` is event time (ms); `text` is what the error says (may be empty)."""

    resource: str
    actor: str
    error_type: str
    first_failure_at: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change with its points. `parts` say where they come from; `why_not` why it cannot be the cause."""

    change: Change
    resource: str
    score: int
    seconds_before: int
    parts: tuple[CausePart, ...]
    why_not: str = ""
    relation: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The parts in words."""
        return tuple(f"{p.why}: {p.points} points" for p in self.parts)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The likely cause, or none with the reasons why not. `ranked` begins with it; `tied` others have as many."""

    best: Weighed | None
    confidence: Confidence
    reasons: tuple[str, ...]
    considered: tuple[Considered, ...]
    weighed: int
    percent: int = 0
    tied: int = 0
    ranked: tuple[RankedCause, ...] = ()

    @property
    def change_id(self) -> Id | None:
        """The change that is suggested."""
        return self.best.change.change_id if self.best is not None else None


@dataclass(frozen=True, slots=True)
class _Case:
    """What every change of one incident is weighed against."""

    failing: Failing
    causes: Causes
    surroundings: Surroundings
    nature: Nature
    failed_before: Mapping[str, int]
    words: frozenset[str]


def suggest(
    failing: Failing,
    changes: Iterable[tuple[str, Change]],
    config: Incidents,
    catalog: Catalog = NO_CATALOG,
    failed_before: Mapping[str, int] | None = None,
    surroundings: Surroundings | None = None,
) -> Suggestion:
    """The likely cause among (resource, change). `failed_before` are resources with an open incident and its first
    failure; `surroundings` may be given where they are known already.
    """
    near = surroundings or around(config, catalog, failing.resource, failing.actor, failing.text)
    text = f"{failing.error_type}: {failing.text}"
    case = _Case(failing, config.causes, near, nature_of(text), failed_before or {}, words_of(failing.text))
    every = list(changes)
    every.sort(key=lambda c: (abs(failing.first_failure_at - c[1].event_time), c[1].change_id))
    found = sorted((_weigh(case, *c) for c in every[:WEIGHED_MAX]), key=_order)
    return _suggested(found, config.causes)


def _suggested(found: list[Weighed], causes: Causes) -> Suggestion:
    best = found[0] if found and not found[0].why_not and found[0].score >= causes.low else None
    losers = [w for w in found if w is not best]
    considered = tuple(_considered(w, best, causes) for w in losers[:CONSIDERED_MAX])
    ranked = [w for w in found if w.score > 0][:RANKED_MAX]
    if best is None:
        shown = tuple(_ranked(w, _percent(w.score, 0, causes)) for w in ranked)
        return Suggestion(None, "none", _no_candidate(found, causes), considered, len(found), ranked=shown)
    tied = sum(best.score - w.score <= causes.tie for w in ranked[1:])
    percent = _percent(best.score, tied, causes)
    confidence, threshold = _confidence(best.score, tied, causes)
    total = f"{best.score} of {WHOLE} points: {confidence} confidence from {threshold}"
    rivals = [w for w in losers if w.score]
    against = f"the next best of {len(found)} changes has {rivals[0].score}" if rivals else _alone(len(losers))
    reasons = [*best.reasons, total, against]
    if tied:
        reasons.append(f"a tie: {tied} more within {causes.tie} points, so either may be it and none is likely")
    level = best.score - causes.tie
    shown = tuple(_ranked(w, _percent(w.score, tied if w.score >= level else 0, causes)) for w in ranked)
    return Suggestion(best, confidence, tuple(reasons), considered, len(found), percent, tied, shown)


def weigh(failing: Failing, resource: str, change: Change, config: Incidents, catalog: Catalog = NO_CATALOG) -> Weighed:
    """One change with its points and where they come from."""
    near = around(config, catalog, failing.resource, failing.actor, failing.text)
    nature = nature_of(f"{failing.error_type}: {failing.text}")
    return _weigh(_Case(failing, config.causes, near, nature, {}, words_of(failing.text)), resource, change)


def _weigh(case: _Case, resource: str, change: Change) -> Weighed:
    failing, causes, weights = case.failing, case.causes, case.causes.weights
    before_ms = failing.first_failure_at - change.event_time
    if before_ms < 0:
        return _not(change, resource, 0, f"{(-before_ms + 999) // 1000} s after the first failure")
    seconds = before_ms // 1000
    if seconds > causes.lookback_s:
        why = f"{seconds} s before the first failure, more than {causes.lookback_s} s"
        return _not(change, resource, seconds, why)
    near = case.surroundings.of(resource)
    if near is None:
        if change.actor != failing.actor or not failing.actor:
            why = f"on {resource}, which {failing.resource} has no declared relation to"
            return _not(change, resource, seconds, why)
        near = Near("same_actor")
    nearness = weights.nearness * (1000 - _elapsed(seconds, causes)) // 1000
    parts = [
        CausePart("relation", _worth(near, weights), _where(near, resource, failing, change)),
        CausePart("time", nearness, f"{seconds} s before the first failure"),
        CausePart("kind", fit.prior(change.kind, weights), f"its kind is {change.kind}"),
    ]
    parts += _what(case, near, change)
    parts += _who(case, near, resource, change)
    score = max(0, min(MOST, sum(p.points for p in parts)))
    if near.relation == "same_actor" and score >= causes.medium:
        parts.append(CausePart("limit", causes.medium - 1 - score, f"on another resource: at most {causes.medium - 1}"))
        score = causes.medium - 1
    return Weighed(change, resource, score, seconds, tuple(parts), relation=near.relation)


def _what(case: _Case, near: Near, change: Change) -> list[CausePart]:
    """Whether this kind of change breaks in this way, how large it was, and what it took away."""
    weights, failing = case.causes.weights, case.failing
    parts: list[CausePart] = []
    share = fit.share(change.kind, case.nature, near.relation)
    if share:
        how = "often" if share > 0 else "seldom"
        seen = "" if near.relation in ("same", "of_actor") else " seen from above"
        why = f"a {change.kind} change {how} shows{seen} as {fit.NATURES[case.nature]}"
        parts.append(CausePart("error", weights.fits * share // 100, why))
    shared = case.words & words_of(f"{change.summary or ''} {change.after or ''}") if case.words else None
    if shared:
        parts.append(CausePart("words", weights.words, f"the error and the change both speak of {min(shared)}"))
    size, said = magnitude(change.kind, change.before, change.after, change.summary)
    if size:
        points = (0, -weights.magnitude, weights.magnitude // 2, weights.magnitude)[size]
        parts.append(CausePart("magnitude", points, f"a {fit.SIZES[size]} change: {said}"))
    if change.kind == "permission" and case.nature == "access":
        away = taken_away(change.before, change.after, change.summary)
        whom = f"{change.before} {change.after} {change.summary}"
        about = bool(failing.actor) and failing.actor in whom
        if away is not None:
            points = weights.denied if away else -weights.denied
            why = "took permissions away" if away else "gave permissions"
            parts.append(CausePart("denied", points + (weights.denied // 2 if away and about else 0), why))
    return parts


def _who(case: _Case, near: Near, resource: str, change: Change) -> list[CausePart]:
    """Who made it, what the error names, and what failed before."""
    weights, failing = case.causes.weights, case.failing
    parts: list[CausePart] = []
    if change.actor == failing.actor and failing.actor and near.relation != "same_actor":
        parts.append(CausePart("actor", weights.overlap, f"made by {change.actor}, who failed"))
    if near.named:
        parts.append(CausePart("named", weights.names, f"the error names {resource} or what leads to it"))
    elif case.surroundings.named:
        other = ", ".join(case.surroundings.named[:2])
        parts.append(CausePart("named", -weights.elsewhere, f"the error names {other} instead"))
    failed = case.failed_before.get(resource)
    if failed is not None and near.relation in ("upstream", "named") and change.event_time <= failed:
        parts.append(CausePart("fails_too", weights.fails_too, f"{resource} has failed since this change too"))
    return parts


def _worth(near: Near, weights: Weights) -> int:
    match near.relation:
        case "same":
            return weights.same
        case "of_actor":
            return weights.of_actor
        case "upstream":
            return (weights.upstream, weights.upstream_2, weights.upstream_3)[near.steps - 1]
        case "named":
            return weights.upstream_3
        case "downstream":
            return weights.downstream
        case _:
            return weights.same_actor


def _where(near: Near, resource: str, failing: Failing, change: Change) -> str:
    match near.relation:
        case "same":
            return f"on {resource}, which fails"
        case "of_actor":
            return f"of {resource}, the actor that fails"
        case "upstream" if near.steps == 1:
            return f"on {resource}, which {failing.resource} depends on"
        case "upstream":
            return f"on {resource}, {near.steps} steps upstream of {failing.resource}"
        case "named":
            return f"on {resource}, which the error names"
        case "downstream":
            return f"on {resource}, which calls {failing.resource}"
        case _:
            return f"made by {change.actor}, who failed, on another resource {resource}"


def _elapsed(seconds: int, causes: Causes) -> int:
    """How much of nearness is gone, per mille: by the logarithm, since delays are spread over orders of magnitude."""
    whole = _log2(1000 + causes.lookback_s * 1000 // causes.half_s)
    return min(1000, _log2(1000 + seconds * 1000 // causes.half_s) * 1000 // max(1, whole))


def _log2(thousandths: int) -> int:
    """1,000 times the base-2 logarithm of a number of thousandths from 1,000 on, straight between powers of two."""
    power = (thousandths // 1000).bit_length() - 1
    return power * 1000 + thousandths * 1000 // (1000 << power) - 1000


def _order(weighed: Weighed) -> tuple[bool, int, int, Id]:
    return bool(weighed.why_not), -weighed.score, -weighed.change.event_time, weighed.change.change_id


def _not(change: Change, resource: str, seconds: int, why: str) -> Weighed:
    return Weighed(change, resource, 0, seconds, (), why)


def _percent(score: int, tied: int, causes: Causes) -> int:
    """The percentage of these points: straight lines from nothing at half of `low` over 40 at `low` and 70 at `high` to
    99 at `certain`. Of a tie none is likely.
    """
    low, high, certain = causes.low, causes.high, max(causes.certain, causes.high + 1)
    if score >= high:
        return LIKELY - 1 if tied else min(99, LIKELY + (99 - LIKELY) * (score - high) // (certain - high))
    if score >= low:
        return SUSPECTED + (LIKELY - SUSPECTED) * (score - low) // (high - low)
    return max(0, SUSPECTED * (2 * score - low) // low)


def _confidence(score: int, tied: int, causes: Causes) -> tuple[Confidence, int]:
    if score >= causes.high and not tied:
        return "high", causes.high
    return ("medium", causes.medium) if score >= causes.medium else ("low", causes.low)


def _ranked(weighed: Weighed, percent: int) -> RankedCause:
    change = weighed.change
    return RankedCause(
        change_id=change.change_id,
        kind=change.kind,
        resource=weighed.resource,
        before=change.before,
        after=change.after,
        summary=change.summary,
        actor=change.actor,
        changed_at=change.event_time,
        seconds_before=weighed.seconds_before,
        relation=weighed.relation,
        score=weighed.score,
        percent=percent,
        parts=weighed.parts,
    )


def _considered(weighed: Weighed, best: Weighed | None, causes: Causes) -> Considered:
    change = weighed.change
    against = f"{weighed.seconds_before} s before the first failure, {weighed.score} points"
    against += f" against {best.score}" if best is not None else f", fewer than {causes.low}"
    return Considered(
        change_id=change.change_id,
        kind=change.kind,
        resource=weighed.resource,
        actor=change.actor,
        changed_at=change.event_time,
        score=weighed.score,
        why=weighed.why_not or against,
    )


def _no_candidate(found: list[Weighed], causes: Causes) -> tuple[str, ...]:
    if not found:
        return ("no change is known",)
    near = [w for w in found if not w.why_not]
    if near:
        return (f"the best of {len(found)} changes has {near[0].score} points, fewer than {causes.low}",)
    return (f"none of {len(found)} changes can be it: the latest is {found[0].why_not}",)


def _alone(losers: int) -> str:
    return f"none of {losers} other changes can be it" if losers else "it is the only change known"
