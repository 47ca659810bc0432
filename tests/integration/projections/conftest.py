"""A migrated database per test."""

from __future__ import annotations

import pytest

from projections import migrate


@pytest.fixture
def tables(database: str) -> str:
    """DSN of a new database with all tables."""
    assert migrate.apply(database)
    return database
