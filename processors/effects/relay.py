"""The relay: what is due leaves the transactional topic for a plain one that Faust may read.

    notifications.events (read committed) -> pages and notices only, original bytes, key = target -> effects.requests

At-least-once: the group's position is committed after every copy has been acknowledged by all replicas, so a crash
copies a few requests again, under the same notification_id and attempt.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from processors.effects.metrics import Metrics
from processors.effects.outcomes import Send, dead_letter, insist
from processors.effects.watch import Watch
from processors.host import points
from processors.host.errors import AbortNeeded, OutcomeUnknown, Transient
from processors.host.places import Place
from processors.host.reader import Batch
from schemas import ids
from schemas.codec import Words
from schemas.errors import SchemaError
from schemas.messages.notifications import NoticeRequested, PageRequested, Request
from schemas.record import Output, Record
from schemas.topology import DEAD_LETTERS

LOG = logging.getLogger(__name__)

BATCH_RECORDS = 500
READ_SECONDS = 0.5
# A position that moved by markers and other events only is worth a commit now and then, not each time.
IDLE_COMMIT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
# The retention of effects.requests: an older request would have been thrown away there. A group that was away longer
# than the broker keeps its position (7 days too) starts at the beginning, and must not page for all of history.
HORIZON_MS = 7 * 86_400_000
# Three failed reads of half a second and their pauses; longer than that without a pass is not alive.
ALIVE_SECONDS = 30.0


class GroupReading(Protocol):
    """What the relay needs of `processors.host.group_reader.GroupReader`."""

    def read(self, limit: int, seconds: float) -> Batch: ...
    def rewind(self, batch: Batch) -> None: ...
    def commit(self, positions: dict[Place, int]) -> None: ...
    def close(self) -> None: ...


def target_key(request: Request) -> bytes:
    """Kafka key of a request: channel kind and address. One target's requests keep their order."""
    return ids.key_of(request.channel.kind, request.channel.address).encode()


class Relay:
    """Run once. The reader is used from one thread of its own, since its calls block."""

    def __init__(
        self,
        reader: GroupReading,
        send: Send,
        target: str,
        metrics: Metrics,
        watch: Watch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._send = send
        self._target = target
        self._metrics = metrics
        self._watch = watch
        self._clock = clock
        self._words = Words((PageRequested, NoticeRequested))
        self._uncommitted: dict[Place, int] = {}
        self._committed_at = time.monotonic()
        self._passed_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Did the loop come round lately?"""
        return time.monotonic() - self._passed_at < ALIVE_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Copy until `stop` is set. Raises Fatal and what is not classified."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="relay") as thread:
            try:
                while not stop.is_set():
                    self._passed_at = time.monotonic()
                    batch = Batch()
                    try:
                        batch = await loop.run_in_executor(thread, self._reader.read, BATCH_RECORDS, READ_SECONDS)
                        copied = await self._copy(batch)
                    except Transient as error:
                        LOG.warning("the relay pauses: %s", error)
                        await loop.run_in_executor(thread, self._reader.rewind, batch)
                        await _pause(stop)
                        continue
                    if copied or time.monotonic() - self._committed_at > IDLE_COMMIT_SECONDS:
                        await loop.run_in_executor(thread, self._commit)
            finally:
                await loop.run_in_executor(thread, self._reader.close)

    async def _copy(self, batch: Batch) -> int:
        outputs = [output for record in batch.records if (output := self._due(record)) is not None]
        if outputs:
            points.reached("relay.read")
        # All at once, in order: the producer is idempotent, so the log has them in this order.
        answers = await asyncio.gather(*(insist(self._send, output) for output in outputs))
        for placed in answers:
            if placed is not None and placed.topic == self._target:
                self._watch.copied(placed.partition, placed.offset)
        if None in answers:
            raise Transient(
                "relay_not_acknowledged", "copying requests", "the log did not acknowledge", "It is repeated."
            )
        if outputs:
            points.reached("relay.copied")
        self._metrics.relayed.inc(len(outputs))
        self._uncommitted |= batch.positions
        return len(outputs)

    def _due(self, record: Record) -> Output | None:
        try:
            request: Request = self._words.decode(record.value)
        except SchemaError as error:
            if error.code == "unexpected_type":
                return None
            self._metrics.skipped.labels("undecodable").inc()
            LOG.error("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            return dead_letter(DEAD_LETTERS, record, error.code, str(error))
        if self._clock() * 1000 - record.append_time > HORIZON_MS:
            self._metrics.skipped.labels("too_old").inc()
            LOG.error("a page for %s is more than 7 days old and is not sent", request.person)
            return None
        return Output(self._target, None, target_key(request), record.value, record.headers)

    def _commit(self) -> None:
        if not self._uncommitted:
            return
        try:
            self._reader.commit(dict(self._uncommitted))
            points.reached("relay.committed")
        except (AbortNeeded, OutcomeUnknown, Transient) as error:
            # The copies stand; only the position is behind. What is copied again is known by its attempt.
            LOG.warning("the relay's position was not stored: %s", error)
        self._uncommitted.clear()
        self._committed_at = time.monotonic()


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)
    except TimeoutError:
        return
