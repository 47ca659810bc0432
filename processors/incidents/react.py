"""react: what other processors' facts mean here. The outcome of a page is part of an incident's intervention times."""

from __future__ import annotations

from typing import Any

from processors.kernel.decider import Send
from schemas.ids import key_of
from schemas.messages.incidents import PageObserved
from schemas.messages.notifications import Outcome, PageDelivered, PageFailed


def react(event: Any) -> list[Send]:
    """PageDelivered and PageFailed become PageObserved; everything else means nothing here."""
    match event:
        case PageDelivered():
            return [_observed(event, "delivered")]
        case PageFailed():
            return [_observed(event, "failed" if event.outcome == "failed" else "unknown")]
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
