"""On a real Postgres: whatever dies between any two steps, rows and positions change together or not at all."""

from __future__ import annotations

import logging

import psycopg
import pytest

from processors.host.places import Place
from projections import checksum, migrate, positions
from projections.catalog import PROJECTIONS
from projections.errors import PositionLost
from projections.store import PostgresStore
from tests.integration.projections.tenants import STORIES, count, memory_log, project_all
from tests.unit.projections.records import STREAMS, Log, opened

STEPS = ("open", "positions", "begin", "moved", "rows", "committed")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "mandate.projections")


class Dying(PostgresStore):
    """Dies `times` at one step: the connection is cut there, as by a SIGKILL."""

    def __init__(self, dsn, projection, step, times):
        super().__init__(dsn, PROJECTIONS[projection], STREAMS)
        self._step, self._times = step, times
        self.died = 0

    def _die(self, step):
        if step == self._step and self.died < self._times:
            self.died += 1
            if self._connection is not None:
                self._connection.close()
            raise psycopg.OperationalError(f"died at {step}")

    def open(self):
        self._die("open")
        super().open()

    def positions(self):
        self._die("positions")
        return super().positions()

    def begin(self, lows):
        super().begin(lows)
        self._die("begin")

    def rows(self, connection, said, rejected):
        self._die("moved")
        super().rows(connection, said, rejected)
        self._die("rows")

    def write(self, records, before, after):
        done = super().write(records, before, after)
        self._die("committed")
        return done


def _sum(dsn, projection):
    with psycopg.connect(dsn) as connection:
        return checksum.tables(connection, projection), positions.load(connection, projection)


@pytest.mark.parametrize("projection", STORIES)
def test_dying_at_any_step_gives_what_an_undisturbed_run_gives(projection, postgres, tables):
    log = memory_log(projection, STORIES[projection]())
    project_all(tables, projection, log)
    wanted = _sum(tables, projection)
    assert sum(t.rows for t in wanted[0]) > 0
    for step in STEPS:
        fresh = postgres.create_database()
        try:
            migrate.apply(fresh)
            store = Dying(fresh, projection, step, 3 if step not in ("begin",) else 1)
            runner = project_all(fresh, projection, log, store, most=2)
            assert runner.dead is None
            assert store.died > 0
            assert _sum(fresh, projection) == wanted, step
        finally:
            postgres.drop_database(fresh)


@pytest.mark.parametrize("projection", STORIES)
def test_a_rebuild_from_the_log_equals_the_live_one(projection, postgres, tables):
    log = memory_log(projection, STORIES[projection]())
    project_all(tables, projection, log, most=1)
    fresh = postgres.create_database()
    try:
        migrate.apply(fresh)
        project_all(fresh, projection, log, most=1_000)
        with psycopg.connect(tables) as one, psycopg.connect(fresh) as two:
            assert checksum.checksum(one, projection) == checksum.checksum(two, projection)
            two.execute("update projection_offsets set moved_at = now() - interval '1 day'")
            assert checksum.checksum(one, projection) == checksum.checksum(two, projection)
            table = PROJECTIONS[projection].tables[0]
            two.execute(f"update {table} set tenant = 'x' where tenant = 'shop'")
            assert checksum.checksum(one, projection) != checksum.checksum(two, projection)
            two.rollback()
    finally:
        postgres.drop_database(fresh)


def test_a_zombie_with_an_old_position_cannot_write(tables):
    log = Log("incidents.events")
    first, second = log.add(opened()), log.add(opened(number=2, incident_id=bytes(16)))
    place = Place("incidents.events", 0)
    zombie = PostgresStore(tables, PROJECTIONS["incidents"], STREAMS)
    heir = PostgresStore(tables, PROJECTIONS["incidents"], STREAMS)
    try:
        zombie.open()
        heir.open()
        zombie.begin({place: 0})
        heir.write([first, second], {place: 0}, {place: 2})
        with pytest.raises(PositionLost):
            zombie.write([first], {place: 0}, {place: 1})
        assert count(tables, "incidents") == 2
        assert heir.positions() == {place: 2}
        # The zombie's connection is whole: after reading the position again it may go on.
        third = log.add(opened(number=3, incident_id=b"3" * 16))
        zombie.write([third], {place: 2}, {place: 3})
        assert count(tables, "incidents") == 3
    finally:
        zombie.close()
        heir.close()


def test_a_zombie_in_mid_transaction_makes_the_heir_wait_and_loses(tables):
    """The zombie moved the position and stands; the heir waits for its lock; the zombie dies, the heir writes."""
    place = Place("incidents.events", 0)
    record = Log("incidents.events").add(opened())
    heir = PostgresStore(tables, PROJECTIONS["incidents"], STREAMS)
    heir.open()
    heir.begin({place: 0})
    zombie = psycopg.connect(tables)
    try:
        positions.move(zombie, "incidents", {place: 0}, {place: 1}, {})
        heir._open.execute("set lock_timeout = 200")
        heir._open.commit()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            heir.write([record], {place: 0}, {place: 1})
        assert count(tables, "incidents") == 0
        zombie.close()
        heir.write([record], {place: 0}, {place: 1})
        assert count(tables, "incidents") == 1
    finally:
        zombie.close()
        heir.close()


def test_a_failed_batch_leaves_nothing(tables):
    """A row that the table refuses undoes the batch with its position."""
    log = Log("incidents.events")
    good, doubled = log.add(opened()), log.add(opened(incident_id=bytes(16)))  # the same number twice
    place = Place("incidents.events", 0)
    store = PostgresStore(tables, PROJECTIONS["incidents"], STREAMS)
    try:
        store.open()
        store.begin({place: 0})
        with pytest.raises(psycopg.errors.UniqueViolation):
            store.write([good, doubled], {place: 0}, {place: 2})
        assert store.positions() == {place: 0}
        assert count(tables, "incidents") == count(tables, "incident_events") == 0
    finally:
        store.close()


def test_what_cannot_be_read_is_kept(tables):
    project_all(tables, "timeline", memory_log("timeline", STORIES["timeline"]()))
    with psycopg.connect(tables) as connection:
        rejects = connection.execute("select projection, topic, code, original from projection_rejects").fetchall()
    assert rejects == [("timeline", "actions.ordered", "not_framed", b"rubbish")]
    assert count(tables, "timeline") == 9


def test_a_batch_of_several_days_finds_its_partitions(tables):
    project_all(tables, "timeline", memory_log("timeline", STORIES["timeline"]()))
    with psycopg.connect(tables) as connection:
        days = connection.execute(
            "select count(distinct tableoid), count(distinct append_time / 86400000) from timeline"
        )
        found, wanted = days.fetchone() or (0, -1)
    assert found == wanted > 1
