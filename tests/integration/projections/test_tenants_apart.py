"""Row-level security on a real Postgres: a reader sees one tenant or nothing, in every table there is."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from projections import migrate
from projections.catalog import PROJECTIONS
from projections.errors import NotReady, Refused
from projections.postgres import READER, scoped, writer
from projections.tables import Table
from projections.timeline import partitions
from tests.integration.projections.tenants import STORIES, count, fill, memory_log, pool_of, project_all

TENANT_TABLES = """
select c.relname, c.relrowsecurity, c.relforcerowsecurity,
       (select count(*) from pg_policy p where p.polrelid = c.oid
         and pg_get_expr(p.polqual, p.polrelid) like '%%tenant = current_setting(''mandate.tenant''%%')
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname = 'public' and not c.relname = any(%s) order by 1
"""
# The archive's own books name tenants, hold nothing of theirs, and no reader may look into them.
BOOKS = ["archive_manifest", "archive_removals"]


def _tables(connection):
    return [row[0] for row in connection.execute(TENANT_TABLES, (BOOKS,)).fetchall()]


def test_every_table_of_tenants_forces_row_level_security(tables):
    fill(tables)
    with psycopg.connect(tables) as connection:
        partitions.promote(connection, "bank")
        found = connection.execute(TENANT_TABLES, (BOOKS,)).fetchall()
    assert {name for p in PROJECTIONS.values() for name in p.tables} <= {row[0] for row in found}
    assert any(row[0].startswith("timeline_shared_") for row in found)
    assert any(row[0].startswith("timeline_own_") for row in found)
    assert [row[0] for row in found if row[1:] != (True, True, 1)] == []


def test_a_reader_without_a_tenant_sees_nothing(tables):
    fill(tables)
    with psycopg.connect(tables) as connection:
        names = [n for n in _tables(connection) if not n.startswith("timeline_shared")]
        assert all(count(tables, name) > 0 for name in names)
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(READER)))
        for setting in (None, "", "nobody"):
            if setting is not None:
                connection.execute("select set_config('mandate.tenant', %s, false)", (setting,))
            for name in names:
                query = sql.SQL("select count(*) from {}").format(sql.Identifier(name))
                assert connection.execute(query).fetchone() == (0,), name


def test_a_reader_sees_its_tenant_only_and_writes_nothing(tables):
    fill(tables)
    with psycopg.connect(tables) as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(READER)))
        connection.execute("select set_config('mandate.tenant', 'bank', false)")
        assert connection.execute("select distinct tenant from timeline").fetchall() == [("bank",)]
        assert connection.execute("select title from incidents").fetchall() == [("another tenant's",)]
        connection.commit()
        for statement in ("delete from incidents", "update timeline set actor = 'x'", "select * from timeline_shared"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()
        for own in ("projection_rejects", *BOOKS):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier(own)))
            connection.rollback()


async def test_scoped_is_read_only_and_ends_with_its_transaction(tables):
    fill(tables)
    pool = await pool_of(tables)
    try:
        async with scoped(pool, "shop") as scope:
            row = await scope.row("select current_user as who, current_setting('statement_timeout') as limit", {})
            assert row == {"who": READER, "limit": "5s"}
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await scope.rows("create temporary table x (y int)", {})
        for _ in range(3):  # whichever connection of the pool it was
            async with pool.connection() as connection:
                found = await (
                    await connection.execute("select current_user, current_setting('mandate.tenant', true)")
                ).fetchone()
                assert found is not None
                assert found[0] != READER
                assert not found[1]
                await connection.execute("create temporary table if not exists x (y int)")
    finally:
        await pool.close()


def test_a_writer_that_row_level_security_binds_is_refused(postgres, tables):
    with psycopg.connect(tables, autocommit=True) as connection:
        connection.execute("drop role if exists bound_writer")
        connection.execute("create role bound_writer login password 'x'")
    bound = tables.replace("mandate:only-for-tests@", "bound_writer:x@")
    assert bound != tables
    with pytest.raises(Refused) as caught:
        writer(bound, "timeline")
    assert caught.value.code == "writer_role"


def test_a_large_tenant_moves_into_its_own_partition(tables):
    log = memory_log("timeline", STORIES["timeline"]())
    project_all(tables, "timeline", log)
    with psycopg.connect(tables) as connection:
        before = connection.execute('select * from timeline order by tenant, topic, partition, "offset"').fetchall()
        connection.commit()
        name = partitions.promote(connection, "shop")
        assert partitions.promote(connection, "shop") == name
        after = connection.execute('select * from timeline order by tenant, topic, partition, "offset"').fetchall()
        assert after == before
        assert connection.execute("select distinct tenant from timeline_shared").fetchall() == [("bank",)]
        query = sql.SQL("select distinct tenant from {}").format(sql.Identifier(name))
        assert connection.execute(query).fetchall() == [("shop",)]
        connection.commit()
        partitions.ensure(connection, [30_000])
        assert {c for c in partitions._children(connection, name) if c.endswith("20520220")}


def test_tables_are_what_the_code_says(tables):
    """Every description in code has the columns and types of the catalogue, all but what the database sets itself."""
    from projections import store
    from projections.cases import project as cases
    from projections.incidents import blast, corrected, suggested
    from projections.incidents import rows as incidents
    from projections.incidents.store import EVENTS as INCIDENT_EVENTS
    from projections.pages import project as pages
    from projections.pages.store import EVENTS as PAGE_EVENTS
    from projections.review import project as review
    from projections.timeline import project as timeline

    modules = (store, cases, incidents, blast, corrected, suggested, pages, review, timeline)
    found = [t for m in modules for t in vars(m).values() if isinstance(t, Table)]
    described = {t.name: t for t in (*found, INCIDENT_EVENTS, PAGE_EVENTS)}
    assert set(described) == {name for p in PROJECTIONS.values() for name in p.tables} | {"projection_rejects"}
    with psycopg.connect(tables) as connection:
        for table in described.values():
            columns: dict[str, str] = dict(
                connection.execute(
                    "select attname, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass"
                    " and attnum > 0 and not attisdropped and attname <> 'processed_at'",
                    (table.name,),
                ).fetchall()
            )
            names = {"bigint": "int8", "boolean": "bool"}
            assert {n: names.get(t, t) for n, t in columns.items()} == dict(table.columns), table.name


def test_migrating_twice_changes_nothing_and_strangers_are_refused(database, tmp_path):
    from projections.store import PostgresStore

    store = PostgresStore(database, PROJECTIONS["pages"], {})
    with pytest.raises(NotReady) as early:
        store.open()
    assert early.value.code == "not_migrated"
    store.close()
    assert migrate.apply(database) == [f"{s.version:04d}_{s.name}" for s in migrate.steps()]
    assert migrate.apply(database) == []
    for step in migrate.steps():
        (tmp_path / f"{step.version:04d}_{step.name}.sql").write_text(step.text)
    last = sorted(tmp_path.glob("*.sql"))[-1]
    last.write_text(last.read_text() + "-- changed\n")
    with pytest.raises(Refused) as changed:
        migrate.apply(database, tmp_path)
    assert changed.value.code == "migration_changed"
    last.unlink()
    with pytest.raises(Refused) as newer:
        migrate.apply(database, tmp_path)
    assert newer.value.code == "database_newer"


def test_components_are_apart(tables, tmp_path):
    (tmp_path / "0001_own.sql").write_text("create table own (a int)")
    assert migrate.apply(tables, tmp_path, component="another") == ["0001_own"]
    assert migrate.apply(tables) == []


def test_a_migration_that_fails_leaves_nothing(database, tmp_path):
    (tmp_path / "0001_good.sql").write_text("create table if not exists good (a int)")
    (tmp_path / "0002_bad.sql").write_text("create table half (a int); select 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.apply(database, tmp_path, component="test")
    with psycopg.connect(database) as connection:
        found = connection.execute("select to_regclass('good') is null, to_regclass('half') is null").fetchone()
        assert found == (False, True)
