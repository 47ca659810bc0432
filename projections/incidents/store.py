"""The incidents' half of a batch's transaction: load the rows the batch needs, fold, write."""

from __future__ import annotations

from collections.abc import Sequence

from projections import writing
from projections.entries import Entry
from projections.incidents import blast, corrected, suggested
from projections.incidents.project import Key, keys, project
from projections.incidents.rows import (
    ALERT_ENDS,
    ALERTS,
    ANSWERS,
    CHANGES,
    HEALED,
    INCIDENTS,
    REFUSALS,
    REPORTS,
    IncidentRow,
)
from projections.incidents.suggested import SuggestionRow
from projections.reading import Said
from projections.tables import Table, values_of
from projections.writing import Connection

EVENTS = Table.of("incident_events", Entry, ())


class IncidentsWriter:
    """Keeps nothing between batches: what a batch needs is read inside its transaction."""

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Nothing to make ahead."""

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""
        changes = project(said, _present(connection, keys(said)))
        _write_suggested(connection, said)
        writing.upsert(connection, INCIDENTS, [values_of(row) for row in changes.incidents])
        writing.append(connection, EVENTS, [values_of(row) for row in changes.events])
        writing.append(connection, CHANGES, [values_of(row) for row in changes.changes])
        writing.append(connection, HEALED, [values_of(row) for row in changes.healed])
        writing.append(connection, REFUSALS, [values_of(row) for row in changes.refusals])
        writing.append(connection, REPORTS, [values_of(row) for row in changes.reports])
        writing.append(connection, ALERTS, [values_of(row) for row in changes.alerts])
        writing.append(connection, ALERT_ENDS, [values_of(row) for row in changes.alert_ends])
        writing.append_once(connection, ANSWERS, [values_of(row) for row in changes.answers])
        blast.write(connection, said)
        corrected.write(connection, said)


def _present(connection: Connection, wanted: Sequence[Key]) -> dict[Key, IncidentRow]:
    rows: list[IncidentRow] = writing.load(connection, INCIDENTS, IncidentRow, wanted)
    return {(row.tenant, row.incident_id): row for row in rows}


def _write_suggested(connection: Connection, said: Sequence[Said]) -> None:
    wanted = suggested.keys(said)
    rows: list[SuggestionRow] = writing.load(
        connection, suggested.SUGGESTIONS, SuggestionRow, wanted, by="suggestion_id"
    )
    changes = suggested.project(said, {(row.tenant, row.suggestion_id): row for row in rows})
    writing.upsert(connection, suggested.SUGGESTIONS, [values_of(row) for row in changes.suggestions])
    writing.append(connection, suggested.BREACHES, [values_of(row) for row in changes.breaches])
    writing.append(connection, suggested.BREACH_ENDS, [values_of(row) for row in changes.breach_ends])
