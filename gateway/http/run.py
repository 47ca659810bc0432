"""One gateway process: open what it needs, serve, drain, close. Called by `python -m gateway` and by tests.

Order of a start: tables, sender, pools, the tail of answers (so that no answer to our own commands is missed), then the
port. Order of a stop: the port first (requests in flight have DRAIN_S), then everything behind it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psycopg
import psycopg_pool
from aiohttp import web

from gateway.configuration.outbox import Outbox
from gateway.configuration.service import Configurations
from gateway.configuration.store import store_pool
from gateway.http.answers import Answers, Tail
from gateway.http.app import AUTO_DECOMPRESS, build
from gateway.http.budget import Budget
from gateway.http.lag import Broker, Lag, senders_wait_for
from gateway.http.limiter import Limiter
from gateway.http.limiter import reading as read_limits
from gateway.http.metrics import Metrics
from gateway.http.processes import Processes
from gateway.http.services import Services
from gateway.http.settings import Settings
from gateway.http.tokens import Lookup, Principal, Tokens
from processors.host.errors import Fatal, HostError
from processors.host.loading import calm_collector
from processors.host.places import Place
from processors.host.reader import LogReader
from processors.host.sender import Sender
from projections import migrate
from projections.postgres import reading_pool
from projections.redis_reading import reader
from projections.timeline.cold import ColdFiles
from schemas.errors import MandateError
from schemas.topology import Topology

log = logging.getLogger("gateway")

MIGRATIONS = Path(__file__).parent.parent / "migrations"
ANSWERS_TOPIC = "incidents.events"
WARM = ("actions.raw", "incidents.commands")
# Requests in flight end within 8 s (a produce within 4.5 s, a read within 5 s): the supervisor kills after 10 s.
DRAIN_S = 8.0
# A broker or database that is being restarted is back within 14 s; after that the supervisor's back-off takes over.
START_S = 20.0
AGAIN_S = 0.5
LOOK_S = 1.0
# Windows are announced anew once a day; a gateway that looks every hour is an hour late at most.
RENEW_S = 3_600.0


def milliseconds() -> int:
    """The gateway's clock: ms since 1970."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def serving(settings: Settings, topology: Topology) -> AsyncIterator[tuple[Services, int]]:
    """A gateway that serves; gives its services and its port. Raises MandateError or psycopg.Error."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(START_S):
            await asyncio.to_thread(migrate.apply, settings.postgres, MIGRATIONS, "gateway")
            services = await _open(stack, settings, topology)
        runner = web.AppRunner(
            build(services),
            access_log=None,
            shutdown_timeout=DRAIN_S,
            keepalive_timeout=30,
            auto_decompress=AUTO_DECOMPRESS,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, *settings.http)
        await site.start()
        if settings.redis:
            # After the port: its library takes as long to load as everything else takes to open.
            services.redis = await asyncio.to_thread(reader, settings.redis)
            stack.push_async_callback(services.redis.aclose)
        yield services, runner.addresses[0][1]


async def _open(stack: AsyncExitStack, settings: Settings, topology: Topology) -> Services:
    metrics = Metrics()
    sender = Sender(settings.kafka, name="gateway")
    await _patiently(lambda: sender.start(WARM))
    stack.push_async_callback(sender.close)
    store = store_pool(settings.postgres)
    await store.open(wait=True)
    stack.push_async_callback(store.close)
    reading = reading_pool(settings.postgres)
    await reading.open(wait=True)
    stack.push_async_callback(reading.close)
    answers = Answers()
    places = [Place(ANSWERS_TOPIC, p) for p in range(topology.partitions(ANSWERS_TOPIC))]
    tail = Tail(lambda: LogReader(settings.kafka, name="gateway-answers", following=True), places, answers)
    await tail.start()
    stack.push_async_callback(tail.stop)
    outbox = Outbox(settings.postgres, sender, milliseconds, metrics.outbox.set)
    configurations = Configurations(store, topology, outbox.wake, settings.webhooks)
    broker = Broker(settings.kafka, topology)
    stack.push_async_callback(asyncio.to_thread, broker.close)
    lag = Lag(broker.look, metrics, guards=senders_wait_for(topology))
    for work in (outbox.run(), lag.run(), _renew(configurations)):
        task = asyncio.create_task(work)
        stack.push_async_callback(_cancel, task)
    processes = Processes(topology, settings.processes)
    stack.push_async_callback(processes.close)
    tokens = Tokens(_lookup(configurations), settings.operator_sha256)
    limiter = Limiter(read_limits(reading), milliseconds)
    stack.push_async_callback(limiter.close)
    return Services(
        settings,
        topology,
        tokens,
        sender,
        lag,
        answers,
        configurations,
        reading,
        metrics,
        Budget(),
        milliseconds,
        processes,
        cold=ColdFiles(settings.archive) if settings.archive else None,
        limiter=limiter,
    )


def _lookup(configurations: Configurations) -> Lookup:
    async def look(digest: str) -> Principal | None:
        found = await configurations.token(digest)
        if found is None:
            return None
        return Principal(found["tenant"], found["subject"], found["kind"], tuple(found["roles"]), digest)

    return look


async def _patiently(start: Callable[[], None]) -> None:
    """Try until the broker answers; `serving`'s deadline ends it."""
    while True:
        try:
            return start()
        except HostError as error:
            log.warning("the broker does not answer yet: %s", error)
            await asyncio.sleep(AGAIN_S)


async def _renew(configurations: Configurations) -> None:
    """Announce the next times of maintenance windows and freezes: at the start, and as the days go by."""
    while True:
        try:
            await configurations.renew()
        except (MandateError, psycopg.Error, psycopg_pool.PoolTimeout, OSError) as error:
            # The announced times reach weeks ahead: the next hour is early enough.
            log.warning("calendars are not announced anew: %s: %s", type(error).__name__, error)
        await asyncio.sleep(RENEW_S)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def run(settings: Settings, topology: Topology) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises Fatal when only a new process helps."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings, topology) as (services, port):
        calm_collector()
        log.info("serving on %s:%d", settings.http[0], port)
        while not stop.is_set():
            # A fenced or broken producer answers 503 for ever: a new process is the only cure.
            if services.sender.fatal is not None:
                raise Fatal("sender_lost", "sending", services.sender.fatal, "The process ends and is started again.")
            if not services.answers.alive:
                raise Fatal("answers_lost", "hearing answers", "its thread died", "The log has the bug's traceback.")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
        log.info("stopping: no new connections, %d s for what is in flight", int(DRAIN_S))
