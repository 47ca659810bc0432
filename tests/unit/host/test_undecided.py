"""A room whose positions stay undecided says so, goes on asking, and is well again when they are decided."""

import logging

import pytest

from processors.host.errors import Fatal, OutcomeUnknown, Transient
from processors.host.health import Health
from processors.host.loop import Step
from processors.host.places import Place
from processors.host.restore import BROKER_SECONDS, UNDECIDED_SECONDS
from processors.host.serve import document
from tests.support import tally
from tests.support.host_worlds import MemoryWorld, Process, counted

ALARM_MS = int(UNDECIDED_SECONDS * 1_000)


def pass_by(world: MemoryWorld, process: Process, ms: int) -> None:
    """Let time pass in steps of a second, so that the members' sessions live."""
    for _ in range(ms // 1_000):
        world.clock.advance(1_000)
        process.loop.step(0.0)


def hanging(world: MemoryWorld, process: Process) -> list[int]:
    """From now on partition 1 is undecided; clear the result to decide it."""
    held = [1]

    def committed():
        if held:
            raise Transient("positions_unstable", "asked", "a transaction is undecided", "Ask again.")
        return process.slot.slot.committed()

    process.slot.committed = committed
    process.slot.undecided = lambda: list(held)
    return held


def test_positions_that_stay_undecided_are_an_alarm_until_they_are_decided(caplog):
    world = MemoryWorld()
    process = world.start()
    held = hanging(world, process)
    world.send(world.output(tally.Add("a", "a-name", 1)))
    with caplog.at_level(logging.WARNING, "processors.host.restore"):
        process.loop.step(0.0)
        pass_by(world, process, ALARM_MS)
        early = process.loop.trouble
        assert early is None, "any honest wait is over by then, and not before"
        pass_by(world, process, 2_000)
        trouble = process.loop.trouble
        assert trouble is not None
        assert trouble.code == "positions_unstable"
        assert trouble.what == "tally.commands[1] of the group mandate-tally"
        assert "find-hanging" in trouble.remedy
        pass_by(world, process, 600_000)
        later = process.loop.trouble
        assert later is trouble, "it asks on and neither ends nor repeats itself"
        held.clear()
        world.run(lambda: counted(world) == {"a-name": [1]}, "decided after all")
    after: object = process.loop.trouble
    assert after is None
    assert process.loop.ready
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_changelog_held_by_a_stranger_is_an_alarm_too():
    world = MemoryWorld()
    end = world.orphan(world.output(tally.Add("a", "a-name", 1)))
    end()
    stranger = world.log.init_producer("another stranger")
    world.log.begin(stranger)
    output = world.output(tally.Add("a", "a-name", 1))
    world.log.write(stranger, [type(output)(world.room.changelog, 0, b"k", None, ())])
    # Its own time-out must not end it: the broker has forgotten it.
    setattr(world.log, "expire", lambda: None)  # noqa: B010 - a plain assignment to a method is no type
    process = world.start()
    process.loop.step(0.0)
    pass_by(world, process, ALARM_MS + 3_000)
    trouble = process.loop.trouble
    assert trouble is not None
    assert trouble.code == "changelog_undecided"
    world.log.end(stranger, commit=False)
    world.run(lambda: process.loop.ready, "restored")
    assert process.loop.trouble is None


def test_a_broker_that_is_away_is_not_called_a_hanging_transaction():
    world = MemoryWorld()
    process = world.start()
    hanging(world, process)

    def away():
        raise OutcomeUnknown("test", "asking", "no answer", "wait")

    process.slot.undecided = away
    process.loop.step(0.0)
    pass_by(world, process, int(BROKER_SECONDS * 1_000))
    assert process.loop.trouble is None
    with pytest.raises(Fatal) as fatal:
        pass_by(world, process, 2_000)
    assert fatal.value.code == "broker_away"


def test_memory_names_the_partitions_that_are_held():
    world = MemoryWorld()
    process = world.start()
    world.run(lambda: process.loop.ready, "restored")
    stranger = world.log.init_producer("stranger")
    world.log.begin(stranger)
    spec = world.spec(0)
    world.log.add_offsets(stranger, spec.group, {Place(spec.input, 1): (0, "")})
    assert process.slot.undecided() == [1]


def test_trouble_makes_a_living_process_unhealthy():
    health = Health(MemoryWorld().clock)
    health.expect("a")
    health.expect("b")
    health.beat("b", "running")
    health.beat("a", "restoring", Transient("positions_unstable", "in[1]", "held", "Abort it."))
    verdict = health.verdict()
    assert not verdict.healthy
    assert verdict.errors["a"].code == "positions_unstable"
    assert document(verdict)["errors"] == [
        {"code": "positions_unstable", "thread": "a", "what": "in[1]", "why": "held", "remedy": "Abort it."}
    ]
    health.beat("a", "running")
    assert health.verdict().ready


def test_a_step_that_waits_says_that_it_restores():
    world = MemoryWorld()
    process = world.start()
    hanging(world, process)
    assert process.loop.step(0.0) is Step.RESTORING
