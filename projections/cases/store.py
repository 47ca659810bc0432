"""The cases' half of a batch's transaction: load the rows the batch needs, fold, write."""

from __future__ import annotations

from collections.abc import Sequence

from projections import writing
from projections.cases.project import (
    CASE_ENTRIES,
    CASES,
    ENTRIES,
    CaseRow,
    EntryRow,
    case_keys,
    entry_keys,
    project,
)
from projections.reading import Said
from projections.tables import values_of
from projections.writing import Connection


class CasesWriter:
    """Keeps nothing between batches: what a batch needs is read inside its transaction."""

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Nothing to make ahead."""

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""
        entries: list[EntryRow] = writing.load(connection, ENTRIES, EntryRow, entry_keys(said), by="entry_id")
        cases: list[CaseRow] = writing.load(connection, CASES, CaseRow, case_keys(said), by="case_id")
        changes = project(
            said,
            {(row.tenant, row.entry_id): row for row in entries},
            {(row.tenant, row.case_id): row for row in cases},
        )
        writing.upsert(connection, ENTRIES, [values_of(row) for row in changes.entries])
        writing.upsert(connection, CASES, [values_of(row) for row in changes.cases])
        writing.append(connection, CASE_ENTRIES, [values_of(row) for row in changes.named])
