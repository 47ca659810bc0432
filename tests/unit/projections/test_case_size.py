"""How large a case is: limits of RML 2.2 on what its entries say, and nothing where nothing was measured."""

from __future__ import annotations

from typing import Any

import pytest

from projections.cases.size import sized

DAY = 86_400_000


def a_row(**changes: Any) -> dict[str, Any]:
    """Two charges of 49.00 EUR to one customer, a minute apart."""
    row = {"reason": "second_charge", "amount": "4900", "currency": "EUR", "entries_count": 2, "parties": 1}
    return row | {"unnamed": 0, "first_at": 0, "last_at": 60_000} | changes


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, "small"),
        ({"amount": "-4900"}, "small"),
        ({"amount": "100000"}, "small"),
        ({"amount": "100001"}, "medium"),
        ({"amount": "50000", "entries_count": 4}, "medium"),  # three too many
        ({"amount": "10000000"}, "medium"),
        ({"amount": "10000001"}, "large"),
        ({"reason": "label", "amount": "100000", "entries_count": 1}, "small"),
        ({"parties": 10}, "small"),
        ({"parties": 11}, "medium"),
        ({"parties": 100_001}, "large"),
        ({"parties": 0, "unnamed": 2}, "medium"),  # unknown is not small
        ({"last_at": 7 * DAY - 1}, "small"),
        ({"last_at": 7 * DAY}, "medium"),
        ({"currency": "USD"}, None),
        ({"currency": None}, None),
        ({"amount": None}, None),
        ({"amount": "many"}, None),
        ({"reason": "label", "amount": None, "entries_count": 0, "first_at": None, "last_at": None}, None),
    ],
)
def test_the_largest_of_parties_money_and_time(changes: dict[str, Any], size: str | None) -> None:
    found = sized(a_row(**changes))
    assert found["size"] == size
    assert found["size_why"].endswith(".")
    assert found["size_why"].startswith("Not known") is (size is None)


def test_the_summary_is_of_the_entries() -> None:
    assert sized(a_row(entries_count=3))["summary"] == {
        "parties": 1,
        "amount": "9800",
        "first_at": "1970-01-01T00:00:00.000Z",
        "last_at": "1970-01-01T00:01:00.000Z",
    }
    assert sized(a_row(unnamed=1))["summary"]["parties"] is None
