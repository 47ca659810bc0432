"""A read model is rebuilt beside the one that serves and swapped: no row is lost, doubled, or seen half-way."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from processors.host.places import Place
from projections import checksum, migrate, positions, versions
from projections.catalog import PROJECTIONS
from projections.errors import NotReady, Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.runner import Runner
from projections.store import PostgresStore
from projections.timeline import partitions
from projections.timeline.project import DAY_MS
from schemas import codec, topology
from tests.integration.projections.rebuild_process import rebuild
from tests.integration.projections.tenants import STORIES, count, memory_log, places_of, project_all
from tests.support.waiting import until
from tests.unit.projections.memory import Patient
from tests.unit.projections.records import STREAMS, an_action

CHECKOUT = Path(topology.__file__).parent.parent
STEPS = ("begun", "filling", "filled", "compared", "swapping", "swapped", "done")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "mandate.projections")


def _sum(dsn, projection):
    with psycopg.connect(dsn) as connection:
        return checksum.tables(connection, projection), positions.load(connection, projection)


def _states(dsn, projection):
    with psycopg.connect(dsn) as connection:
        found = {state: versions.find(connection, projection, state) for state in ("live", "building", "previous")}
        schemas = connection.execute("select nspname from pg_namespace where nspname like %s", (f"{projection}_v%",))
        left = {name for (name,) in schemas.fetchall()}
    return {state: version.number for state, version in found.items() if version is not None}, left


class Follower:
    """A projection's process in a thread, over a log that grows."""

    def __init__(self, dsn, projection, log):
        store = PostgresStore(dsn, PROJECTIONS[projection], STREAMS)
        metrics = RunnerMetrics(Metrics(), projection)
        self.runner = Runner(projection, places_of(projection), lambda: Patient(log, 5), store, metrics)

    def __enter__(self):
        self.runner.start()
        return self.runner

    def __exit__(self, *_):
        self.runner.stop()
        assert self.runner.join(60)


def _more(log, first, count_):
    """More actions behind those that are there."""
    for n in range(first, first + count_):
        place = Place("actions.ordered", n % 2)
        last = log.records[place][-1]
        value = codec.encode(an_action(n, tenant="shop"))
        log.add([last._replace(offset=log.ends[place], append_time=last.append_time + 1, value=value)], markers=1)


@pytest.mark.parametrize("projection", STORIES)
def test_what_is_rebuilt_is_equal_and_serves(projection, tables):
    log = memory_log(projection, STORIES[projection]())
    project_all(tables, projection, log)
    wanted = _sum(tables, projection)
    done = rebuild(tables, projection, log).run()
    assert (done.equal, done.swapped, done.version) == (True, True, 2)
    assert done.rows == sum(len(records) for records in log.records.values())
    assert _sum(tables, projection) == wanted
    assert _states(tables, projection) == ({"live": 2, "previous": 1}, {f"{projection}_v1"})


