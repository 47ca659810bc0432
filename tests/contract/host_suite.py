"""What every transport of the host must hold. Imported by the memory tests and by the tests on a real broker.

Each test takes `world` (tests/support/host_worlds.py). "Exactly once" is read off the totals: for every name
the announced totals must be 1, 2, 3, … without a gap, a repeat or a swap.
"""

from __future__ import annotations

from typing import Any

import pytest

from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown
from processors.host.loop import LoopSettings, Step
from processors.kernel.engine import Engine
from schemas import codec
from schemas.messages.kernel import StoredPart, Tick
from schemas.record import Output
from tests.support import tally
from tests.support.host_worlds import Killed, Process, counted, events, letters, progress

NAMES = [f"n{i}" for i in range(6)]
POINTS = ["begin", "produce", "send_offsets", "commit", "committed"]


def adds(world: Any, rounds: int, tenants: tuple[str, ...] = ("a", "b", "c", "d")) -> dict[str, list[int]]:
    """Send one Add per tenant's name and round; what must come out, per name."""
    for _ in range(rounds):
        for tenant in tenants:
            world.send(world.output(tally.Add(tenant, f"{tenant}-name", 1)))
    return {f"{tenant}-name": list(range(1, rounds + 1)) for tenant in tenants}


def once(point: str, error: Exception) -> Any:
    """Fails at `point`, one time."""
    left = [error]

    def at(reached: str) -> None:
        if reached == point and left:
            raise left.pop()

    return at


def restored(process: Process) -> bool:
    """Both partitions are assigned and have their state."""
    return process.loop.ready and len(process.loop.positions) == 2


def restored_equals_live(world: Any, process: Process) -> None:
    """A second engine, folded from the changelog, has the same parts as the living one."""
    for partition, live in process.loop.engines.items():
        other = world.room.engine(partition)
        for record in world.records(world.room.changelog):
            if record.partition == partition:
                other.load(record)
        assert other.ready().to == process.loop.positions[partition]
        assert isinstance(live, Engine)
        assert other.snapshot() == live.snapshot()


def test_every_record_is_decided_once_and_in_order(world):
    expected = adds(world, 10)
    process = world.start()
    world.run(lambda: counted(world) == expected, "all counted")
    restored_equals_live(world, process)
    last = {p.partition: p for p in progress(world)}
    assert {p: at.to for p, at in last.items()} == {p: at for p, at in process.loop.positions.items() if p in last}


def test_more_records_while_it_runs(world):
    process = world.start()
    world.run(lambda: restored(process), "restored from nothing")
    expected = adds(world, 3)
    world.run(lambda: counted(world) == expected, "the first")
    expected = {name: list(range(1, 8)) for name in expected}
    adds(world, 4)
    world.run(lambda: counted(world) == expected, "the second")


@pytest.mark.parametrize("point", ["begin", "produce", "send_offsets", "commit"])
def test_an_abort_is_redone(world, point):
    process = world.start()
    process.slot.at = once(point, AbortNeeded("test", "a transaction", "the test", "redo"))
    expected = adds(world, 5)
    world.run(lambda: counted(world) == expected, "redone once")
    restored_equals_live(world, process)


@pytest.mark.parametrize("point", ["send_offsets", "commit", "committed"])
def test_an_unknown_outcome_is_found_out(world, point):
    process = world.start()
    process.slot.at = once(point, OutcomeUnknown("test", "a transaction", "no answer", "renew"))
    expected = adds(world, 5)
    world.run(lambda: counted(world) == expected, "decided once, whatever became of the transaction")
    assert process.slot.slot.renewed == 1
    restored_equals_live(world, process)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_is_restarted(world, point):
    process = world.start()
    expected = adds(world, 4)
    world.run(lambda: counted(world) == expected, "the first")
    process.slot.at = once(point, Killed("SIGKILL"))
    expected = {name: list(range(1, 8)) for name in expected}
    adds(world, 3)
    world.run(lambda: not process.alive, "killed")
    successor = world.start()
    world.run(lambda: counted(world) == expected, "the successor went on")
    restored_equals_live(world, successor)


def test_another_slot_takes_over(world):
    first, second = world.start(0), world.start(1)
    world.run(lambda: len(first.loop.positions) == len(second.loop.positions) == 1, "one partition each", seconds=40)
    expected = adds(world, 4)
    world.run(lambda: counted(world) == expected, "both decide")
    second.slot.at = once("send_offsets", Killed("SIGKILL"))
    expected = {name: list(range(1, 8)) for name in expected}
    adds(world, 3)
    world.run(lambda: not second.alive, "the second is killed in its transaction")
    # Its transaction stays open: the slot's successor, or the time-out, ends it. Here the slot is started
    # elsewhere.
    world.transport.open(second_spec(world)).kill()
    world.run(lambda: counted(world) == expected and len(first.loop.positions) == 2, "the first owns all", seconds=40)
    restored_equals_live(world, first)


