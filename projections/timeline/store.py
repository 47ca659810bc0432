"""The timeline's half of a batch's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from projections.reading import Said
from projections.timeline import partitions
from projections.timeline.project import DRIFTS, GAPS, TIMELINE, day_of, project
from projections.writing import Connection, append
from schemas.head import Head

_ADD = """
insert into timeline_counts as t (tenant, day, rows)
select * from unnest(%s::text[], %s::bigint[], %s::bigint[])
    on conflict (tenant, day) do update set rows = t.rows + excluded.rows
"""


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
            connection.execute(_ADD, [list(column) for column in zip(*changes.counts, strict=True)])
