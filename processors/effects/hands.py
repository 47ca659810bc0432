"""One request from bytes to reported outcome: read, put in its target's lane, send once, remember, report.

Called by worker.py for every record of `effects.requests`. Whatever goes wrong with one request becomes an outcome or a
dead letter; only a log that can never be written again is fatal.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from processors.effects.channels import LEAST_SECONDS, SEND_SECONDS, Channel, Verdict
from processors.effects.handled import Handled
from processors.effects.lanes import Job, Lanes, Limits
from processors.effects.metrics import Metrics
from processors.effects.outcomes import Reporter, Send, dead_letter, insist
from processors.host import points
from processors.host.errors import HostError
from schemas import envelope
from schemas.codec import Words
from schemas.errors import SchemaError
from schemas.messages.notifications import NoticeRequested, PageRequested, Request
from schemas.record import Record
from schemas.topology import DEAD_LETTERS

LOG = logging.getLogger(__name__)


class Hands:
    """`take` a record, some time later its `done` is called. Raises nothing but what `send` says is fatal."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        send: Send,
        reports_to: str,
        metrics: Metrics,
        *,
        on_fatal: Callable[[HostError], None],
        handled: Handled | None = None,
        limits: Limits | None = None,
        seconds: float = SEND_SECONDS,
        least_seconds: float = LEAST_SECONDS,
    ) -> None:
        self._channels = channels
        self._send = send
        self._reporter = Reporter(send, reports_to)
        self._metrics = metrics
        self._on_fatal = on_fatal
        self._seconds = seconds
        self._least_seconds = least_seconds
        self._words = Words((PageRequested, NoticeRequested))
        self._handled = handled or Handled()
        self._closing = False
        self.lanes = Lanes(self._perform, limits)
        metrics.in_flight.set_function(lambda: self.lanes.count)
        metrics.waiting.set_function(lambda: self.lanes.waiting)

    async def take(self, record: Record, done: Callable[[], None]) -> None:
        """Take up one record. While closing it is left alone: its offset stays, and the next process takes it."""
        if self._closing:
            return
        try:
            request: Request = self._words.decode(record.value)
        except SchemaError as error:
            self._metrics.skipped.labels("undecodable").inc()
            LOG.error("%s[%d]@%d is no request: %s", record.topic, record.partition, record.offset, error)
            if await self._insist(record, error):
                done()
            return
        kind = request.channel.kind
        self._metrics.requests.labels(kind if kind in self._channels else "other").inc()
        deadline = asyncio.get_running_loop().time() + self._seconds
        job = Job(request, envelope.record_id(record), deadline, done)
        reason = self.lanes.offer(job)
        points.reached("effects.taken")
        if reason is not None:
            self._metrics.refused.inc()
            await self._report(job, Verdict("failed", f"not sent: {reason}"))

    async def close(self, seconds: float) -> int:
        """Take nothing more, finish what was taken up; gives the number of lanes that did not end in time."""
        self._closing = True
        return await self.lanes.drain(seconds)

    async def _perform(self, job: Job) -> None:
        request = job.request
        verdict = self._handled.verdict(request.notification_id, request.attempt)
        if verdict is None:
            verdict = await self._attempt(job)
            points.reached("effects.sent")
            self._handled.remember(request.notification_id, request.attempt, verdict)
        else:
            self._metrics.repeated.inc()
        await self._report(job, verdict)

    async def _attempt(self, job: Job) -> Verdict:
        channel = self._channels.get(job.request.channel.kind)
        if channel is None:
            return Verdict("failed", f"not sent: no channel of kind {job.request.channel.kind}")
        if job.deadline - asyncio.get_running_loop().time() < self._least_seconds:
            return Verdict("failed", "not sent: the target was busy with earlier pages")
        try:
            async with asyncio.timeout_at(job.deadline):
                return await channel.send(job.request)
        except TimeoutError:
            return Verdict("unknown", f"no answer within {self._seconds:g} s")
        except Exception as error:
            LOG.exception("channel %s raised", job.request.channel.kind)
            return Verdict("failed", f"not sent: {type(error).__name__}")

    async def _report(self, job: Job, verdict: Verdict) -> None:
        try:
            # Nobody waits for what becomes of a notice: the next one tells more.
            if isinstance(job.request, NoticeRequested) or await self._reporter.report(job.request, verdict, job.cause):
                self._metrics.finished(job.request, verdict, int(time.time() * 1000))
            else:
                self._metrics.unreported.inc()
        except HostError as error:
            self._on_fatal(error)
            return
        points.reached("effects.reported")
        job.done()
        points.reached("effects.done")

    async def _insist(self, record: Record, error: SchemaError) -> bool:
        try:
            placed = await insist(self._send, dead_letter(DEAD_LETTERS, record, error.code, str(error)))
        except HostError as fatal:
            self._on_fatal(fatal)
            return False
        return placed is not None
