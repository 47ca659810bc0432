"""Versions of a read model in Postgres: made beside what serves, put in its place in one transaction, and dropped.

    live      the tables under their own names: what readers read, what the projection's process writes
    building  the same tables in the schema `<name>_v<n>`, made by running every migration there
    previous  what served before the last swap, in its schema, for a way back until the next rebuild begins

A swap moves tables between schemas rather than views between tables: migrations, row-level security, partitions and
everybody's SQL go on seeing tables under the names they know. It moves the positions in the same transaction.
Called by rebuild.py, which holds the lock of the read model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import sql

from projections import migrate, positions
from projections.catalog import Projection
from projections.errors import Refused
from projections.postgres import base
from projections.store import beside_name
from projections.timeline import partitions

Connection = psycopg.Connection[Any]
State = Literal["live", "building", "previous"]


@dataclass(frozen=True, slots=True)
class Version:
    """A version that does not serve (or the one that does). `shape`: how many migrations made its tables."""

    projection: str
    number: int
    shape: int

    @property
    def name(self) -> str:
        """Its schema, and the name of its positions."""
        return beside_name(self.projection, self.number)


def find(connection: Connection, projection: str, state: State) -> Version | None:
    """The version in that state, or None. What serves has no row before its first rebuild."""
    found = connection.execute(
        "select version, shape from projection_versions where projection = %s and state = %s", (projection, state)
    ).fetchone()
    return None if found is None else Version(projection, *found)


def begin(connection: Connection, projection: Projection) -> Version:
    """Make the tables of the next version, empty. One transaction of the caller's."""
    shape = len(migrate.steps())
    live = positions.version(connection, projection.name)
    connection.execute(
        "insert into projection_versions (projection, version, state, shape) values (%s, %s, 'live', %s)"
        " on conflict do nothing",
        (projection.name, live, shape),
    )
    highest = connection.execute(
        "select max(version) from projection_versions where projection = %s", (projection.name,)
    ).fetchone()
    assert highest is not None  # the row above
    version = Version(projection.name, highest[0] + 1, shape)
    _make(connection, projection, version)
    connection.execute(
        "insert into projection_versions (projection, version, state, shape) values (%s, %s, 'building', %s)",
        (projection.name, version.number, shape),
    )
    return version


def drop(connection: Connection, version: Version) -> None:
    """Forget a version that does not serve: tables, positions, rejects. One transaction of the caller's."""
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(version.name)))
    for table in ("projection_offsets", "projection_rejects"):
        connection.execute(
            sql.SQL("delete from {} where projection = %s").format(sql.Identifier(table)), (version.name,)
        )
    connection.execute(
        "delete from projection_versions where projection = %s and version = %s and state <> 'live'",
        (version.projection, version.number),
    )


def swap(connection: Connection, projection: Projection, new: Version) -> Version:
    """Put `new` in the place of what serves; returns what served. One transaction of the caller's, who has locked the
    positions of what serves (`hold`), so that its writer waits and then finds another version."""
    old = find(connection, projection.name, "live")
    assert old is not None  # `begin` wrote it
    home = base(connection)
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(old.name)))
    # A table that is missing from what serves may be why this is done; from the new one nothing may be missing.
    _move(connection, _tree(connection, projection.tables, home), home, old.name)
    found = _tree(connection, projection.tables, new.name)
    require_whole(new, projection.tables, found)
    _move(connection, found, new.name, home)
    for table in ("projection_offsets", "projection_rejects"):
        rename = sql.SQL("update {} set projection = %s where projection = %s").format(sql.Identifier(table))
        connection.execute(rename, (old.name, projection.name))
        connection.execute(rename, (projection.name, new.name))
    # One version a state (an index), and on the way back both change places.
    for version, state in ((new, "building"), (old, "previous"), (new, "live")):
        connection.execute(
            "update projection_versions set state = %s, swapped_at = now() where projection = %s and version = %s",
            (state, version.projection, version.number),
        )
    # What is left there is the migrations' own (a function); the schema is made again when it serves no more.
    connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(new.name)))
    return old


def _make(connection: Connection, projection: Projection, version: Version) -> None:
    """The schema with this projection's tables, as the migrations make them and with the same large tenants."""
    home, name = base(connection), sql.Identifier(version.name)
    connection.execute(sql.SQL("create schema {}").format(name))
    connection.execute(sql.SQL("set local search_path to {}").format(name))
    for step in migrate.steps():
        connection.execute(step.text)
    others = connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname <> all(%s)",
        (version.name, list(projection.tables)),
    ).fetchall()
    for (table,) in others:
        connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(version.name, table)))
    for parent in projection.tables:
        _own_partitions(connection, home, version.name, parent)
    connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(home)))


_CHILDREN = """
select c.relname, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid)
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
 where i.inhparent = to_regclass(%s) and c.relkind = 'p' and to_regclass(%s || '.' || quote_ident(c.relname)) is null
 order by c.relname
"""


def _own_partitions(connection: Connection, home: str, schema: str, parent: str) -> None:
    """Partitions that are divided further (large tenants') as the live table has them; days are made while filling."""
    for child, bound, key in connection.execute(_CHILDREN, (f"{home}.{parent}", schema)).fetchall():
        made, of = sql.Identifier(schema, child), sql.Identifier(schema, parent)
        connection.execute(
            sql.SQL("create table {} (like {} including defaults including constraints) partition by {}").format(
                made, of, sql.SQL(key)
            )
        )
        connection.execute(sql.SQL("alter table {} attach partition {} {}").format(of, made, sql.SQL(bound)))
        connection.execute("select mandate_protect(to_regclass(%s), false)", (f"{schema}.{child}",))


_TREE = """
with recursive tree(oid) as (
  select c.oid from pg_class c
   where c.relnamespace = to_regnamespace(%s) and c.relname = any(%s) and c.relkind in ('r', 'p')
  union all select i.inhrelid from tree join pg_inherits i on i.inhparent = tree.oid)
select c.relname from tree join pg_class c using (oid) order by c.relname
"""


def retire(connection: Connection, projection: Projection, version: Version) -> None:
    """Drop days that what serves has let go because the archive has them; history would bring them back.

    One transaction of the caller's.
    """
    serving = set(_tree(connection, projection.tables, base(connection)))
    for name in _tree(connection, projection.tables, version.name):
        if name not in serving and partitions.is_retired(connection, name):
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(version.name, name)))


def tables(connection: Connection, projection: Projection, version: Version) -> list[str]:
    """The tables of a version that does not serve, partitions included."""
    return _tree(connection, projection.tables, version.name)


def require_whole(version: Version, wanted: Sequence[str], found: Sequence[str]) -> None:
    """Raises Refused `table_missing` when a table of the version is not there."""
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise Refused(
            "table_missing",
            f"table {version.name}.{missing[0]}",
            "it is not there",
            f"Rebuild again: mandate rebuild {version.projection} makes a new version; look at who dropped the table.",
        )


def _tree(connection: Connection, names: Sequence[str], schema: str) -> list[str]:
    return [name for (name,) in connection.execute(_TREE, (schema, list(names))).fetchall()]


def _move(connection: Connection, names: Sequence[str], source: str, target: str) -> None:
    """Tables (partitions are named too) into another schema; their indexes go with them."""
    for name in names:
        connection.execute(
            sql.SQL("alter table {} set schema {}").format(sql.Identifier(source, name), sql.Identifier(target))
        )
