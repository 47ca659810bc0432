"""One effects process from start to end: wiring, life, orderly stop.

Order of the end: the relay first (nothing new arrives), then the lanes (what was begun is finished and reported), then
Faust (what is done is committed), then the producer. Whatever dies by itself ends the process: a supervisor starts it
again, and the processor's asking again covers the time between.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

from processors.effects import probe, targets
from processors.effects.channels import Channel
from processors.effects.console import Console
from processors.effects.handled import Handled
from processors.effects.hands import Hands
from processors.effects.metrics import Metrics
from processors.effects.recall import recall
from processors.effects.relay import Relay
from processors.effects.secrets import Secrets, from_postgres
from processors.effects.settings import Settings
from processors.effects.targets import Targets
from processors.effects.watch import STALL_SECONDS, Watch
from processors.effects.webhook import Webhook
from processors.effects.worker import Worker
from processors.host.errors import EXIT_FATAL, EXIT_ROOM_DIED, Fatal, exit_code
from processors.host.group_reader import GroupReader
from processors.host.loading import loading
from processors.host.sender import Sender
from schemas import topology
from schemas.errors import MandateError
from schemas.record import Record
from schemas.topology import Topology

LOG = logging.getLogger(__name__)

# A supervisor waits 10 s after SIGTERM: half a second of reading, the lanes, Faust, the producer.
DRAIN_SECONDS = 5.0
FAUST_STOP_SECONDS = 2.5
FLUSH_SECONDS = 1.0
# How often the worker is looked after.
LOOK_SECONDS = 5.0
# Faust's client reads lz4 only with a further library, and dies of the first batch without it. Pages are small.
COMPRESSION = "none"
# A lane's next page waits until the last one's outcome is written: of 14 ms a page 5 were waiting for company.
LINGER_MS = 1


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then end the process: with 0, or at once with the exit code of a fatal error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("faust", "mode"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It writes 60 lines a second while a broker is away, which /healthz and the other client's log say once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(_life(settings))


async def _life(settings: Settings) -> None:
    """Ends the process itself: `asyncio.run` would wait for what does not let itself be cancelled (worker.py)."""
    try:
        await Service(settings, topology.load()).run()
    except MandateError as error:
        _die(error, exit_code(error))
    except Exception as error:
        LOG.exception("the effects service ended by a bug or a lost broker")
        _die(error, EXIT_ROOM_DIED)
    _leave(0)


def channels(settings: Settings, webhook: Webhook) -> Mapping[str, Channel]:
    """The table of channels, by the kinds of `schemas.messages.notifications.Channel`."""
    return {"console": Console(settings.console, settings.link_base), "webhook": webhook}


class Service:
    """The parts of one process. `run` once."""

    def __init__(self, settings: Settings, map_: Topology) -> None:
        self._settings = settings
        self._map = map_
        self._metrics = Metrics()
        self._watch = Watch()
        self._stop = asyncio.Event()
        self._relay: Relay | None = None
        self._worker: Worker | None = None
        self._sender: Sender | None = None
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Start everything, wait for the end, stop everything. Raises what ended it, unless that was a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with AsyncExitStack() as stack:
            if self._settings.http is not None:
                runner = await probe.start(self._settings.http, self._health, self._metrics.registry)
                stack.push_async_callback(runner.cleanup)
            await self._work(stack)
        if self._failure is not None:
            raise self._failure

    async def _work(self, stack: AsyncExitStack) -> None:
        settings, relay_spec = self._settings, self._map.relay
        sender = self._sender = Sender(
            settings.kafka,
            name=f"effects-{settings.slot}",
            security=settings.security,
            compression=COMPRESSION,
            linger_ms=LINGER_MS,
        )
        sender.start(warm=(relay_spec.target, relay_spec.reports_to))
        stack.push_async_callback(sender.close, FLUSH_SECONDS)
        # It joins its group while the rest is made ready.
        reader = GroupReader(
            settings.kafka,
            group=relay_spec.group,
            instance=f"{relay_spec.target}.relay.{settings.slot}",
            topics=(relay_spec.source,),
            security=settings.security,
        )
        webhook = Webhook(
            Secrets(from_postgres(settings.postgres)),
            Targets(targets.from_postgres(settings.postgres)),
            settings.link_base,
            rules=settings.rules,
        )
        stack.push_async_callback(webhook.close)
        handled = Handled()
        partitions = self._map.partitions(relay_spec.reports_to)
        known = await asyncio.to_thread(
            recall, settings.kafka, relay_spec.reports_to, partitions, handled, settings.security
        )
        hands = Hands(
            channels(settings, webhook),
            sender.send,
            relay_spec.reports_to,
            self._metrics,
            on_fatal=self._fail,
            handled=handled,
        )

        async def take(record: Record, done: Callable[[], None]) -> None:
            self._watch.taken(record.partition, record.offset)
            await hands.take(record, done)

        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mandate-effects-"))
        with loading():  # Faust loads most of itself when an app is made
            worker = self._worker = Worker(
                settings.kafka, relay_spec.target, settings.slot, Path(folder), take, settings.security
            )
        await worker.start()
        stack.push_async_callback(worker.stop, FAUST_STOP_SECONDS)
        stack.push_async_callback(hands.close, DRAIN_SECONDS)
        self._relay = Relay(reader, sender.send, relay_spec.target, self._metrics, self._watch)
        LOG.info("effects slot %d works on %s, %d outcomes known", settings.slot, relay_spec.target, known)
        await self._until_the_end(self._relay, worker)

    async def _until_the_end(self, relay: Relay, worker: Worker) -> None:
        relaying = asyncio.create_task(relay.run(self._stop))
        crashing = asyncio.create_task(worker.crashed())
        stopping = asyncio.create_task(self._stop.wait())
        ends = (relaying, crashing, stopping)
        while not (await asyncio.wait(ends, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
            if stalled := self._watch.stalled(worker.owns):
                self._fail(_stalled(stalled))
        if crashing.done():
            self._failure = self._failure or Fatal(
                "faust_crashed", "the Faust app", repr(crashing.result()), "The process ends and is started again."
            )
        self._stop.set()
        LOG.info("effects ends: what was begun is finished")
        crashing.cancel()
        # The relay sees the stop within half a second; its own failure is the process's.
        answer = (await asyncio.gather(relaying, return_exceptions=True))[0]
        self._failure = self._failure or answer

    def _fail(self, error: MandateError) -> None:
        self._failure = self._failure or error
        self._stop.set()

    def _health(self) -> Mapping[str, bool]:
        return {
            "relay": self._relay is not None and self._relay.alive,
            "faust": self._worker is not None and self._worker.alive,
            "producer": self._sender is not None and self._sender.fatal is None,
        }


def _stalled(partitions: tuple[int, ...]) -> Fatal:
    return Fatal(
        "faust_stalled",
        f"the Faust app on partitions {partitions}",
        f"it took nothing for {STALL_SECONDS:g} s although there was something",
        "The process ends and is started again.",
    )


def _die(error: BaseException, code: int) -> NoReturn:
    LOG.critical("effects: %s", error)
    _leave(code or EXIT_FATAL)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    logging.shutdown()
    # Neither threads of the Kafka clients nor tasks of Faust must keep a dead process alive.
    os._exit(code)
