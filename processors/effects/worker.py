"""The Faust app on the plain topic `effects.requests`: it gives each record to `Hands.take` and commits what is done.

The settings are those that were measured on a real broker; each line matters. Faust never reads a transactional topic
(its consumer takes aborted records for real). Acknowledgements are manual: a record counts as done when its outcome has
been reported, so a crash gives what was in flight to the next process. Correctness does not depend on it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust
from faust.tables import TableManager

from processors.host.client import Security
from processors.host.errors import Fatal
from schemas.record import Headers, Record

LOG = logging.getLogger(__name__)

Take = Callable[[Record, Callable[[], None]], Awaitable[None]]

# As long as Faust itself waits before it subscribes, looked at every hundredth of it.
SUBSCRIBED_SECONDS = 1.0
SUBSCRIBED_LOOKS = 100


class NoTables(TableManager):  # type: ignore[misc]  # Faust is untyped
    """Faust's keeper of tables for an app that has none: it begins when the agent has named its topic.

    The original sleeps a second at each start, so that agents and tables can be declared before the one subscription.
    Ours are declared before the start; only the agent's own task has to run first, or Faust would subscribe to nothing
    and look again after 45 s. So that is what is waited for, at most as long as before.
    """

    # Without it the service's base class takes this module's, and says each start and stop there.
    logger = logging.getLogger("faust.tables")

    async def on_start(self) -> None:
        """Wait for the agent's topic, then let the consumer subscribe."""
        for _ in range(SUBSCRIBED_LOOKS):
            if self.should_stop or len(self.app.topics):
                break
            await self.sleep(SUBSCRIBED_SECONDS / SUBSCRIBED_LOOKS)
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class Worker:
    """One embedded Faust app. `slot` makes its membership static: a restart takes its partitions back at once."""

    def __init__(
        self, bootstrap: str, topic: str, slot: int, datadir: Path, take: Take, security: Security | None = None
    ) -> None:
        self._take = take
        self._app: Any = faust.App(
            topic,
            broker=[f"kafka://{address}" for address in bootstrap.split(",")],
            broker_credentials=credentials(security or {}),
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=f"{topic}.{slot}",
            broker_commit_interval=1.0,
            broker_session_timeout=10,
            broker_heartbeat_interval=3,
            broker_rebalance_timeout=20,
            broker_request_timeout=30,
            producer_acks=-1,
            processing_guarantee="at_least_once",
            worker_redirect_stdouts=False,
            datadir=datadir,
            TableManager=NoTables,
        )
        source = self._app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        self._app.agent(source, name="requests")(self._consume)

    async def start(self) -> None:
        """Join the group and begin. Raises what Faust raises when the broker does not answer."""
        self._app.finalize()
        await self._app.start()

    async def crashed(self) -> BaseException | None:
        """Wait until the app has crashed; gives the reason where it has one."""
        await self._app._crashed.wait()
        reason: BaseException | None = self._app._crash_reason
        return reason

    @property
    def alive(self) -> bool:
        """Started, not crashed, not stopping."""
        return bool(self._app.started and not self._app.should_stop and not self._app._crashed.is_set())

    def owns(self, partition: int) -> bool:
        """Is this partition of the topic assigned to this slot now?"""
        return any(found.partition == partition for found in self._app.consumer.assignment())

    async def stop(self, seconds: float) -> None:
        """Commit what is done and leave; given up after `seconds` (what is not committed is delivered again).

        Faust waits for records that are still in hand, without an end, and takes a cancellation for a reason to look
        again: the task is left to itself then, and dies with the process.
        """
        stopping = asyncio.create_task(self._app.stop())
        done, _ = await asyncio.wait((stopping,), timeout=seconds)
        if not done:
            LOG.warning("Faust did not stop within %s s", seconds)
        elif stopping.cancelled():
            LOG.warning("Faust stopped by a cancellation of its own")
        elif (error := stopping.exception()) is not None:
            LOG.warning("Faust stopped with %r", error)

    async def _consume(self, stream: Any) -> None:
        async for event in stream.noack().events():
            record = record_of(event.message)
            try:
                await self._take(record, event.ack)
            except Exception:
                # An exception here would end the agent and count the record as done.
                LOG.exception("%s[%d]@%d could not be taken", record.topic, record.partition, record.offset)


def credentials(security: Security) -> Any:
    """The other client's security settings as Faust takes them; None for a broker without. Raises Fatal."""
    protocol = security.get("security.protocol", "PLAINTEXT").upper()
    if protocol == "PLAINTEXT":
        return None
    if protocol not in ("SSL", "SASL_SSL", "SASL_PLAINTEXT"):
        raise Fatal("setting_invalid", "MANDATE_KAFKA_PROTOCOL", f"{protocol!r} is none", "Use SASL_SSL, say.")
    context = ssl.create_default_context(cafile=security.get("ssl.ca.location")) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        mechanism=security.get("sasl.mechanism", "PLAIN"),
        username=security.get("sasl.username"),
        password=security.get("sasl.password"),
        ssl_context=context,
    )


def record_of(message: Any) -> Record:
    """A message of Faust as a Record. Its time is the broker's append time in seconds."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        append_time=round((message.timestamp or 0) * 1000),
        key=message.key,
        value=message.value,
        headers=_headers(message.headers),
    )


def _headers(found: Any) -> Headers:
    pairs = found.items() if hasattr(found, "items") else found or ()
    return tuple((name, value or b"") for name, value in pairs)
