"""The review's half of a batch's transaction: load the episodes that the batch needs, fold, write."""

from __future__ import annotations

from collections.abc import Sequence

from projections import writing
from projections.reading import Said
from projections.review.project import RATES, REVIEWS, STATES, ReviewRow, keys, project
from projections.tables import values_of
from projections.writing import Connection


class ReviewWriter:
    """Keeps nothing between batches: what a batch needs is read inside its transaction."""

    def prepare(self, connection: Connection, said: Sequence[Said]) -> None:
        """Nothing to make ahead."""

    def write(self, connection: Connection, said: Sequence[Said]) -> None:
        """Inside the transaction, after the positions have moved."""
        present: list[ReviewRow] = writing.load(connection, REVIEWS, ReviewRow, keys(said), by="flood_id")
        changes = project(said, {(row.tenant, row.flood_id): row for row in present})
        writing.upsert(connection, REVIEWS, [values_of(row) for row in changes.reviews])
        writing.upsert(connection, RATES, [values_of(row) for row in changes.rates])
        writing.upsert(connection, STATES, [values_of(row) for row in changes.states])
