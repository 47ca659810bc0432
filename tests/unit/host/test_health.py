"""One verdict for all threads."""

from processors.host.clock import ManualClock
from processors.host.health import STUCK_SECONDS, Health


def test_a_process_is_ready_when_every_room_has_its_state():
    health = Health(ManualClock())
    health.expect("a")
    health.expect("b")
    assert health.verdict().healthy
    assert not health.verdict().ready
    health.beat("a", "running")
    health.beat("b", "restoring")
    assert (health.verdict().healthy, health.verdict().ready) == (True, False)
    health.beat("b", "running")
    assert health.verdict().ready


def test_a_process_whose_rooms_have_not_begun_is_not_ready():
    # Its page answers before its threads are started.
    assert Health(ManualClock()).verdict().ready is False


def test_a_dead_thread_is_never_healthy_again():
    health = Health(ManualClock())
    health.expect("a")
    health.died("a", "a bug")
    health.beat("a", "running")
    verdict = health.verdict()
    assert not verdict.healthy
    assert verdict.threads == {"a": "dead: a bug"}


def test_a_loop_that_does_not_turn_is_stuck():
    clock = ManualClock()
    health = Health(clock)
    health.expect("a")
    health.beat("a", "running")
    clock.advance(int(STUCK_SECONDS * 1_000))
    assert health.verdict().healthy
    clock.advance(1_000)
    verdict = health.verdict()
    assert not verdict.healthy
    assert verdict.threads["a"].startswith("stuck in running")


def test_a_loop_that_ended_without_being_asked_is_not_healthy():
    health = Health(ManualClock())
    health.expect("a")
    health.beat("a", "ended")
    assert not health.verdict().healthy
