"""What only the log in memory can force: a rebalance at the worst moment of one loop."""

import pytest

from processors.host.errors import Fatal, OutcomeUnknown
from processors.host.loop import LoopSettings, Step
from processors.host.memory import Killed
from schemas.record import Output
from tests.support import tally
from tests.support.host_worlds import MemoryWorld, counted, events, letters


def add(world: MemoryWorld, tenants: str, rounds: int = 1) -> None:
    for _ in range(rounds):
        for tenant in tenants:
            world.send(world.output(tally.Add(tenant, f"{tenant}-name", 1)))


def expected(tenants: str, rounds: int) -> dict[str, list[int]]:
    return {f"{tenant}-name": list(range(1, rounds + 1)) for tenant in tenants}


def test_records_polled_under_the_old_assignment_are_dropped():
    """Frozen, replaced, and back: what the poll returned together with the news is decided with no old
    state."""
    world = MemoryWorld()
    frozen = world.start(0)
    add(world, "abcd", 2)
    world.run(lambda: counted(world) == expected("abcd", 2), "the first life")
    world.processes.remove(frozen)
    world.freeze(frozen)
    other = world.start(1)
    add(world, "abcd", 2)
    world.run(lambda: counted(world) == expected("abcd", 4), "the other decides")
    world.kill(other)
    world.expire_members()
    add(world, "abcd", 1)
    world.processes.append(frozen)
    world.run(lambda: counted(world) == expected("abcd", 5), "back, from the state of the other")


def test_a_group_that_moved_on_fences_an_open_transaction():
    world = MemoryWorld()
    first = world.start(1)
    add(world, "abcd", 2)
    world.run(lambda: counted(world) == expected("abcd", 2), "alone")

    def someone_joins(point: str) -> None:
        if point == "begin" and len(world.processes) == 1:
            second = world.start(0)
            steps = [second.loop.step(0.0) for _ in range(10)]
            assert Step.DECIDED in steps

    first.slot.at = someone_joins
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 3), "each once, by one of them")
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 4), "and on")


def test_a_delayed_end_of_a_renewed_producer_is_refused():
    """The EndTxn times out, the producer is renewed and the record redone; the late EndTxn must not count
    again."""
    world = MemoryWorld()
    process = world.start()
    add(world, "ab", 1)
    world.run(lambda: counted(world) == expected("ab", 1), "before")

    delivered: list[int] = []

    def lost(point: str) -> None:
        if point == "commit" and not delivered and not world.log.late:
            world.log.delay_end(world.identity(process))
            raise OutcomeUnknown("test", "commit", "no answer", "renew")
        if point == "produce" and world.log.late:
            # It lands in the middle of the next transaction of the same name.
            delivered.append(world.log.deliver_late())

    process.slot.at = lost
    add(world, "ab", 1)
    world.run(lambda: counted(world) == expected("ab", 2), "redone once")
    assert delivered == [0]


def test_slow_markers_on_the_changelog_hold_the_restore():
    """Committed for the group, not yet marked on the changelog: the restore waits for the marker."""
    world = MemoryWorld()
    process = world.start()
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 1), "before")
    world.log.slow_markers.add(world.room.changelog)
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 2), "committed, half marked")
    world.kill(process)
    successor = world.start()
    for _ in range(20):
        world.step_all(0.0)
    assert not successor.loop.ready
    world.log.deliver_markers()
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 3), "nothing twice")


def test_append_times_that_tie_and_step_back_are_decided_in_order():
    world = MemoryWorld()
    world.start()
    add(world, "ab", 3)
    world.run(lambda: counted(world) == expected("ab", 3), "ties")
    world.clock.step(-60_000)
    add(world, "ab", 3)
    world.run(lambda: counted(world) == expected("ab", 6), "in order of offsets")
    times = [e.at for e in events(world) if e.name == "a-name"]
    assert times == sorted(times)


def test_a_redo_keeps_polling():
    """Redoing a batch one by one, to find who is too large, may take longer than the poll interval."""
    world = MemoryWorld(event_bytes=2_000)
    process = world.start()
    world.send(world.output(tally.Add("a", "x" * 3_000, 1)))
    add(world, "abcd", 30)
    world.run(lambda: counted(world) == expected("abcd", 30) and len(letters(world)) == 1, "redone")
    assert process.slot.polls >= 120


def test_who_raised_is_known_so_its_batch_is_redone_at_once():
    world = MemoryWorld()
    process = world.start()
    add(world, "abcd", 15)
    world.send(world.output(tally.Break("a")))
    world.send(world.output(tally.Break("b")))
    add(world, "abcd", 15)
    world.run(lambda: counted(world) == expected("abcd", 30) and len(letters(world)) == 2, "redone")
    assert process.slot.polls < 20


def test_a_record_that_cannot_even_be_set_aside_ends_the_process():
    world = MemoryWorld(event_bytes=2_000)
    process = world.start()
    process.loop._limits = dict(process.loop._limits) | {"dead.letters": 200}
    world.send(world.output(tally.Break("a")))
    with pytest.raises(Fatal) as fatal:
        world.run(lambda: False, "never")
    assert fatal.value.code == "undecidable"


