"""What the narrator says of each scripted scene, once its action is read back from the timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from gateway.demo import outcome, shop, story
from gateway.demo.agents import GATE_SECONDS, Stage
from gateway.demo.leftovers import Leftovers
from gateway.demo.narrator import GREEN, RED, YELLOW, Narrator
from gateway.demo.story import Story
from gateway.demo.waiting import until
from gateway.demo.watch import Watch

Item = Mapping[str, Any]
# A scene is read back a moment after it was sent; the limit covers a gate that an outage keeps closed.
SCENE_SECONDS = GATE_SECONDS + 30.0
# The gap is declared 30 s of log time after it opened, at about 35 s of the story.
COUNTED_SECONDS = 120.0


def _changed(item: Item) -> str:
    change = item.get("change") or {}
    what = f"{item['resource']} {change.get('before')} -> {change.get('after')}"
    return f"{item['actor']}: {change.get('kind')} of {what} ({change.get('summary')})"


def _failed(item: Item) -> str:
    error = item.get("error") or {}
    return f"{item['actor']}: {item['type']} failed: {error.get('type')}: {error.get('message')}"


# scene -> (when it is due at the earliest, icon, what is said of the row, colour)
SCENES: Mapping[str, tuple[int, str, Callable[[Item], str], str | None]] = {
    "time_out": (story.TIME_OUT, "·", _failed, None),
    "healed": (story.TIME_OUT, "·", lambda i: f"{i['actor']}: try {i['attempt']} of {i['type']} succeeded", None),
    "decoy_deploy": (story.DECOY_DEPLOY, "▲", _changed, None),
    "decoy_config": (story.DECOY_CONFIG, "▲", _changed, None),
    "deploy": (story.DEPLOY, "▲", _changed, None),
    "first_failure": (story.BREAK, "✗", _failed, RED),
    "rollback": (story.ROLL_BACK, "▼", _changed, GREEN),
    "stale": (
        story.STALE,
        "◷",
        lambda i: f"{i['actor']}'s clock is behind: its actions are flagged {', '.join(i.get('flags') or ['nothing'])}",
        None,
    ),
}


class Scenes:
    """Watches everything that is no person: scenes, counters, and what left the map."""

    def __init__(self, script: Story, stage: Stage, watch: Watch, left: Leftovers, tell: Narrator) -> None:
        self._script, self._stage, self._watch, self._left, self._tell = script, stage, watch, left, tell

    async def play(self) -> None:
        """Until everything that the script promises was seen. Raises StoryError."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._at_work())
            group.create_task(self._in_order())
            group.create_task(self._redelivered())
            group.create_task(self._cause())
            group.create_task(self._alert())
            group.create_task(self._second_charge())
            group.create_task(self._refund())
            for counted in (self._healed, self._drift, self._opened, self._declared):
                group.create_task(counted())

    async def _at_work(self) -> None:
        async def look() -> tuple[int, int] | None:
            rows = await self._watch.timeline()
            agents = {str(row["actor"]) for row in rows}
            return (len(rows), len(agents)) if len(agents) == len(shop.AGENTS) else None

        rows, agents = await until(look, SCENE_SECONDS, "actions of all twelve agents")
        self._tell.say("▶", f"{agents} agents are at work on a shop; the timeline has their first {rows} actions.")

    async def _in_order(self) -> None:
        # One after the other: what is read back late must not be told before its cause.
        for scene in SCENES:
            await self._scene(scene)

    async def _scene(self, scene: str) -> None:
        due, icon, sentence, colour = SCENES[scene]
        await self._stage.at(due)
        look = partial(self._watch.action, self._script.scenes[scene])
        item = await until(look, SCENE_SECONDS, f"the scene {scene!r} in the timeline")
        self._tell.say(icon, sentence(item), colour)

    async def _redelivered(self) -> None:
        await self._stage.at(story.SECOND_BATCH)

        async def look() -> int | None:
            found = len(set(self._left.drops.values()) & set(self._script.batch))
            return found if found == len(self._script.batch) else None

        found = await until(look, SCENE_SECONDS, "the drops of the batch that came twice")
        self._tell.say("≡", f"{found} actions came a second time with the same ids: dropped, reason redelivered.")

    async def _cause(self) -> None:
        await self._stage.passed(story.DEPLOYED)
        cause = await until(self._watch.cause, SCENE_SECONDS, "the likely cause of the failing charges")
        others = ", ".join(f"{o['kind']} of {o['resource']}" for o in cause["considered"])
        self._tell.say("?", f"Likely cause ({cause['confidence']}): {cause['said']}.", YELLOW)
        self._tell.say(" ", f"Why: {'; '.join(cause['reasons'])}. Weighed and not chosen: {others or 'nothing'}.")

    async def _alert(self) -> None:
        await self._stage.at(story.ALERT)

        async def look() -> Item | None:
            return next(iter(await self._watch.alerts()), None)

        alert = await until(look, SCENE_SECONDS, "Alertmanager's alert on the incident")
        incident = await self._watch.incident() or {}
        self._tell.say(
            "◉", f"{alert['source']}'s alert {alert['name']} joined {incident.get('name')}: no second incident."
        )

    async def _second_charge(self) -> None:
        await self._stage.at(story.SECOND_CHARGE)

        async def look() -> Item | None:
            return next(iter(await self._watch.cases()), None)

        case = await until(look, SCENE_SECONDS, "the case of the second charge")
        entries = " and ".join(str(entry["number"]) for entry in case["entries"])
        what = f"{outcome.money(case)} of {case['counterparty']} were captured twice, ledger entries {entries}"
        self._tell.say("⚖", f"{case['name']} {outcome.world(case)}: {what}.", YELLOW)

    async def _refund(self) -> None:
        await self._stage.at(story.REFUND_AGAIN)

        async def look() -> Item | None:
            return next(iter(outcome.told_again(await self._watch.ledger())), None)

        entry = await until(look, SCENE_SECONDS, "the refund that was told twice")
        who = f"{entry['actor']} and {shop.PROVIDER}"
        self._tell.say("=", f"{who} told of refund {entry['external_reference']}: one movement, no case.")

    async def _healed(self) -> None:
        await self._count(
            story.TIME_OUT, _healed, "·", "{} failure healed by its own retry: counted, nobody was paged."
        )

    async def _drift(self) -> None:
        await self._count(story.STALE, _drift, "◷", "{} alert for a drifting clock.")

    async def _opened(self) -> None:
        await self._count(story.GAP, _gaps("opened"), "…", "{} sequence number is missing; it may still come.")

    async def _declared(self) -> None:
        await self._count(story.GAP + 25_000, _gaps("declared"), "∅", "{} gap declared: that number never came.")

    async def _count(self, due: int, of: Callable[[Item], int], icon: str, sentence: str) -> None:
        await self._stage.at(due)

        async def look() -> int | None:
            return of(await self._watch.summary()) or None

        count = await until(look, COUNTED_SECONDS, sentence.format("the").rstrip("."))
        self._tell.say(icon, sentence.format(count))


def _healed(summary: Item) -> int:
    return int(summary.get("healed_failures") or 0)


def _drift(summary: Item) -> int:
    return int(summary.get("drift_alerts") or 0)


def _gaps(kind: str) -> Callable[[Item], int]:
    def count(summary: Item) -> int:
        return int((summary.get("gaps") or {}).get(kind) or 0)

    return count


async def forever(step: Callable[[], Awaitable[None]], pause_s: float) -> None:
    """Repeat a step until cancelled."""
    while True:
        await step()
        await asyncio.sleep(pause_s)
