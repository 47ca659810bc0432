"""A checksum of a projection that does not depend on the order of rows, nor on when they were written.

A rebuild from the log into an empty database must give the same. `python -m projections checksum NAME`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql

from projections.catalog import PROJECTIONS

# The database's own clock: the only column that a rebuild gives anew.
UNSTABLE = ("processed_at",)


@dataclass(frozen=True, slots=True)
class TableSum:
    """Rows of a table, and the sum of the first 64 bits of each row's MD5."""

    name: str
    rows: int
    total: int


def tables(connection: psycopg.Connection[Any], projection: str) -> tuple[TableSum, ...]:
    """The sums of a projection's tables, in the catalog's order."""
    out = []
    for name in PROJECTIONS[projection].tables:
        found = _sums(connection, sql.Identifier(name), columns(connection, name), ())
        out.append(TableSum(name, *found[0]))
    return tuple(out)


def by_tenant(
    connection: psycopg.Connection[Any], table: str, schema: str, of: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Rows and sum of each tenant in a table of that schema, over the columns `of`."""
    found = _sums(connection, sql.Identifier(schema, table), of, ("tenant",))
    return {tenant: (rows, total) for tenant, rows, total in found}


def columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """The columns of a table that a rebuild gives again, by name; `table` may be qualified. None: there is no table."""
    found = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
        " and attname <> all(%s) order by attname",
        (table, list(UNSTABLE)),
    ).fetchall()
    return [name for (name,) in found]


def _sums(
    connection: psycopg.Connection[Any], table: sql.Identifier, of: Sequence[str], groups: Sequence[str]
) -> list[tuple[Any, ...]]:
    grouped = [sql.Identifier(name) for name in groups]
    query = sql.SQL(
        "select {} count(*)::bigint, coalesce(sum(('x' || left(md5(row({})::text), 16))::bit(64)::bigint::numeric), 0)"
        " from {} {}"
    ).format(
        sql.SQL("").join(sql.SQL("{}, ").format(g) for g in grouped),
        sql.SQL(", ").join(sql.Identifier(c) for c in of),
        table,
        sql.SQL("group by {}").format(sql.SQL(", ").join(grouped)) if grouped else sql.SQL(""),
    )
    return [(*row[:-1], int(row[-1])) for row in connection.execute(query).fetchall()]


def checksum(connection: psycopg.Connection[Any], projection: str) -> str:
    """One hexadecimal SHA-256 over all of a projection's tables."""
    lines = "".join(f"{t.name} {t.rows} {t.total}\n" for t in tables(connection, projection))
    return sha256(lines.encode()).hexdigest()
