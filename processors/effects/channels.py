"""What a channel is: something that takes a page and says what became of it.

The table kind → channel is written down in service.py (`channels`); a test holds it against the kinds of the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from schemas.messages.notifications import Outcome, Request

# The processor waits 10 s for an outcome before it asks again: 8 s for the target leave 2 s for both topics.
SEND_SECONDS = 8.0
# A send that waited in line is begun only with this much left: cut off in its middle it would be `unknown` for nothing.
LEAST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one attempt. `unknown`: the target may have acted on it. `detail` is one line without secrets."""

    outcome: Outcome
    detail: str


class Channel(Protocol):
    """One way to reach a person."""

    async def send(self, request: Request) -> Verdict:
        """Send one attempt, idempotent by notification_id at the target.

        The caller bounds the time and cancels; a channel that had begun to send is then `unknown`. Anything raised
        counts as `failed`.
        """
        ...
