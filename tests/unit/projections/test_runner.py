"""The runner: whatever fails between two steps, every record is projected once, and what cannot go on says so."""

from __future__ import annotations

import logging

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.host.places import Place
from projections import runner as module
from projections.errors import Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.runner import Runner
from schemas.record import Record
from tests.unit.projections.memory import Boom, MemoryLog, MemorySource, MemoryStore

A, B = Place("t", 0), Place("t", 1)
STEPS = ("open", "positions", "moved", "rows", "committed")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "mandate.projections")


def _records(place: Place, *offsets: int) -> list[Record]:
    return [Record(*place, n, 1_000 + n, None, b"v") for n in offsets]


def _log(holes: bool = True) -> MemoryLog:
    log = MemoryLog(A, B)
    log.add(_records(A, *((0, 1, 2, 4, 5, 9) if holes else range(6))), markers=1)
    log.add(_records(B, 2, 3), markers=2)
    return log


def _runner(log: MemoryLog, store: MemoryStore, most: int = 2) -> Runner:
    metrics = RunnerMetrics(Metrics(), "test")
    made = Runner("test", (A, B), lambda: MemorySource(log, most), store, metrics, pause=lambda _: None)

    def all_read() -> None:
        if len(store.rows) >= sum(len(r) for r in log.records.values()):
            made.stop()

    store.after_write = all_read
    return made


def _in_order(store: MemoryStore) -> dict[Place, list[int]]:
    return {p: [r.offset for r in store.rows if Place(r.topic, r.partition) == p] for p in (A, B)}


ALL = {A: [0, 1, 2, 4, 5, 9], B: [2, 3]}


def test_every_record_once_in_order_over_holes():
    log, store = _log(), MemoryStore()
    runner = _runner(log, store)
    runner.run()
    assert runner.dead is None
    assert _in_order(store) == ALL


@given(st.dictionaries(st.sampled_from(STEPS), st.integers(1, 3)), st.integers(1, 9))
def test_dying_between_any_two_steps_leaves_no_double_and_no_hole(faults, most):
    log, store = _log(), MemoryStore(faults)
    store.error = psycopg.errors.AdminShutdown  # an outage: tried again without limit
    runner = _runner(log, store, most)
    runner.run()
    assert runner.dead is None
    assert _in_order(store) == ALL


def test_a_lost_compare_and_set_reads_the_positions_again():
    log, store = _log(), MemoryStore()
    runner = _runner(log, store)
    raced: list[bool] = []

    def another_writer() -> None:
        if not raced:
            raced.append(True)
            store.rows, store.stored = _records(A, 0, 1, 2), {**store.stored, A: 3}

    store.before_write = another_writer
    runner.run()
    assert _in_order(store) == ALL


def test_a_position_below_the_log_refuses_and_stays_dead():
    log, store = _log(), MemoryStore()
    store.stored = {A: 3, B: 0}
    log.lows[A] = 4
    runner = _runner(log, store)
    runner.run()
    assert runner.dead is not None
    assert "rebuild_from_archive" in runner.dead
    assert isinstance(runner.error, Refused)
    assert store.rows == []


def test_a_first_start_begins_where_the_log_begins():
    log, store = _log(), MemoryStore()
    log.lows[A] = 4
    log.records[A] = log.records[A][3:]
    _runner(log, store).run()
    assert _in_order(store) == {A: [4, 5, 9], B: [2, 3]}


def test_a_position_above_the_log_waits_for_a_broker_that_recovers():
    log, store = _log(), MemoryStore()
    store.stored = {A: 50, B: 0}
    tries = []
    runner = _runner(log, store)

    def pause(_: float) -> None:
        tries.append(True)
        if len(tries) == 3:
            log.add(_records(A, 60))

    runner._pause = pause
    store.after_write = lambda: runner.stop() if len(store.rows) == 3 else None
    runner.run()
    assert runner.dead is None
    assert len(tries) >= 3
    assert _in_order(store)[A] == [60]


