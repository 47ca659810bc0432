"""Pure: one plain English sentence per event of notifications.events."""

from __future__ import annotations

from typing import Any

from schemas.messages import notifications as said

_WHY = {
    "opened": "the incident opened",
    "severity_raised": "the severity was raised",
    "escalation_exhausted": "nobody acknowledged",
}
_NEXT = {
    "ask_again": "it is asked for again",
    "next_channel": "the next channel is tried",
    "next_step": "the next person is paged",
    "given_up": "nothing further is tried for this page",
}
_OUTCOMES = {"failed": "failed", "unknown": "has an unknown outcome", "no_outcome": "had no outcome in time"}


def sentence(event: Any) -> str:
    """What happened. Total over the stream's events."""
    match event:
        case said.EscalationStarted():
            why = _WHY.get(event.why, event.why)
            return f"Paging by policy {event.policy} began because {why} ({event.policy_reason.rstrip('.')})."
        case said.PageRequested():
            return _requested(event)
        case said.PageDelivered():
            return f"{event.person}'s {event.channel.kind} took the page."
        case said.PageFailed():
            detail = f" ({event.detail.rstrip('.')})" if event.detail else ""
            outcome = _OUTCOMES[event.outcome]
            return f"The page to {event.person}'s {event.channel.kind} {outcome}{detail}; {_NEXT[event.next]}."
        case said.EscalationStopped():
            if event.reason == "acknowledged":
                return f"Paging stopped: {event.by} acknowledged it."
            # Resolved, a false alarm or merged: for whoever is paged it is over.
            return f"Paging of INC-{event.number} stopped: it is over, by {event.by}."
        case said.EscalationExhausted():
            return f"{_exhausted(event)}: {event.fallback}, the fallback contact, is paged."
        case said.NoticeRequested():
            return f"{event.person} is told by {event.channel.kind}: {event.text.rstrip('.')}."
    raise AssertionError(f"no sentence for {type(event).__name__}")


def _requested(event: said.PageRequested) -> str:
    if event.attempt > 1:
        return f"{event.person} is paged again by {event.channel.kind} (attempt {event.attempt})."
    place = f"step {event.step} of {event.steps}, round {event.round} of {event.rounds}"
    also = f"; also paged: {', '.join(event.also_paged)}" if event.also_paged else ""
    if event.why == "escalation_exhausted":
        return f"{event.person} is paged by {event.channel.kind} as the fallback contact{also}."
    return f"{event.person} is paged by {event.channel.kind} ({place}{also})."


def _exhausted(event: said.EscalationExhausted) -> str:
    if not event.policy:
        return "There is no escalation policy"
    return f"Nobody acknowledged in {event.rounds} round{'' if event.rounds == 1 else 's'} of policy {event.policy}"


def speaker(event: Any) -> str | None:
    """The person it is about, or None."""
    match event:
        case said.PageRequested() | said.PageDelivered() | said.PageFailed() | said.NoticeRequested():
            return str(event.person)
        case said.EscalationStopped():
            return event.by
        case said.EscalationExhausted():
            return event.fallback
    return None
