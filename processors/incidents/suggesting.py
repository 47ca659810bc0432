"""decide, for suggestions: what may be an incident, and what people make of it.

Both kinds are opted into per resource (`triggers`: `pattern`, `anomaly`). A pattern is one of two things that were seen
before a resolved incident of the last 30 days: the same error on the same resource, that heals again and again
(`suggestions.healed` times within `healed_window_s`), or a change of the kind and on the resource that was its likely
cause, or the best candidate for it. An anomaly is an actor that does far more than it ever did (`ActorUnusual`).
Nothing is learned here: how often a pattern was accepted or dismissed is counted in the read model only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from processors.incidents import told
from processors.incidents.events import HealingCounted, PartForgotten
from processors.incidents.finding import open_on
from processors.incidents.measures import (
    EVIDENCE_MAX,
    SUGGESTIONS_OPEN_MAX,
    SUPPORTS_MAX,
    Caused,
    Healing,
    Suggested,
    Suggestion,
    Suggestions,
    caused_part,
    healing_part,
    suggested_part,
    suggestion_part,
    suggestions_part,
)
from processors.incidents.rules import KEEP_MS, RESOURCE_CHARACTERS, SAMPLE_CHARACTERS, TITLE_CHARACTERS, clip
from processors.incidents.state import Incident, changes_part, incident_part, problem_id, problem_part
from processors.incidents.triggers import switched_on
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, TimerDue, View
from schemas.ids import Id, child_id, key_of, unescape
from schemas.incident_rules import OVER, Incidents
from schemas.messages.incidents import (
    AcceptSuggestion,
    ChangeRecorded,
    CommandRefused,
    Confidence,
    DismissSuggestion,
    FailureHealed,
    IncidentSuggested,
    SuggestionAccepted,
    SuggestionDismissed,
    SuggestionExpired,
    SuggestionKind,
    SuggestionSupported,
)
from schemas.messages.incidents.flooding import ActorUnusual

Wish = AcceptSuggestion | DismissSuggestion


@dataclass(frozen=True, slots=True)
class _Idea:
    """What is to be suggested."""

    tenant: str
    kind: SuggestionKind
    confidence: Confidence
    resource: str
    title: str
    pattern: str
    actor: str | None
    past: Incident | None
    reasons: tuple[str, ...]
    evidence: tuple[Id, ...]
    event_time: int


def noticed(command: Command, decision: Decision, view: View) -> Decision:
    """The decision, with the suggestion that its message gives rise to."""
    if isinstance(command.message, FailureHealed):
        return _also(decision, _healed(command, command.message, view))
    if isinstance(command.message, ActorUnusual):
        return _also(decision, _unusual(command, command.message, view))
    for event in decision.events:
        if isinstance(event.message, ChangeRecorded):
            return _also(decision, _changed(command, event.message, view))
    return decision


def _also(one: Decision, other: Decision) -> Decision:
    return Decision(
        (*one.events, *other.events), (*one.timers, *other.timers), (*one.reasons, *other.reasons), one.answer
    )


# --- what is noticed ----------------------------------------------------------------------------------------------


def _healed(command: Command, healed: FailureHealed, view: View) -> Decision:
    if not switched_on(view, healed.tenant, "pattern", healed.resource):
        return Decision()
    key = key_of(healed.tenant)
    rules = cast(Incidents, view.config(healed.tenant, "incidents")).suggestions
    part = healing_part(key, healed.resource, healed.fingerprint)
    before: Healing | None = view.get(part)
    window_ms = rules.healed_window_s * 1000
    fresh = before is None or command.now - before.since >= window_ms
    since = command.now if fresh or before is None else before.since
    count = 1 if fresh or before is None else before.count + 1
    evidence = (*(() if fresh or before is None else before.evidence), healed.action_id)[-EVIDENCE_MAX:]
    counted = Decision(
        (Event(key, HealingCounted(part, Healing(since, count, evidence))),),
        (SetTimer(part, "forget", since + window_ms),) if fresh else (),
        ("healing_counted",),
    )
    past = _past(view, key, healed.resource, healed.fingerprint)
    if count < rules.healed or past is None:
        return counted
    failures = "failure" if count == 1 else "failures"
    idea = _Idea(
        healed.tenant,
        "pattern",
        "medium",
        healed.resource,
        f"{past.error_type or 'An error'} heals again and again on {healed.resource}, as before INC-{past.number}",
        f"healed {healed.fingerprint}",
        healed.actor,
        past,
        (
            f"{count} {failures} of this error healed within {rules.healed_window_s} s, at least {rules.healed}",
            f"INC-{past.number} was this error on {healed.resource}",
        ),
        evidence,
        healed.event_time,
    )
    return _also(counted, _suggested(command, idea, view))


def _past(view: View, key: str, resource: str, fingerprint: str) -> Incident | None:
    """The newest incident of this error on this resource that is over."""
    listed = view.get(problem_part(key, problem_id(resource, fingerprint, False)))
    for incident_id in reversed(listed.incidents if listed is not None else ()):
        incident: Incident | None = view.get(incident_part(key, incident_id))
        if incident is not None and incident.state in OVER:
            return incident
    return None


def _changed(command: Command, change: ChangeRecorded, view: View) -> Decision:
    if not switched_on(view, change.tenant, "pattern", change.resource):
        return Decision()
    key = key_of(change.tenant)
    caused: Caused | None = view.get(caused_part(changes_part(key, change.resource)))
    for one in reversed(caused.causes if caused is not None else ()):
        past: Incident | None = view.get(incident_part(key, one.incident_id))
        if past is None or past.state not in OVER or past.cause_id != one.change_id or one.kind != change.kind:
            continue
        idea = _Idea(
            change.tenant,
            "pattern",
            "medium",
            change.resource,
            f"A {change.kind} on {change.resource}, as before INC-{past.number}",
            f"change {change.kind}",
            change.actor,
            past,
            (
                f"a {change.kind} on {change.resource} explained INC-{past.number} best"
                f" ({past.cause_confidence or 'no'} confidence)",
                f"{change.actor} made another one",
            ),
            (change.change_id,),
            change.event_time,
        )
        return _suggested(command, idea, view)
    return Decision()


def _unusual(command: Command, fact: ActorUnusual, view: View) -> Decision:
    """An actor does far more than it ever did: a suggestion of low confidence, where that is opted into."""
    where = fact.resource or fact.actor
    if not switched_on(view, fact.tenant, "anomaly", where):
        return Decision()
    actor = clip(fact.actor, TITLE_CHARACTERS // 2)
    seen = f"{fact.count} actions of kind {fact.kind} within {fact.window_s} s, at least {fact.limit}"
    normal = f"never more than {fact.normal} in any of its last {fact.windows} active windows"
    idea = _Idea(
        fact.tenant,
        "anomaly",
        "low",
        where,
        f"{actor} does far more {clip(fact.kind, 40)} than it ever did",
        f"actor {actor}",
        fact.actor,
        None,
        (seen, normal),
        (fact.action_id,),
        fact.since,
    )
    return _suggested(command, idea, view)


def _suggested(command: Command, idea: _Idea, view: View) -> Decision:
    """A new suggestion, one more support of the open one, or the reason why neither."""
    key = key_of(idea.tenant)
    resource = clip(idea.resource, RESOURCE_CHARACTERS)
    last: Suggested | None = view.get(suggested_part(key, idea.kind, idea.pattern, resource))
    known: Suggestion | None = view.get(suggestion_part(key, last.suggestion_id)) if last is not None else None
    rules = cast(Incidents, view.config(idea.tenant, "incidents")).suggestions
    if known is not None and known.state == "open":
        if known.times >= SUPPORTS_MAX:
            return Decision(reasons=("suggestion_supported_enough",))
        supported = SuggestionSupported(
            tenant=idea.tenant,
            suggestion_id=known.suggestion_id,
            number=known.number,
            times=known.times + 1,
            reason=idea.reasons[0],
            evidence=idea.evidence[-1],
            at=command.now,
        )
        return Decision((Event(key, supported),), reasons=("suggestion_supported",))
    dismissed_at = known.decided_at if known is not None and known.state == "dismissed" else None
    if dismissed_at is not None and command.now - dismissed_at < rules.quiet_s * 1000:
        return Decision(reasons=("suggestion_quiet",))
    if open_on(view, key, resource):
        return Decision(reasons=("suggestion_of_open_incident",))
    counters: Suggestions = view.get(suggestions_part(key)) or Suggestions()
    if counters.open >= SUGGESTIONS_OPEN_MAX:
        return Decision(reasons=("suggestions_full",))
    expires_at = command.now + rules.expires_s * 1000
    suggested = IncidentSuggested(
        tenant=idea.tenant,
        suggestion_id=child_id(command.id, "incidents.Suggestion", key, 0),
        number=counters.number + 1,
        kind=idea.kind,
        confidence=idea.confidence,
        resource=resource,
        title=clip(idea.title, TITLE_CHARACTERS),
        pattern=clip(idea.pattern, TITLE_CHARACTERS),
        actor=idea.actor,
        past_incident_id=idea.past.incident_id if idea.past is not None else None,
        past_number=idea.past.number if idea.past is not None else None,
        reasons=tuple(clip(reason, SAMPLE_CHARACTERS) for reason in idea.reasons),
        evidence=idea.evidence,
        event_time=idea.event_time,
        expires_at=expires_at,
        at=command.now,
    )
    part = suggestion_part(key, suggested.suggestion_id)
    return Decision((Event(key, suggested),), (SetTimer(part, "expire", expires_at),), ("suggested",))


# --- what people make of it ---------------------------------------------------------------------------------------


def decided(command: Command, wish: Wish, view: View) -> Decision:
    """A person accepts or dismisses a suggestion."""
    key = key_of(wish.tenant)
    part = suggestion_part(key, wish.suggestion_id)
    suggestion: Suggestion | None = view.get(part)
    if suggestion is None:
        why = "no suggestion has this id; it never existed, or it was decided more than 30 days ago"
        return _refuse(command, wish, "suggestion_unknown", why, "See `mandate suggestions list`.")
    if suggestion.state != "open":
        why = f"SUG-{suggestion.number} is {suggestion.state} already"
        return _refuse(command, wish, "suggestion_decided", why, "Report the problem instead, if there is one.")
    timers = (CancelTimer(part, "expire"), SetTimer(part, "forget", command.now + KEEP_MS))
    if isinstance(wish, DismissSuggestion):
        no = SuggestionDismissed(
            wish.tenant, wish.suggestion_id, suggestion.number, wish.subject, wish.reason, command.now
        )
        return Decision((Event(key, no),), timers, ("suggestion_dismissed",), answer="accepted")
    sign = told.Sign(
        tenant=wish.tenant,
        trigger="suggestion",
        id=wish.suggestion_id,
        resource=suggestion.resource,
        title=suggestion.title,
        text="; ".join(suggestion.reasons),
        by=wish.subject,
        error_type="Suggestion",
        severity=None,
        since=min(suggestion.event_time, command.now),
        confidence=suggestion.confidence,
    )
    found = told.found(command, sign, view)
    yes = SuggestionAccepted(
        tenant=wish.tenant,
        suggestion_id=wish.suggestion_id,
        suggestion=suggestion.number,
        incident_id=found.incident_id,
        number=found.number,
        kind=suggestion.kind,
        confidence=suggestion.confidence,
        resource=suggestion.resource,
        title=suggestion.title,
        pattern=suggestion.pattern,
        subject=wish.subject,
        note=wish.note,
        opened=found.incident is None,
        reasons=(*suggestion.reasons, found.why),
        evidence=suggestion.evidence,
        at=command.now,
    )
    return Decision((*found.opening, Event(key, yes)), timers, ("suggestion_accepted",), answer="accepted")


def _refuse(
    command: Command, wish: Wish, code: Literal["suggestion_unknown", "suggestion_decided"], why: str, remedy: str
) -> Decision:
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=wish.suggestion_id,
        command=type(wish).__name__,
        code=code,
        why=why,
        remedy=remedy,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=(code,), answer=code)


def expired(command: Command, timer: TimerDue, view: View) -> Decision:
    """Nobody decided in time."""
    key = timer.part.split("/", 1)[0]
    suggestion = cast(Suggestion, view.get(timer.part))
    over = SuggestionExpired(unescape(key), suggestion.suggestion_id, suggestion.number, command.now)
    forget = SetTimer(timer.part, "forget", command.now + KEEP_MS)
    return Decision((Event(key, over),), (forget,), ("suggestion_expired",))


def forgotten(command: Command, timer: TimerDue, view: View) -> Decision:
    """What is kept for a while only is over."""
    key = timer.part.split("/", 1)[0]
    return Decision((Event(key, PartForgotten(timer.part)),), reasons=("part_forgotten",))


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {
    AcceptSuggestion: decided,
    DismissSuggestion: decided,
}
TIMERS: Mapping[str, Callable[[Command, Any, View], Decision]] = {"expire": expired}
