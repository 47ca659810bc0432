"""A worker that stalls in silence is seen; a busy one, or another slot's partition, is not taken for one."""

from __future__ import annotations

from processors.effects.watch import STALL_SECONDS, Watch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ours(_: int) -> bool:
    return True


def test_nothing_copied_is_no_stall() -> None:
    clock = Clock()
    watch = Watch(clock)
    clock.now = 10 * STALL_SECONDS
    assert watch.stalled(ours) == ()


def test_what_is_copied_and_not_taken_is_a_stall() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.copied(1, 7)
    clock.now = STALL_SECONDS
    assert watch.stalled(ours) == ()
    clock.now = STALL_SECONDS + 1
    assert watch.stalled(ours) == (1,)
    assert watch.stalled(lambda p: p == 0) == ()
    watch.taken(1, 7)
    assert watch.stalled(ours) == ()


def test_more_copies_do_not_hide_a_stall() -> None:
    clock = Clock()
    watch = Watch(clock)
    for second in range(int(STALL_SECONDS) + 2):
        clock.now = float(second)
        watch.copied(0, second)
    assert watch.stalled(ours) == (0,)


def test_a_worker_that_is_behind_and_moves_is_no_stall() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.copied(0, 100)
    clock.now = STALL_SECONDS
    watch.taken(0, 1)
    clock.now = 2 * STALL_SECONDS
    assert watch.stalled(ours) == ()
    clock.now += 1
    assert watch.stalled(ours) == (0,)


def test_what_was_taken_before_its_copy_is_acknowledged_is_no_stall() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.taken(0, 7)
    watch.copied(0, 7)
    clock.now = STALL_SECONDS + 1
    assert watch.stalled(ours) == ()
    watch.copied(0, 8)
    clock.now += STALL_SECONDS + 1
    assert watch.stalled(ours) == (0,)
