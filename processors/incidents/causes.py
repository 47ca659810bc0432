"""Calculations: which change is the likely cause of an incident, how sure that is, and why. Integers only.

A change earns points (1,000 at most) for its relation to what fails, its nearness in time, its kind and its actor; the
most points win, of equals the later change. A change after the first failure, one too long before it, and one without
any relation earn nothing. Without a change that reaches the lowest threshold there is no candidate, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from processors.incidents.state import Change
from schemas.ids import Id
from schemas.incident_rules import Causes, Incidents
from schemas.messages.incidents import Confidence, Considered

# Relation and nearness decide; 400 + 450 + 100 + 50 = 1,000. With the defaults a deploy of the failing resource is
# `high` (750) up to 12 min before the first failure, `medium` (550) up to 2 h, then `low`; a declared relation is at
# most `medium` (190 + 450 + 100 = 740) unless the same actor did both.
SAME_RESOURCE, OF_THE_ACTOR, DECLARED, SAME_ACTOR = 400, 300, 190, 50
NEARNESS = 450
KNOWN_KIND, OTHER_KIND = 100, 50
KINDS = ("deploy", "config", "flag", "migration", "permission")
FITTING = 50  # a permission change before an error of permission
MOST = 1_000
CONSIDERED_MAX = 8
_DENIED = ("permission", "denied", "forbidden", "unauthor", "access")


@dataclass(frozen=True, slots=True)
class Failing:
    """What is to be explained. `first_failure_at` is event time (ms); `actor` and `error_type` may be empty."""

    resource: str
    actor: str
    error_type: str
    first_failure_at: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change with its points. `reasons` say where they come from; `why_not` why it cannot be the cause."""

    change: Change
    resource: str
    score: int
    seconds_before: int
    reasons: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The likely cause, or none with the reasons why not."""

    best: Weighed | None
    confidence: Confidence
    reasons: tuple[str, ...]
    considered: tuple[Considered, ...]
    weighed: int

    @property
    def change_id(self) -> Id | None:
        """The change that is suggested."""
        return self.best.change.change_id if self.best is not None else None


def suggest(failing: Failing, changes: Iterable[tuple[str, Change]], config: Incidents) -> Suggestion:
    """The likely cause among (resource, change)."""
    found = sorted((weigh(failing, *c, config) for c in changes), key=_order)
    causes = config.causes
    best = found[0] if found and not found[0].why_not and found[0].score >= causes.low else None
    losers = [w for w in found if w is not best]
    considered = tuple(_considered(w, best, causes) for w in losers[:CONSIDERED_MAX])
    if best is None:
        return Suggestion(None, "none", _no_candidate(found, causes), considered, len(found))
    confidence, threshold = _confidence(best.score, causes)
    total = f"{best.score} of {MOST} points: {confidence} confidence from {threshold}"
    rivals = [w for w in losers if w.score]
    against = f"the next best of {len(found)} changes has {rivals[0].score}" if rivals else _alone(len(losers))
    return Suggestion(best, confidence, (*best.reasons, total, against), considered, len(found))


def weigh(failing: Failing, resource: str, change: Change, config: Incidents) -> Weighed:
    """One change with its points and where they come from."""
    causes = config.causes
    before_ms = failing.first_failure_at - change.event_time
    if before_ms < 0:
        return _not(change, resource, 0, f"{(-before_ms + 999) // 1000} s after the first failure")
    seconds = before_ms // 1000
    if seconds > causes.lookback_s:
        why = f"{seconds} s before the first failure, more than {causes.lookback_s} s"
        return _not(change, resource, seconds, why)
    relation, how = _relation(failing, resource, change, config)
    if not relation:
        return _not(change, resource, seconds, how)
    nearness = NEARNESS * causes.half_s // (causes.half_s + seconds)
    kind = KNOWN_KIND if change.kind in KINDS else OTHER_KIND
    points = [
        (relation, how),
        (nearness, f"{seconds} s before the first failure"),
        (kind, f"its kind is {change.kind}"),
    ]
    if relation > SAME_ACTOR and change.actor == failing.actor:
        points.append((SAME_ACTOR, f"made by {change.actor}, who failed"))
    if change.kind == "permission" and any(word in failing.error_type.lower() for word in _DENIED):
        points.append((FITTING, f"a change of permissions before {failing.error_type}"))
    score = min(MOST, sum(p for p, _ in points))
    reasons = tuple(f"{why}: {p} points" for p, why in points)
    if relation == SAME_ACTOR and score >= causes.medium:
        score = causes.medium - 1
        reasons += (f"on another resource, so {score} points at most",)
    return Weighed(change, resource, score, seconds, reasons)


def depends_on(config: Incidents, resource: str) -> tuple[str, ...]:
    """The resources that `resource` is declared to depend on."""
    return next((r.depends_on for r in config.relations if r.resource == resource), ())


def dependents_of(config: Incidents, resource: str) -> tuple[str, ...]:
    """The resources that are declared to depend on `resource`."""
    return tuple(r.resource for r in config.relations if resource in r.depends_on)


def _relation(failing: Failing, resource: str, change: Change, config: Incidents) -> tuple[int, str]:
    if resource == failing.resource:
        return SAME_RESOURCE, f"on {resource}, which fails"
    if resource == failing.actor:
        return OF_THE_ACTOR, f"of {resource}, the actor that fails"
    if resource in depends_on(config, failing.resource):
        return DECLARED, f"on {resource}, which {failing.resource} depends on"
    if change.actor == failing.actor:
        return SAME_ACTOR, f"made by {change.actor}, who failed, on another resource {resource}"
    return 0, f"on {resource}, which {failing.resource} has no declared relation to"


def _order(weighed: Weighed) -> tuple[bool, int, int, Id]:
    return bool(weighed.why_not), -weighed.score, -weighed.change.event_time, weighed.change.change_id


def _not(change: Change, resource: str, seconds: int, why: str) -> Weighed:
    return Weighed(change, resource, 0, seconds, (), why)


def _confidence(score: int, causes: Causes) -> tuple[Confidence, int]:
    if score >= causes.high:
        return "high", causes.high
    return ("medium", causes.medium) if score >= causes.medium else ("low", causes.low)


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
