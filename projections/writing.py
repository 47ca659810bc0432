"""Rows into Postgres inside the batch's transaction: COPY BINARY to append, COPY to a temporary table to change.

Called by the store.py of each projection. It needs a role that row-level security does not bind (COPY is refused
otherwise).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from projections.errors import ProjectionError
from projections.tables import Table, packed

Connection = psycopg.Connection[Any]
Row = Sequence[Any]

# In the order of _Statements.
_TEXTS: Sequence[LiteralString] = (
    "copy {table} ({columns}) from stdin (format binary)",
    "create temporary table if not exists {new_stage} (like {table} including defaults) on commit delete rows",
    "delete from {stage}",
    "copy {stage} ({columns}) from stdin (format binary)",
    "insert into {table} as t ({columns}) select {columns} from {stage}"
    " on conflict ({key}) do update set ({columns}) = row({new}) where excluded.version > t.version",
    "insert into {table} ({columns}) select {columns} from {stage} on conflict do nothing",
)


def append(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """COPY rows that are new by construction: their key is their place in the log."""
    if rows:
        _copy(connection, _statements(table).copy, table, rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert or replace whole rows by `table.key`, at most one row a key; guarded by the column `version`.

    Raises ProjectionError `row_newer_than_log` when a stored row is not older: then another writer is at work that does
    not move the positions, and this transaction must not end.
    """
    if not rows:
        return
    stage(connection, table, rows)
    cursor = connection.execute(_statements(table).upsert)
    if cursor.rowcount != len(rows):
        raise ProjectionError(
            "row_newer_than_log",
            f"table {table.name}",
            f"{len(rows) - cursor.rowcount} rows are newer than the records being projected",
            "Find the other writer; rebuild this projection.",
        )


def append_once(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Append rows whose key may be there already; the first one stays."""
    if rows:
        stage(connection, table, rows)
        connection.execute(_statements(table).append_once)


def load(
    connection: Connection, table: Table, row: type, keys: Sequence[tuple[str, bytes]], by: str = "incident_id"
) -> list[Any]:
    """Rows of `table` as instances of `row`, for these pairs of tenant and id; `by` names the id's column."""
    if not keys:
        return []
    ids = [UUID(bytes=value) for _, value in keys]
    found = connection.execute(_loading(table, by), ([tenant for tenant, _ in keys], ids)).fetchall()
    return [row(*(_back(kind, value) for (_, kind), value in zip(table.columns, r, strict=True))) for r in found]


def _back(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "uuid":
        return value.bytes
    return tuple(value) if isinstance(value, list) else value


def stage(connection: Connection, table: Table, rows: Sequence[Row]) -> sql.Identifier:
    """Rows in a temporary table of this transaction; returns its name."""
    said = _statements(table)
    connection.execute(said.stage)
    # A batch may stage twice in one transaction.
    connection.execute(said.clear)
    _copy(connection, said.copy_staged, table, rows)
    return _staged(table)


def _copy(connection: Connection, statement: bytes, table: Table, rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in packed(table, rows):
            copy.write(chunk)


class _Statements(NamedTuple):
    """What is said of a table, as bytes."""

    copy: bytes
    stage: bytes
    clear: bytes
    copy_staged: bytes
    upsert: bytes
    append_once: bytes


# All read models have fewer tables. Putting a statement together took longer than Postgres takes for a small batch.
@lru_cache(maxsize=128)
def _statements(table: Table) -> _Statements:
    parts = {
        "table": sql.Identifier(table.name),
        "columns": _names(table.names),
        "stage": _staged(table),
        "new_stage": sql.Identifier(f"stage_{table.name}"),
        "key": _names(table.key),
        "new": sql.SQL(", ").join(sql.Identifier("excluded", name) for name in table.names),
    }
    return _Statements(*(sql.SQL(text).format(**parts).as_bytes() for text in _TEXTS))


@lru_cache(maxsize=128)
def _loading(table: Table, by: str) -> bytes:
    text = "select {} from {} where (tenant, {}) in (select * from unnest(%s::text[], %s::uuid[]))"
    return sql.SQL(text).format(_names(table.names), sql.Identifier(table.name), sql.Identifier(by)).as_bytes()


def _staged(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"stage_{table.name}")


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