def second_spec(world: Any) -> Any:
    """The spec of slot 1."""
    return world.spec(1)


def test_a_second_slot_joins_in_the_middle(world):
    first = world.start(0)
    expected = adds(world, 4)
    world.run(lambda: counted(world) == expected, "the first alone")
    second = world.start(1)
    rounds = 4
    for _ in range(5):
        adds(world, 2)
        rounds += 2
        world.step_all(0.02)
    expected = {name: list(range(1, rounds + 1)) for name in expected}
    world.run(
        lambda: counted(world) == expected and len(first.loop.positions) == len(second.loop.positions) == 1,
        "shared, once each",
        seconds=40,
    )
    assert not set(first.loop.positions) & set(second.loop.positions)


def test_a_zombie_is_fenced(world):
    zombie = world.start()
    expected = adds(world, 3)
    world.run(lambda: counted(world) == expected, "the zombie in its life")
    world.processes.remove(zombie)  # nobody steps it: frozen
    successor = world.start()
    expected = {name: list(range(1, 6)) for name in expected}
    adds(world, 2)
    world.run(lambda: counted(world) == expected, "the successor")

    def wakes() -> bool:
        try:
            zombie.loop.step(0.02)
        except Fatal:
            return True
        return False

    world.run(wakes, "the zombie learns that it is one")
    adds(world, 1)
    expected = {name: list(range(1, 7)) for name in expected}
    world.run(lambda: counted(world) == expected, "no record of the zombie is visible")
    restored_equals_live(world, successor)


def test_a_tick_fires_a_timer_when_nothing_arrives(world):
    process = world.start()
    world.send(world.announcement("a", 1, 1, 0))
    world.send(world.announcement("a", 1, 1, 1))
    world.send(world.output(tally.Add("a", "a-name", 1)))
    settled = lambda: [e for e in events(world) if isinstance(e, tally.Settled)]  # noqa: E731 - read once below
    world.run(lambda: len(settled()) == 2, "both timers of the chain fired")
    [added] = [e for e in events(world) if isinstance(e, tally.Counted)]
    assert [e.at - added.at for e in settled()] == [1_000, 2_000]
    tick = codec.encode(Tick())
    ticks = [r for r in world.records(world.room.input) if r.value == tick]
    # A tick for each timer, and each may come a little early once, since append times are the broker's; one that comes
    # late on a busy machine fires both.
    assert 1 <= len(ticks) <= 6
    restored_equals_live(world, process)


def test_poison_becomes_a_dead_letter_beside_its_neighbours(world):
    world.start()
    expected = adds(world, 2)
    poison = [b"", b"\x00\x00\x00\x00\x01", b"\xff" * 40, None]
    for value in poison:
        world.send(Output(world.room.input, 0, b"a", value, (("h", b"\xff"),)))
    expected = {name: [1, 2, 3] for name in expected}
    adds(world, 1)
    world.run(lambda: counted(world) == expected and len(letters(world)) == len(poison), "neighbours and letters")
    assert [letter.original for letter in sorted(letters(world), key=lambda x: x.offset)] == poison


def test_a_decide_that_raises_is_set_aside_and_its_batch_redone(world):
    expected = adds(world, 2)
    world.send(world.output(tally.Break("a")))
    world.send(world.output(tally.Break("b")))
    expected = {name: [1, 2, 3] for name in expected}
    adds(world, 1)
    process = world.start()
    world.run(lambda: counted(world) == expected and len(letters(world)) == 2, "set aside")
    assert [letter.code for letter in letters(world)] == ["decide_failed", "decide_failed"]
    expected = {name: list(range(1, 6)) for name in expected}
    adds(world, 2)
    world.run(lambda: counted(world) == expected, "batches again")
    restored_equals_live(world, process)


def test_an_output_above_its_topics_limit_is_set_aside(small_world):
    world = small_world
    process = world.start()
    expected = adds(world, 1)
    world.send(world.output(tally.Add("a", "x" * 3_000, 1)))
    expected = {name: [1, 2] for name in expected}
    adds(world, 1)
    world.run(lambda: counted(world) == expected and len(letters(world)) == 1, "set aside")
    assert letters(world)[0].code == "decide_failed"
    restored_equals_live(world, process)


