"""A checksum of a projection that does not depend on the order of rows, nor on when they were written.

A rebuild from the log into an empty database must give the same. `python -m projections checksum NAME`.
"""

from __future__ import annotations

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
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
            " and attname <> all(%s) order by attname",
            (name, list(UNSTABLE)),
        ).fetchall()
        query = sql.SQL(
            "select count(*), coalesce(sum(('x' || left(md5(row({})::text), 16))::bit(64)::bigint::numeric), 0) from {}"
        ).format(sql.SQL(", ").join(sql.Identifier(c) for (c,) in columns), sql.Identifier(name))
        found = connection.execute(query).fetchone()
        assert found is not None  # an aggregate has one row
        out.append(TableSum(name, int(found[0]), int(found[1])))
    return tuple(out)


def checksum(connection: psycopg.Connection[Any], projection: str) -> str:
    """One hexadecimal SHA-256 over all of a projection's tables."""
    lines = "".join(f"{t.name} {t.rows} {t.total}\n" for t in tables(connection, projection))
    return sha256(lines.encode()).hexdigest()