def test_a_log_that_stays_shorter_is_another_log(monkeypatch):
    monkeypatch.setattr(module, "ABOVE_END_SECONDS_MAX", -1.0)
    log, store = _log(), MemoryStore()
    store.stored = {A: 50, B: 0}
    runner = _runner(log, store)
    runner.run()
    assert runner.dead is not None
    assert "position_above_log" in runner.dead


@pytest.mark.parametrize("error", [Boom, psycopg.errors.UniqueViolation, psycopg.errors.UndefinedTable])
def test_a_bug_is_not_tried_for_ever(error):
    log, store = _log(), MemoryStore({"rows": 10_000})
    store.error = error
    runner = _runner(log, store)
    runner.run()
    assert runner.dead == f"{error.__name__}: rows"
    assert 10_000 - store.faults["rows"] == module.UNEXPECTED_MAX
    assert store.rows == []


def test_a_bug_now_and_then_is_survived():
    log, store = _log(), MemoryStore({"committed": module.UNEXPECTED_MAX - 1})
    store.error = Boom
    runner = _runner(log, store, most=1)
    runner.run()
    assert runner.dead is None
    assert _in_order(store) == ALL


def test_the_source_is_closed_after_every_session():
    log, store = _log(), MemoryStore({"moved": 2})
    made: list[MemorySource] = []
    runner = _runner(log, store)

    def source() -> MemorySource:
        made.append(MemorySource(log))
        return made[-1]

    runner._make_source = source
    runner.run()
    assert len(made) == 3
    assert all(s.closed for s in made)


def test_back_off_grows_and_is_bounded():
    log, store = _log(), MemoryStore({"open": 10})
    store.error = psycopg.OperationalError
    waits: list[float] = []
    runner = _runner(log, store)
    runner._pause = waits.append
    runner.run()
    assert waits[:10] == sorted(waits[:10])
    assert max(waits) == module.BACKOFF_SECONDS_MAX


def test_who_is_behind_does_not_wait_between_large_batches():
    log, store = MemoryLog(A, B), MemoryStore()
    log.add(_records(A, *range(3 * module.PACED_BELOW + 1)))
    runner = _runner(log, store, most=module.PACED_BELOW)
    waits: list[float] = []
    runner._pause = waits.append
    runner.run()
    assert len(store.rows) == 3 * module.PACED_BELOW + 1
    # Only the last one, of a single record, was small.
    assert len(waits) == 1


def test_markers_alone_do_not_cost_a_transaction_each():
    log, store = MemoryLog(A, B), MemoryStore()
    runner = _runner(log, store)
    reads = []

    class Marking(MemorySource):
        def read(self, limit, seconds):
            reads.append(True)
            log.ends[A] += 1
            if len(reads) == 50:
                runner.stop()
            return super().read(limit, seconds)

    runner._make_source = lambda: Marking(log)
    store.after_write = lambda: None
    runner.run()
    # One at once, then at most one a second.
    assert 1 <= store.writes < 25
    assert store.stored[A] <= log.ends[A]


def test_markers_behind_the_last_record_are_stored_though_nothing_comes_after():
    log, store = MemoryLog(A, B), MemoryStore()
    log.add(_records(A, 0))
    runner = _runner(log, store)
    seen = []

    class Late(MemorySource):
        """The record first; its marker with the next read, within the second; then nothing."""

        def read(self, limit, seconds):
            seen.append(True)
            if len(seen) == 2:
                log.ends[A] = 2
            if len(seen) > 3:
                runner._markers_at = 0.0  # a second later
            if len(seen) > 9:
                runner.stop()
            return super().read(limit, seconds)

    runner._make_source = lambda: Late(log)
    store.after_write = lambda: None
    runner.run()
    assert store.stored[A] == 2


def test_stopping_ends_after_the_batch_in_hand():
    log, store = _log(), MemoryStore()
    runner = _runner(log, store, most=1)
    store.after_write = runner.stop
    runner.run()
    assert len(store.rows) == 1
    assert not runner.alive
    assert runner.dead is None
