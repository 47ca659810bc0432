"""A replay follows the record where it failed, was cut between two firings, or was decided by another version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from processors.host.loop import LoopSettings
from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.host.replay_log import transactions
from processors.kernel.decider import TimerDue
from processors.kernel.runnable import Runnable
from schemas.messages.incidents import IncidentOpened
from schemas.messages.kernel import DeadLetter
from tests.support.histories import ListHistory, recorded
from tests.support.world import World

WHOLE = Window()


def kept(world: World) -> ListHistory:
    return recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})


def deciding(world: World, name: str, decide: Any, version: int | None = None) -> None:
    """From now on this processor decides otherwise."""
    room = world.rooms[name].room
    changed = replace(room.decider, decide=decide, face=None, version=version or room.decider.version)
    world.rooms[name] = Runnable(replace(room, decider=changed))
    world.start(name)


def play(world: World, number: int) -> None:
    for each in range(number):
        world.act("agent-1", "deploy", f"res-{each % 3}")
        world.fail("agent-2", "call", f"res-{each % 2}", "Timeout", "no answer")
        world.run_to(world.now + 0.5)


def test_what_was_recorded_as_failed_is_not_tried_again() -> None:
    world = World()
    right = world.rooms["signals"].room
    timers: list[str] = []

    def broken(command: Any, view: Any) -> Any:
        if isinstance(command.message, TimerDue):
            timers.append(command.message.name)
            raise KeyError("a timer's bug")
        if command.record.offset == 3:
            raise ValueError("a bug: of that day")
        return right.decider.decide(command, view)

    deciding(world, "signals", broken)
    play(world, 6)
    world.fail("agent-3", "call", "res-9", "Timeout", "no answer", retryable=True, attempt=1, attempt_limit=3)
    world.run_to(world.now + 200)
    letters = world.said("dead.letters", DeadLetter)
    assert {letter.code for letter in letters} == {"decide_failed", "timer_failed"}, timers
    found = verify(right, kept(world), WHOLE)
    assert found.first is None
    assert found.events == found.equal >= len(letters)


def test_transactions_that_ended_between_two_firings_end_there_again() -> None:
    world = World()
    world.start("ordering")
    world.loops["ordering"]._settings = LoopSettings(tick_hold_seconds=0.0, firings=1)
    for number in range(5):
        world.act(f"agent-{number}", "read", "res-1")
    world.run_to(1)
    for number in range(5):
        world.act(f"agent-{number}", "read", "res-1", sequence=5)
    world.run_to(2)
    # All gaps of a partition are due long before the next record is read.
    world.clock.advance(60_000)
    for number in range(5):
        world.act(f"agent-{number}", "read", "res-1")
    world.run_to(world.now + 5)
    history = kept(world)
    found = verify(world.rooms["ordering"].room, history, WHOLE)
    assert found.first is None
    places = [Place("ordering.changelog", p) for p in range(4)]
    cut = [t for place in places for t in transactions(history, place, history.bounds(place)[1])]
    assert [t for t in cut if t.progress.to == t.progress.from_ and t.progress.counts["timer"] == 1]


def test_a_declared_change_is_counted_where_it_was_decided_and_not_after_it() -> None:
    world = World()
    today = world.rooms["incidents"].room

    def loud(command: Any, view: Any) -> Any:
        decision = today.decider.decide(command, view)
        events = tuple(
            replace(e, message=replace(e.message, title="LOUD")) if isinstance(e.message, IncidentOpened) else e
            for e in decision.events
        )
        return replace(decision, events=events)

    deciding(world, "incidents", loud, version=today.decider.version - 1)
    play(world, 2)
    deciding(world, "incidents", today.decider.decide, version=today.decider.version)
    play(world, 4)
    world.run_to(world.now + 20)
    found = verify(today, kept(world), WHOLE)
    assert found.different == 0, found.first
    assert found.first is not None
    assert found.first.declared
    opened = len(world.incidents())
    assert 0 < found.declared <= 3 * opened + found.states_different
    assert found.equal > found.declared
