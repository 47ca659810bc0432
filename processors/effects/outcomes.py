"""The way back: each outcome as a command to the notifications processor, idempotent by (notification_id, attempt)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256

from processors.effects.channels import Verdict
from processors.effects.page import cut
from processors.host.errors import HostError, SendBusy, SendFailed, TooLarge, Transient
from processors.host.places import Placed
from schemas import codec, envelope, ids
from schemas.ids import Id
from schemas.messages.kernel import DeadLetter
from schemas.messages.notifications import PageRequested, ReportOutcome
from schemas.record import Output, Record

LOG = logging.getLogger(__name__)
SOURCE = "effects"
# Three sends of at most 4.5 s each: after that the processor asks again anyway (10 s).
TRIES = 3
PAUSE_SECONDS = 0.2

Send = Callable[[Output], Awaitable[Placed]]


def command(topic: str, request: PageRequested, verdict: Verdict, cause: Id | None, now_ms: int) -> Output:
    """The record that reports `verdict` of one attempt. The same attempt always has the same command id."""
    command_id = ids.derive("outcome", request.notification_id, request.attempt)
    message = ReportOutcome(
        tenant=request.tenant,
        incident_id=request.incident_id,
        notification_id=request.notification_id,
        attempt=request.attempt,
        outcome=verdict.outcome,
        detail=cut(verdict.detail),
    )
    key = ids.key_of(request.tenant)
    headers = envelope.headers_of(
        command_id, "ReportOutcome", SOURCE, key, now_ms, cause=cause, correlation=request.incident_id
    )
    return Output(topic, None, key.encode(), codec.encode(message), headers)


def dead_letter(topic: str, record: Record, code: str, detail: str) -> Output:
    """The dead letter of a record that cannot be read, with its coordinates and original bytes."""
    original = record.value or b""
    message = DeadLetter(
        room=SOURCE,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
        code=code,
        detail=cut(detail),
        key=record.key,
        original=record.value,
        original_hash=sha256(original).hexdigest(),
        original_length=len(original),
        headers=dict(record.headers),
    )
    letter_id = ids.derive("dead", record.topic, record.partition, record.offset)
    headers = envelope.headers_of(letter_id, "DeadLetter", SOURCE, record.topic, record.append_time)
    return Output(topic, None, record.key, codec.encode(message), headers)


class Reporter:
    """Sends outcomes with `acks=all`. A report that cannot be sent is given up: the processor asks again."""

    def __init__(self, send: Send, topic: str, clock: Callable[[], float] = time.time) -> None:
        self._send = send
        self._topic = topic
        self._clock = clock

    async def report(self, request: PageRequested, verdict: Verdict, cause: Id | None) -> bool:
        """True when the log has acknowledged it. Raises HostError (Fatal) when nothing can ever be sent again."""
        output = command(self._topic, request, verdict, cause, int(self._clock() * 1000))
        return await insist(self._send, output) is not None


async def insist(send: Send, output: Output) -> Placed | None:
    """Send with a few tries; where it was written, or None when none was acknowledged. Raises Fatal.

    A record that is larger than its topic takes is logged and counts as sent, at offset -1: no repeat makes it smaller.
    """
    failure: HostError | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        try:
            return await send(output)
        except TooLarge as error:
            LOG.error("a record for %s is lost: %s", output.topic, error)
            return Placed(output.topic, 0, -1)
        except (SendBusy, SendFailed, Transient) as error:
            failure = error
    LOG.error("a record for %s was given up after %d tries: %s", output.topic, TRIES, failure)
    return None