def test_the_process_that_follows_goes_on_in_the_new_tables(tables):
    log = memory_log("timeline", STORIES["timeline"]())
    before = sum(len(r) for p, r in log.records.items() if p.topic == "actions.ordered") - 1  # one is rubbish
    grown = [1_000]

    def said(moment):
        # Records come at every step of the rebuild, and behind it.
        _more(log, grown[0], 7)
        grown[0] += 7

    with Follower(tables, "timeline", log) as runner:
        until(lambda: count(tables, "timeline") == before, 20, "the first rows")
        for number in (2, 3):
            done = rebuild(tables, "timeline", log, said).run()
            assert (done.equal, done.swapped, done.version) == (True, True, number)
        _more(log, grown[0], 10)
        added = grown[0] + 10 - 1_000
        until(lambda: count(tables, "timeline") == before + added, 20, "all rows once")
        assert runner.dead is None
    assert _states(tables, "timeline") == ({"live": 3, "previous": 2}, {"timeline_v2"})
    # And the way back: what served before did not follow; it is brought up to the log first.
    with Follower(tables, "timeline", log) as runner:
        back = rebuild(tables, "timeline", log).rollback()
        assert (back.equal, back.version) == (True, 2)
        _more(log, 5_000, 5)
        until(lambda: count(tables, "timeline") == before + added + 5, 20, "rows behind the way back")
    assert _states(tables, "timeline") == ({"live": 2, "previous": 3}, {"timeline_v3"})


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_run_ends_it(step, tables):
    log = memory_log("timeline", STORIES["timeline"]())
    project_all(tables, "timeline", log)
    wanted = _sum(tables, "timeline")
    command = [sys.executable, "-m", "tests.integration.projections.rebuild_process", tables, "timeline", step]
    killed = subprocess.run(command, cwd=CHECKOUT, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert _sum(tables, "timeline") == wanted  # what serves is whole, before the swap and after it

    def again():
        try:
            return rebuild(tables, "timeline", log).run()
        except Refused as refused:  # the server has not yet seen that the killed process is gone
            if refused.code != "rebuild_running":
                raise
            return None

    done = until(again, 20, "the lock of the killed rebuild to be let go")
    assert (done.equal, done.swapped) == (True, True)
    assert _sum(tables, "timeline") == wanted
    states, left = _states(tables, "timeline")
    swapped_before = step in ("swapped", "done")
    assert states == ({"live": 3, "previous": 2} if swapped_before else {"live": 2, "previous": 1})
    assert left == {f"timeline_v{states['previous']}"}


def test_what_differs_is_said_and_swapped_only_when_somebody_accepts_it(tables):
    log = memory_log("cases", STORIES["cases"]())
    project_all(tables, "cases", log)
    wanted = _sum(tables, "cases")
    with psycopg.connect(tables) as connection:
        connection.execute("delete from case_entries where tenant = 'shop'")
    refused = rebuild(tables, "cases", log).run()
    assert (refused.equal, refused.swapped, refused.version) == (False, False, 1)
    assert [(d.table, d.tenant, d.serving) for d in refused.differences] == [("case_entries", "shop", 0)]
    assert _states(tables, "cases")[0] == {"live": 1, "building": 2}
    accepted = rebuild(tables, "cases", log).run(accept=True)
    assert (accepted.equal, accepted.swapped, accepted.rows) == (False, True, 0)  # it was built already
    assert _sum(tables, "cases") == wanted


def test_verifying_only_leaves_nothing_behind(tables):
    log = memory_log("pages", STORIES["pages"]())
    project_all(tables, "pages", log)
    done = rebuild(tables, "pages", log).run(swap=False)
    assert (done.equal, done.swapped, done.version) == (True, False, 1)
    assert _states(tables, "pages") == ({"live": 1}, set())


def test_bad_input_is_refused_by_name(tables):
    log = memory_log("pages", STORIES["pages"]())
    with pytest.raises(Refused) as nothing:
        rebuild(tables, "pages", log).run()
    assert nothing.value.code == "rebuild_nothing"
    project_all(tables, "pages", log)
    with pytest.raises(Refused) as back:
        rebuild(tables, "pages", log).rollback()
    assert back.value.code == "rollback_nothing"
    running = []

    def said(moment):
        if moment.step == "begun":
            with pytest.raises(Refused) as second:
                rebuild(tables, "pages", log).run()
            running.append(second.value)

    rebuild(tables, "pages", log, said).run()
    assert [error.code for error in running] == ["rebuild_running"]
    assert "backend" in running[0].why


def test_a_table_that_was_dropped_comes_back(tables):
    log = memory_log("pages", STORIES["pages"]())
    project_all(tables, "pages", log)
    wanted = _sum(tables, "pages")
    with psycopg.connect(tables) as connection:
        connection.execute("drop table page_events")
    assert not rebuild(tables, "pages", log).run().swapped
    assert rebuild(tables, "pages", log).run(accept=True).swapped
    assert _sum(tables, "pages") == wanted


def test_a_new_shape_is_declared_by_a_migration_and_made_by_a_rebuild(tables, tmp_path, monkeypatch):
    log = memory_log("pages", STORIES["pages"]())
    project_all(tables, "pages", log)
    for file in migrate.FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    number = len(migrate.steps()) + 1
    text = "-- rebuild: pages\nalter table pages add column colour text not null default 'red';\n"
    (tmp_path / f"{number:04d}_colours.sql").write_text(text)
    assert migrate.apply(tables, tmp_path) == [f"{number:04d}_colours"]
    with psycopg.connect(tables) as connection:
        assert not connection.execute("select 1 from pg_attribute where attname = 'colour'").fetchall()
        with pytest.raises(NotReady) as waits:
            migrate.require_shape(connection, "pages", tmp_path)
        assert waits.value.code == "rebuild_needed"
    monkeypatch.setattr(migrate.steps, "__defaults__", (tmp_path,))
    monkeypatch.setattr(migrate.require, "__defaults__", (tmp_path, migrate.COMPONENT))
    done = rebuild(tables, "pages", log).run()
    assert (done.equal, done.swapped) == (True, True)
    with psycopg.connect(tables) as connection:
        migrate.require_shape(connection, "pages", tmp_path)
        assert connection.execute("select distinct colour from pages").fetchall() == [("red",)]


def test_days_that_the_archive_took_over_do_not_come_back(tables):
    story = [x._replace(append_time=x.append_time - 366 * DAY_MS) for x in STORIES["timeline"]()]
    log = memory_log("timeline", story)
    project_all(tables, "timeline", log)
    with psycopg.connect(tables) as connection:
        days = partitions._children(connection, partitions.SHARED)
        connection.execute(psycopg.sql.SQL("drop table {}").format(psycopg.sql.Identifier(min(days))))
    wanted = _sum(tables, "timeline")
    done = rebuild(tables, "timeline", log).run()
    assert (done.equal, done.swapped) == (True, True)
    assert _sum(tables, "timeline") == wanted