def test_an_offset_below_the_log_is_refused():
    world = MemoryWorld()
    process = world.start()
    add(world, "a", 3)
    world.run(lambda: counted(world) == expected("a", 3), "before")
    world.kill(process)
    add(world, "a", 3)
    [partition] = {r.partition for r in world.records(world.room.input)}
    world.trim(partition, 5)
    world.start()
    with pytest.raises(Fatal) as fatal:
        world.run(lambda: False, "never")
    assert fatal.value.code == "offset_out_of_log"


def test_a_changelog_without_positions_is_refused_unless_told():
    world = MemoryWorld()
    process = world.start()
    add(world, "abcd", 2)
    world.run(lambda: counted(world) == expected("abcd", 2), "before")
    world.kill(process)
    spec = world.spec(0)
    world.log.group(spec.group, spec.input).offsets.clear()  # expired after seven empty days
    refused = world.start()
    with pytest.raises(Fatal) as fatal:
        world.run(lambda: False, "never")
    assert fatal.value.code == "changelog_without_offset"
    world.kill(refused)
    world.start(settings=LoopSettings(from_progress=True))
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 3), "from the changelog's position")


def test_a_transaction_that_times_out_fences_its_producer():
    world = MemoryWorld()
    process = world.start()
    add(world, "a", 1)

    def stall(point: str) -> None:
        if point == "commit":
            world.clock.advance(61_000)

    process.slot.at = stall
    with pytest.raises(Fatal) as fatal:
        world.run(lambda: False, "never")
    assert fatal.value.code == "client_fatal"
    assert not events(world)


def test_ticks_are_not_piled_up_behind_someones_open_transaction():
    world = MemoryWorld(partitions=1)
    world.start()
    world.send(world.announcement("a", 1, 1, 0))
    add(world, "a", 1)
    world.run(lambda: counted(world) == expected("a", 1), "counted")
    undo = world.orphan(Output(world.room.input, 0, b"a", b"never"))
    before = world.transport.ticker().sent
    for _ in range(500):
        world.step_all(0.0)
        world.clock.advance(20)
    assert world.transport.ticker().sent == before + 1, "one outstanding, although ten seconds passed"
    undo()
    world.run(lambda: len(events(world)) == 3, "settled when the tick became visible")


def test_a_lost_tick_is_sent_again_not_sooner_than_a_quarter_second():
    world = MemoryWorld(partitions=1)
    world.start()
    world.send(world.announcement("a", 1, 1, 0))
    add(world, "a", 1)
    world.run(lambda: counted(world) == expected("a", 1), "counted")
    ticker = world.transport.ticker()
    ticker.mute = True
    world.let_pass(1_000)
    before = ticker.sent
    for _ in range(100):
        world.step_all(0.0)
        world.clock.advance(20)
    assert 7 <= ticker.sent - before <= 9, "two seconds, four a second"
    ticker.mute = False
    world.run(lambda: len(events(world)) == 3, "settled")


def test_after_a_start_and_after_an_outage_a_tick_waits_for_what_people_sent_meanwhile():
    world = MemoryWorld(partitions=1)
    world.start(settings=LoopSettings(tick_hold_seconds=3.0))
    world.send(world.announcement("a", 1, 1, 0))
    add(world, "a", 1)
    world.run(lambda: counted(world) == expected("a", 1), "counted")
    ticker = world.transport.ticker()

    def passes(ms: int) -> None:
        for _ in range(ms // 20):
            world.step_all(0.0)
            world.clock.advance(20)

    passes(2_900)
    assert ticker.sent == 0, "the timer was due after a second, the processor is young"
    ticker.back = float("inf")
    passes(5_000)
    assert ticker.sent == 0, "the broker is away"
    ticker.back = world.clock.monotonic()
    passes(2_900)
    assert ticker.sent == 0, "people first"
    world.run(lambda: len(events(world)) == 3, "settled")
    assert ticker.sent == 1


def test_killed_at_any_half_of_a_produce_leaves_nothing_visible():
    world = MemoryWorld()
    process = world.start()
    add(world, "abcd", 1)

    def die(point: str) -> None:
        if point == "produce":
            raise Killed("SIGKILL")

    process.slot.at = die
    world.run(lambda: not process.alive, "killed")
    assert not events(world)
    successor = world.start()
    process.slot.at = lambda point: None
    with pytest.raises(Fatal):
        process.slot.commit()
    world.run(lambda: counted(world) == expected("abcd", 1), "by the successor")
    assert successor.alive


def test_a_process_frozen_in_its_restore_finds_that_others_went_on_and_does_not_refuse():
    """Between the question for positions and that for the changelog's end another owner decided: both are right."""
    world = MemoryWorld()
    first = world.start(1)
    add(world, "abcd", 2)
    world.run(lambda: counted(world) == expected("abcd", 2), "the first alone")
    world.kill(first)
    frozen = world.start(1)
    ask = frozen.slot.slot.changelog_ends

    def asked_after_a_while():
        frozen.slot.changelog_ends = ask
        world.processes.remove(frozen)
        world.freeze(frozen)
        world.expire_members()
        world.start(0)
        add(world, "abcd", 1)
        world.run(lambda: counted(world) == expected("abcd", 3), "the other went on meanwhile")
        world.processes.append(frozen)
        return ask()

    frozen.slot.changelog_ends = asked_after_a_while
    frozen.loop.step(0.0)  # it learns its assignment
    frozen.loop.step(0.0)  # it is frozen in here
    add(world, "abcd", 1)
    world.run(lambda: counted(world) == expected("abcd", 4), "both go on")
