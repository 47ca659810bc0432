"""Partitions of the timeline: days, created ahead, and a list partition of its own for a tenant that grows large.

A day's table is made and then attached: ATTACH locks the parent less than CREATE … PARTITION OF, so readers go on.
Old days are dropped by the archive's upkeep (`retire`), once the archive has them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import sql

from projections.timeline.project import DAY_MS

Connection = psycopg.Connection[Any]

SHARED = "timeline_shared"
DAYS_AHEAD = 2
# Older days are answered from the archive. Seven of them are hot by being in memory; no code tells those from the rest.
WARM_DAYS = 90
# One lock for all who make partitions of the timeline; arbitrary, never changed.
LOCK = 7_221_340_154
_EPOCH = date(1970, 1, 1)


def today(connection: Connection) -> int:
    """The database's day, as days since 1970 (UTC)."""
    found = connection.execute("select floor(extract(epoch from clock_timestamp()))::bigint").fetchone()
    assert found is not None  # one row by construction
    return int(found[0]) // 86_400


def ensure(connection: Connection, days: Iterable[int]) -> None:
    """Make the tables of these days, and of today to DAYS_AHEAD, in every list partition. Commits by itself."""
    with connection.transaction():
        first = today(connection)
        wanted = sorted({*days, *range(first, first + DAYS_AHEAD + 1)})
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        for parent in list_partitions(connection):
            present = _children(connection, parent)
            for day in wanted:
                if _name(parent, day) not in present:
                    _make_day(connection, parent, day)


def list_partitions(connection: Connection) -> list[str]:
    """The partitions of `timeline` by tenant: the shared one and those of large tenants."""
    return sorted(_children(connection, "timeline"))


def own_partition(tenant: str) -> str:
    """The name of a large tenant's list partition."""
    return f"timeline_own_{blake2b(tenant.encode(), digest_size=8).hexdigest()}"


def promote(connection: Connection, tenant: str) -> str:
    """Give a tenant a list partition of its own and move its rows there; returns its name. Commits by itself.

    Readers and the projection wait meanwhile; a repetition changes nothing.
    """
    name = own_partition(tenant)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        if name in list_partitions(connection):
            return name
        connection.execute("lock table timeline in access exclusive mode")
        connection.execute(
            sql.SQL(
                "create table {} (like timeline including defaults including constraints)"
                " partition by range (append_time)"
            ).format(sql.Identifier(name))
        )
        for child in sorted(_children(connection, SHARED)):
            _make_day(connection, name, _day(child))
        connection.execute(
            sql.SQL(
                "with moved as (delete from {} where tenant = %s returning *) insert into {} select * from moved"
            ).format(sql.Identifier(SHARED), sql.Identifier(name)),
            (tenant,),
        )
        connection.execute(
            sql.SQL("alter table timeline attach partition {} for values in ({})").format(
                sql.Identifier(name), sql.Literal(tenant)
            )
        )
        _protect(connection, name)
    return name


def retire(
    connection: Connection, cold: Mapping[int, Mapping[str, int]], removed: Mapping[int, Collection[str]]
) -> list[int]:
    """Drop the tables of days that are older than WARM_DAYS and wholly archived; returns those days. Commits by itself.

    `cold`: records by day and tenant in the layout by tenant and date. A day stays while that has fewer than the table,
    or while the archive has not passed one of the table's rows. Tenants `removed` from a day in the archive do not
    count there: their rows go with the table.
    """
    dropped: list[int] = []
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        tables: dict[int, list[str]] = {}
        for parent in list_partitions(connection):
            for child in _children(connection, parent):
                tables.setdefault(_day(child), []).append(child)
        for day in sorted(day for day in tables if day < today(connection) - WARM_DAYS):
            gone = removed.get(day, ())
            there = sum(count for tenant, count in cold.get(day, {}).items() if tenant not in gone)
            if sum(_kept(connection, name, gone) for name in tables[day]) <= there:
                for name in tables[day]:
                    connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
                dropped.append(day)
    return dropped


def is_retired(connection: Connection, name: str) -> bool:
    """Whether a table of a day is older than what Postgres keeps; `retire` has dropped it, or will."""
    return name.startswith("timeline_") and _dated(name) and _day(name) < today(connection) - WARM_DAYS


def _dated(name: str) -> bool:
    digits = name.rpartition("_")[2]
    return len(digits) == 8 and digits.isdecimal()


def _kept(connection: Connection, name: str, gone: Collection[str]) -> int:
    """Rows of a day's table but those of tenants who are gone; sys.maxsize when one of them is not archived."""
    found = connection.execute(
        sql.SQL(
            "select coalesce(sum(t.rows), 0), coalesce(bool_and(t.last < coalesce(o.next_offset, 0)), true) from"
            ' (select topic, partition, count(*) as rows, max("offset") as last from {}'
            " where tenant <> all(%s) group by 1, 2) t"
            " left join projection_offsets o on o.projection = 'archive'"
            " and o.topic = t.topic and o.partition = t.partition"
        ).format(sql.Identifier(name)),
        (list(gone),),
    ).fetchone()
    assert found is not None  # one row by construction
    return int(found[0]) if found[1] else sys.maxsize


def _make_day(connection: Connection, parent: str, day: int) -> None:
    name = _name(parent, day)
    connection.execute(
        sql.SQL("create table {} (like {} including defaults including constraints)").format(
            sql.Identifier(name), sql.Identifier(parent)
        )
    )
    connection.execute(
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            sql.Identifier(parent),
            sql.Identifier(name),
            sql.Literal(day * DAY_MS),
            sql.Literal((day + 1) * DAY_MS),
        )
    )
    _protect(connection, name)


def _protect(connection: Connection, name: str) -> None:
    connection.execute("select mandate_protect(%s::regclass, false)", (name,))


def _children(connection: Connection, parent: str) -> set[str]:
    found = connection.execute(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = %s::regclass",
        (parent,),
    ).fetchall()
    return {name for (name,) in found}


def _name(parent: str, day: int) -> str:
    return f"{parent}_{_EPOCH + timedelta(days=day):%Y%m%d}"


def _day(name: str) -> int:
    digits = name.rpartition("_")[2]
    return (date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) - _EPOCH).days
