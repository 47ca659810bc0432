"""The timeline's half of a batch's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from projections.reading import Said
from projections.timeline import partitions
from projections.timeline.project import COUNTS, DRIFTS, GAPS, TIMELINE, day_of, project
from projections.writing import Connection, append, stage
from schemas.head import Head

_ADD = sql.SQL(
    "insert into timeline_counts as t (tenant, day, rows) select tenant, day, rows from {}"
    " on conflict (tenant, day) do update set rows = t.rows + excluded.rows"
)


class TimelineWriter:
    """Appends rows; remembers which days have tables. One a connection: after an error a new one is made."""

    def __init__(self) -> None:
        self._days: set[int] = set()

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Before the transaction: make the tables of the days that this batch needs."""
        needed = {day_of(each.record.append_time) for each in said if isinstance(each.message, Head)}
        if not needed <= self._days:
            partitions.ensure(connection, needed)
            self._days |= needed

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""
        changes = project(said)
        append(connection, TIMELINE, changes.timeline)
        append(connection, GAPS, changes.gaps)
        append(connection, DRIFTS, changes.drifts)
        if changes.counts:
            # A difference, not an absolute value: exactly once because the positions are.
            staged = stage(connection, COUNTS, changes.counts)
            connection.execute(_ADD.format(staged))
