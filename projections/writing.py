"""Rows into Postgres inside the batch's transaction: COPY BINARY to append, COPY to a temporary table to change.

Called by the store.py of each projection. It needs a role that row-level security does not bind (COPY is refused
otherwise).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from projections.errors import ProjectionError
from projections.tables import Table, packed

Connection = psycopg.Connection[Any]
Row = Sequence[Any]


def append(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """COPY rows that are new by construction: their key is their place in the log."""
    if rows:
        _copy(connection, table.name, table, rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert or replace whole rows by `table.key`, at most one row a key; guarded by the column `version`.

    Raises ProjectionError `row_newer_than_log` when a stored row is not older: then another writer is at work that does
    not move the positions, and this transaction must not end.
    """
    if not rows:
        return
    staged = stage(connection, table, rows)
    cursor = connection.execute(
        sql.SQL(
            "insert into {table} as t ({columns}) select {columns} from {stage}"
            " on conflict ({key}) do update set ({columns}) = row({new}) where excluded.version > t.version"
        ).format(
            table=sql.Identifier(table.name),
            columns=_names(table.names),
            stage=staged,
            key=_names(table.key),
            new=sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(n)) for n in table.names),
        )
    )
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
        staged = stage(connection, table, rows)
        connection.execute(
            sql.SQL("insert into {} ({columns}) select {columns} from {} on conflict do nothing").format(
                sql.Identifier(table.name), staged, columns=_names(table.names)
            )
        )


def load(
    connection: Connection, table: Table, row: type, keys: Sequence[tuple[str, bytes]], by: str = "incident_id"
) -> list[Any]:
    """Rows of `table` as instances of `row`, for these pairs of tenant and id; `by` names the id's column."""
    if not keys:
        return []
    query = sql.SQL("select {} from {} where (tenant, {}) in (select * from unnest(%s::text[], %s::uuid[]))").format(
        _names(table.names), sql.Identifier(table.name), sql.Identifier(by)
    )
    ids = [UUID(bytes=value) for _, value in keys]
    found = connection.execute(query, ([tenant for tenant, _ in keys], ids)).fetchall()
    return [row(*(_back(kind, value) for (_, kind), value in zip(table.columns, r, strict=True))) for r in found]


def _back(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "uuid":
        return value.bytes
    return tuple(value) if isinstance(value, list) else value


def stage(connection: Connection, table: Table, rows: Sequence[Row]) -> sql.Identifier:
    """Rows in a temporary table of this transaction; returns its name."""
    name = f"stage_{table.name}"
    connection.execute(
        sql.SQL("create temporary table if not exists {} (like {} including defaults) on commit delete rows").format(
            sql.Identifier(name), sql.Identifier(table.name)
        )
    )
    # A batch may stage twice in one transaction.
    connection.execute(sql.SQL("delete from {}").format(sql.Identifier("pg_temp", name)))
    _copy(connection, name, table, rows)
    return sql.Identifier("pg_temp", name)


def _copy(connection: Connection, name: str, table: Table, rows: Sequence[Row]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(name), _names(table.names))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in packed(table, rows):
            copy.write(chunk)


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
