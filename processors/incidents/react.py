"""react: what other processors' facts mean here. The outcome of a page is part of an incident's intervention times, an
exhausted policy is no response, and an RML case is a gate.
"""

from __future__ import annotations

from typing import Any

from processors.kernel.decider import Send
from schemas.ids import key_of
from schemas.messages.incidents import CaseObserved, NoResponseObserved, PageObserved
from schemas.messages.notifications import EscalationExhausted, Outcome, PageDelivered, PageFailed
from schemas.messages.rml import CaseOpened


def react(event: Any) -> list[Send]:
    """Pages become PageObserved, an exhausted policy NoResponseObserved, a case CaseObserved; all else nothing."""
    match event:
        case PageDelivered():
            return [_observed(event, "delivered")]
        case PageFailed():
            return [_observed(event, "failed" if event.outcome == "failed" else "unknown")]
        case EscalationExhausted():
            told = NoResponseObserved(event.tenant, event.incident_id, event.policy, event.rounds, event.at)
            return [Send(key_of(event.tenant), told)]
        case CaseOpened():
            return [Send(key_of(event.tenant), _case(event))]
        case _:
            return []


def _observed(event: PageDelivered | PageFailed, outcome: Outcome) -> Send:
    return Send(
        key_of(event.tenant),
        PageObserved(
            tenant=event.tenant,
            incident_id=event.incident_id,
            notification_id=event.notification_id,
            person=event.person,
            channel=event.channel.kind,
            outcome=outcome,
            at=event.at,
        ),
    )


def _case(event: CaseOpened) -> CaseObserved:
    return CaseObserved(
        tenant=event.tenant,
        case_id=event.case_id,
        number=event.number,
        world=event.world,
        resource=event.resource,
        action_id=event.action_id,
        event_time=event.event_time,
        at=event.at,
    )
