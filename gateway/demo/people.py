"""Alice, who does not answer, and Bob, who does: the human half of the story, with the reader's Enter instead
of Bob."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.cli.client import Client, ClientError
from gateway.cli.commands import decide
from gateway.demo import shop, story
from gateway.demo.agents import Stage
from gateway.demo.errors import StoryError
from gateway.demo.narrator import GREEN, RED, YELLOW, Narrator
from gateway.demo.pager import Delivery, Pager
from gateway.demo.waiting import until
from gateway.demo.watch import Watch

# From the first failing charge: detection and a page take under a second, a restart of everything under a
# minute.
SEEN_SECONDS = 90.0
# Bob reads, thinks, and takes it (17 -> 21 s in the script).
BOB_THINKS_S = 4.0
BOB_LEAST_S = 0.5
# The reader may answer from Alice's page on. Bob answers by himself 7 s after his own page at the latest,
# since 10 s after it Dave would be paged: 8 s (Alice's) + 7 s are the 15 s.
READER_S = 15.0
BOB_LATEST_S = shop.BOB_WAIT_S - 3.0
# Attached failures are read back before Bob resolves; not seeing them all does not stop him.
SETTLED_SECONDS = 20.0


@dataclass
class People:
    """Plays Alice and Bob. `reader` is true where a person at a terminal may press Enter."""

    stage: Stage
    pager: Pager
    watch: Watch
    bob: Client
    tell: Narrator
    failing: int
    reader: bool

    async def play(self) -> None:
        """From the first failure to the resolved incident. Raises StoryError, ClientError."""
        await self.stage.passed(story.DEPLOYED)
        incident = await until(self.watch.incident, SEEN_SECONDS, "an incident for the failing charges")
        name = str(incident["name"])
        self.tell.say("●", f"{name} {incident['severity']} on {incident['resource']}: {incident['title']}", RED)
        await self._paged(shop.ALICE)
        self.tell.say("☎", f"Alice's pager rings for {name}. She does not answer.", YELLOW)
        enter = asyncio.create_task(self._enter())
        try:
            delivery = await self._paged(shop.BOB)
            page = delivery.page
            self.tell.say(
                "☎",
                f"Bob's pager rings: step {page.get('step')} of {page.get('steps')}, round {page.get('round')}.",
                YELLOW,
            )
            by_reader = await self._decided(enter, delivery)
        finally:
            enter.cancel()
        await self._take(name, by_reader)
        self.stage.open(story.ACKNOWLEDGED)
        await self.stage.passed(story.ROLLED_BACK)
        await self.stage.at(story.CONTAIN)
        await self._contain(name)
        await self.stage.at(story.RESOLVE)
        await self._settled()
        await self._resolve(name)

    async def _paged(self, person: str) -> Delivery:
        async def look() -> Delivery | None:
            return self.pager.paged(person)

        return await until(look, SEEN_SECONDS, f"a page on {person}'s pager")

    async def _decided(self, enter: asyncio.Task[None], delivery: Delivery) -> bool:
        """Wait until somebody takes it; True when it was the reader.

        Both times count from the request, not from the delivery: a page that came late leaves Bob less time,
        since Dave's turn counts from the request too.
        """
        left = (BOB_LATEST_S if self.reader else BOB_THINKS_S) - delivery.age_s
        done, _ = await asyncio.wait({enter}, timeout=max(BOB_LEAST_S, left))
        return bool(done)

    async def _enter(self) -> None:
        """Ends when the reader presses Enter; never, where there is no reader or not within READER_S."""
        loop = asyncio.get_running_loop()
        pressed = asyncio.Event()
        if self.reader:
            self.tell.say("⏎", f"Bob is next. Press Enter within {READER_S:.0f} s to answer as Bob.")
            loop.add_reader(sys.stdin, pressed.set)
        try:
            async with asyncio.timeout(READER_S if self.reader else None):
                await pressed.wait()
            sys.stdin.readline()
        except TimeoutError:
            await asyncio.Event().wait()
        finally:
            if self.reader:
                loop.remove_reader(sys.stdin)

    async def _take(self, name: str, by_reader: bool) -> None:
        try:
            await decide(self.bob, "acknowledge", name, None, f"acknowledge-{name}")
        except ClientError as error:
            # The reader may have pressed the button on the page, with Bob's own token: then it is done.
            if not (await self.watch.incident() or {}).get("acknowledged_at"):
                raise StoryError("story_refused", f"Bob's acknowledgement of {name}", str(error), "") from error
        incident = await until(self._acknowledged, SEEN_SECONDS, f"the acknowledgement of {name}")
        who = "You, as Bob," if by_reader else str(incident["assignee"]).capitalize()
        self.tell.say("✓", f"{who} acknowledged {name}: escalation stops, Dave sleeps on.", GREEN)

    async def _acknowledged(self) -> Mapping[str, Any] | None:
        incident = await self.watch.incident()
        return incident if incident and incident.get("acknowledged_at") else None

    async def _settled(self) -> None:
        async def look() -> bool | None:
            incident = await self.watch.incident() or {}
            return True if int(incident.get("failures") or 0) >= self.failing else None

        try:
            await until(look, SETTLED_SECONDS, "all failing charges on the incident")
        except StoryError as late:
            self.tell.say("!", f"{late.what}: {late.why}", YELLOW)

    async def _contain(self, name: str) -> None:
        await decide(self.bob, "contain", name, "rolled back, watching", f"contain-{name}")

        async def look() -> Mapping[str, Any] | None:
            incident = await self.watch.incident()
            return incident if incident and incident.get("contained_at") else None

        incident = await until(look, SEEN_SECONDS, f"{name} contained")
        who = str(incident.get("contained_by") or shop.BOB).capitalize()
        self.tell.say(
            "✓", f"{who} contained {name}: no more harm is done, {incident['failures']} failures so far.", GREEN
        )

    async def _resolve(self, name: str) -> None:
        await decide(self.bob, "resolve", name, "rolled back to v2.3.0", f"resolve-{name}")

        async def look() -> Mapping[str, Any] | None:
            incident = await self.watch.incident()
            return incident if incident and incident["state"] == "resolved" else None

        incident = await until(look, SEEN_SECONDS, f"{name} resolved")
        who = str(incident.get("resolved_by") or shop.BOB).capitalize()
        self.tell.say("✓", f"{who} resolved {name} after {incident['failures']} failures.", GREEN)
