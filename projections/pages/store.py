"""The pages' half of a batch's transaction: load the paging of the batch's incidents, fold, write."""

from __future__ import annotations

from collections.abc import Sequence

from projections import writing
from projections.entries import Entry
from projections.pages.project import ESCALATIONS, PAGES, EscalationRow, Key, PageRow, Paging, keys, project
from projections.reading import Said
from projections.tables import Table, values_of
from projections.writing import Connection

EVENTS = Table.of("page_events", Entry, ())


class PagesWriter:
    """Keeps nothing between batches. An incident has at most rounds × steps × channels pages, some dozens."""

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Nothing to make ahead."""

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""
        changes = project(said, _present(connection, keys(said)))
        writing.upsert(connection, PAGES, [values_of(row) for row in changes.pages])
        writing.upsert(connection, ESCALATIONS, [values_of(row) for row in changes.escalations])
        writing.append(connection, EVENTS, [values_of(row) for row in changes.events])


def _present(connection: Connection, wanted: Sequence[Key]) -> dict[Key, Paging]:
    pages: list[PageRow] = writing.load(connection, PAGES, PageRow, wanted)
    escalations: list[EscalationRow] = writing.load(connection, ESCALATIONS, EscalationRow, wanted)
    found: dict[Key, dict[bytes, PageRow]] = {}
    for page in pages:
        found.setdefault((page.tenant, page.incident_id), {})[page.notification_id] = page
    by_incident = {(row.tenant, row.incident_id): row for row in escalations}
    return {
        key: Paging(by_incident.get(key), found.get(key, {})) for key in wanted if key in found or key in by_incident
    }