def test_an_orphan_in_the_changelog_hides_no_later_state(world):
    """Torn restore 1: reading to the last stable offset would lose what was committed after the orphan."""
    process = world.start()
    expected = adds(world, 3)
    world.run(lambda: counted(world) == expected, "state before the orphan")
    undo = [
        world.orphan(Output(world.room.changelog, p, b"a/count/never", codec.encode(StoredPart(b"never"))))
        for p in (0,)
    ]
    expected = {name: list(range(1, 6)) for name in expected}
    adds(world, 2)
    world.run(lambda: process.loop.positions and sum(process.loop.positions.values()) >= 20, "committed behind it")
    before = dict(process.loop.positions)
    world.kill(process)
    successor = world.start()
    world.run(lambda: successor.slot.owned == (0, 1), "assigned", seconds=40)
    for _ in range(25):
        assert successor.loop.step(0.02) in (Step.RESTORING, Step.IDLE)
        assert not successor.loop.ready, "it must wait for the orphan to be decided"
    for decide in undo:
        decide()
    world.run(lambda: restored(successor), "restored")
    assert dict(successor.loop.positions) == before
    expected = {name: list(range(1, 8)) for name in expected}
    adds(world, 2)
    world.run(lambda: counted(world) == expected, "nothing twice, nothing lost")
    restored_equals_live(world, successor)


def test_an_end_that_lands_after_the_new_owner_looked(world):
    """Torn restore 2: the old owner's EndTxn arrives while its successor of another slot is restoring."""
    old = world.start(1)
    expected = adds(world, 3)
    world.run(lambda: counted(world) == expected, "state before")
    old.slot.at = once("commit", Killed("SIGKILL with the EndTxn on its way"))
    expected = {name: list(range(1, 6)) for name in expected}
    adds(world, 2)
    world.run(lambda: not old.alive, "killed in its commit")
    world.expire_members()
    new = world.start(0)
    world.run(lambda: new.slot.owned == (0, 1), "the new owner has the partitions", seconds=40)
    for _ in range(8):
        new.loop.step(0.02)
        assert not new.loop.ready, "positions are not stable: it must not believe them"
    old.slot.slot.commit()
    world.run(lambda: counted(world) == expected and restored(new), "what was committed late counts once")
    expected = {name: list(range(1, 8)) for name in expected}
    adds(world, 2)
    world.run(lambda: counted(world) == expected, "nothing twice, nothing lost")
    restored_equals_live(world, new)


def test_positions_that_contradict_the_changelog_are_refused(world):
    process = world.start()
    expected = adds(world, 3)
    world.run(lambda: counted(world) == expected, "some state")
    moved = max(process.loop.positions)
    world.kill(process)
    world.expire_members()
    world.set_position(moved, process.loop.positions[moved] - 1)
    restarted = world.start()
    with pytest.raises(Fatal) as refused:
        world.run(lambda: restored(restarted), "never")
    assert refused.value.code == "progress_mismatch"


def test_a_fresh_room_begins_where_the_log_begins(world):
    adds(world, 4)
    for partition in (0, 1):
        world.trim(partition, 2)
    process = world.start()
    world.run(lambda: restored(process) and progress(world), "it decides")
    assert {p.partition: p.from_ for p in reversed(progress(world))} == {0: 2, 1: 2}


def test_append_times_ahead_of_our_clock_stop_the_partition(world):
    world.clock_behind_ms = 10_000
    process = world.start()
    expected = adds(world, 2)
    world.run(lambda: restored(process), "restored")
    for _ in range(25):
        process.loop.step(0.02)
    assert not events(world)
    world.clock_behind_ms = 0
    world.run(lambda: counted(world) == expected, "the clocks agree again")


def test_append_times_ahead_can_be_accepted(world):
    world.clock_behind_ms = 10_000
    world.start(settings=LoopSettings(accept_clock=True, tick_hold_seconds=0.0))
    expected = adds(world, 2)
    world.run(lambda: counted(world) == expected, "decided all the same")


def test_few_firings_a_transaction_change_nothing(world):
    """Twelve timers are due when one record arrives, and a transaction may fire two: the record waits its
    turn."""
    settings = LoopSettings(firings=2, tick_hold_seconds=0.0)
    process = world.start(settings=settings)
    for partition in (0, 1):
        world.send(world.announcement("a", 1, 1, partition))
    for name in NAMES:
        world.send(world.output(tally.Add("a", name, 1)))
    world.run(lambda: len(counted(world)) == len(NAMES), "all counted")
    world.kill(process)
    world.let_pass(2_500)
    for name in NAMES:
        world.send(world.output(tally.Add("a", name, 1)))
    successor = world.start(settings=settings)
    world.run(lambda: counted(world) == {name: [1, 2] for name in NAMES}, "the records after the timers", seconds=40)
    settled = [(e.name, e.chained) for e in events(world) if isinstance(e, tally.Settled)]
    assert [x for x in settled if x[1] < 3] == [(name, n) for n in (1, 2) for name in NAMES]
    restored_equals_live(world, successor)


__all__ = [name for name in dir() if name.startswith("test_")]
