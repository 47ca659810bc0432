"""Playing the story: sets the stage, lets everybody act at the same time, and draws up the accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from gateway.cli.client import Client
from gateway.client import AsyncClient, Policy, Receipt
from gateway.demo import alerts, shop, story
from gateway.demo.accounts import Accepted, Accounts, settle
from gateway.demo.agents import Book, Stage, perform
from gateway.demo.errors import StoryError
from gateway.demo.leftovers import Leftovers
from gateway.demo.narrator import RED, Narrator
from gateway.demo.outcome import Outcome
from gateway.demo.pager import Pager
from gateway.demo.people import People
from gateway.demo.scenes import SCENE_SECONDS, Scenes, forever
from gateway.demo.setup import Tenant, configure
from gateway.demo.waiting import until
from gateway.demo.watch import Watch
from processors.host.sender import Sender
from schemas.record import Output

# The whole story on an idle machine takes 45 s; with every process killed once, two to three minutes.
STORY_SECONDS = 300.0
# A read model lags by well under a second; after a kill it is restarted within seconds.
ACCOUNTS_SECONDS = 60.0
LEFTOVERS_EVERY_S = 0.3
# The stock producer's own patience: it retries inside, so that its ten bytes are written once, or not at all.
RUBBISH_MS = 60_000
# Twelve agents end one after the other; all that they said has its receipt, unless the story was broken off.
AGENTS = Policy(flush_s=1.0)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the story is played. `last` is the tenant of the run before; `reader`: a person may press
    Enter."""

    url: str
    kafka: str
    operator_token: str
    seed: int
    last: str | None
    reader: bool


async def play(
    setting: Setting,
    tell: Narrator,
    record: Callable[[Sequence[Receipt]], None],
    on_tenant: Callable[[Tenant], None],
) -> Outcome:
    """The whole run. `record` gets receipts, `on_tenant` the tenant before the story begins.

    Raises StoryError, ClientError, HostError; what went otherwise than written is in the outcome, not raised.
    """
    async with AsyncExitStack() as stack:
        pager = Pager()
        await pager.start()
        stack.push_async_callback(pager.stop)
        async with Client(setting.url, setting.operator_token) as operator:
            await operator.knock()
            tenant = await configure(operator, pager.url, setting.last)
        pager.secret = tenant.webhook_secret
        on_tenant(tenant)
        tell.heading(tenant.name, setting.seed, setting.url, tenant.tokens[shop.BOB])
        left = Leftovers(setting.kafka, tenant.name)
        await asyncio.to_thread(left.begin)
        bob = await stack.enter_async_context(Client(setting.url, tenant.tokens[shop.BOB]))
        # A story that is broken off is not continued, so what its agents kept goes with it.
        spill = stack.enter_context(TemporaryDirectory(prefix="mandate-demo-"))
        alertmanager = await stack.enter_async_context(Client(setting.url, tenant.tokens[shop.ALERTMANAGER]))
        agents = {
            name: await stack.enter_async_context(
                AsyncClient(setting.url, tenant.tokens[name], actor=name, spill=spill, policy=AGENTS)
            )
            for name in shop.SENDERS
        }
        book = Book(record)
        script = story.write(tenant.name, setting.seed)
        stage = Stage()
        tell.clock = lambda: stage.seconds
        reading = asyncio.create_task(forever(lambda: asyncio.to_thread(left.poll), LEFTOVERS_EVERY_S))
        try:
            await _perform(script, stage, Watch(bob), pager, left, book, bob, alertmanager, agents, tell, setting)
            return await _account(script, stage, Watch(bob), left, book, reading)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.to_thread(left.close)


async def _perform(
    script: story.Story,
    stage: Stage,
    watch: Watch,
    pager: Pager,
    left: Leftovers,
    book: Book,
    bob: Client,
    alertmanager: Client,
    agents: dict[str, AsyncClient],
    tell: Narrator,
    setting: Setting,
) -> None:
    """Everybody at the same time; the first who fails ends the story."""
    people = People(stage, pager, watch, bob, tell, len(script.failing), setting.reader)
    try:
        async with asyncio.timeout(STORY_SECONDS), asyncio.TaskGroup() as group:
            for name, client in agents.items():
                group.create_task(perform(script.beats[name], client, stage, book))
            group.create_task(people.play())
            group.create_task(Scenes(script, stage, watch, left, tell).play())
            group.create_task(_alert(stage, alertmanager))
            group.create_task(_rubbish(script, stage, left, book, tell, setting.kafka))
    except TimeoutError as error:
        raise StoryError(
            "story_late",
            "the story",
            f"it is not over after {STORY_SECONDS:.0f} s",
            "See what is unhealthy: mandate status; then play again: mandate demo.",
        ) from error
    except ExceptionGroup as group_error:
        raise _first(group_error) from group_error


def _first(error: BaseException) -> BaseException:
    """The error that ended the story; the others are tasks that were cancelled by it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _alert(stage: Stage, alertmanager: Client) -> None:
    """The shop's own monitoring has seen it too, as it would: by its webhook, repeated until it is taken."""
    await stage.at(story.ALERT)
    starts_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    await alertmanager.request("POST", alerts.PATH, body=alerts.webhook(starts_at))


async def _rubbish(script: story.Story, stage: Stage, left: Leftovers, book: Book, tell: Narrator, kafka: str) -> None:
    """Ten bytes by a stock producer, past the gateway: they must turn up among the dead letters."""
    await stage.at(story.RUBBISH)
    sender = Sender(kafka, name="stock-producer", delivery_ms=RUBBISH_MS)
    sender.start()
    try:
        placed = await sender.send(Output("actions.raw", None, None, script.rubbish))
    finally:
        await sender.close()
    at = (placed.topic, placed.partition, placed.offset)
    book.accepted.append(Accepted(None, at))
    book.record([Receipt("", *at)])

    async def look() -> str | None:
        letter = left.dead.get(at)
        return None if letter is None else letter.code

    code = await until(look, SCENE_SECONDS, "the rubbish among the dead letters")
    size = len(script.rubbish)
    tell.say("☠", f"{size} bytes of rubbish written to actions.raw became a dead letter: {code}.", RED)


async def _account(
    script: story.Story, stage: Stage, watch: Watch, left: Leftovers, book: Book, reading: asyncio.Task[None]
) -> Outcome:
    """Accounts by sets of ids, asked until nothing is open or the limit has come."""
    end = time.monotonic() + ACCOUNTS_SECONDS
    while True:
        accounts = _settled(script, book, left, await watch.rows())
        if reading.done():
            await reading  # it never ends by itself: its error is the story's
        if not accounts.unaccounted or time.monotonic() > end:
            break
        await asyncio.sleep(LEFTOVERS_EVERY_S)
    return Outcome(
        script.tenant,
        accounts,
        await watch.incidents(),
        await watch.pages(),
        await watch.summary(),
        await watch.cases(),
        await watch.ledger(),
        len(script.batch),
        stage.seconds,
    )


def _settled(script: story.Story, book: Book, left: Leftovers, rows: Sequence[str]) -> Accounts:
    # Dead letters of other tenants, or of somebody else's rubbish at the same time, are not this story's.
    ours = {receipt.at for receipt in book.accepted}
    dead = [at for at, letter in left.dead.items() if at in ours or letter.tenant == script.tenant]
    return settle(book.accepted, set(rows), dict(left.drops), dead, book.sent_again, script.batch)
