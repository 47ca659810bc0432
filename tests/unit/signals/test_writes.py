"""Plain actions that write data: told once, then counted for a minute, and bounded (seed 18.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processors.signals import writes
from schemas.configuration import parse_document
from schemas.errors import ConfigurationError
from schemas.messages.actions import BACKFILL, Effect
from schemas.messages.incidents import WriteObserved
from schemas.write_rules import WRITES, write_points
from tests.support.spec import Until
from tests.unit.signals.test_decide import FAIL, T0, action, spec

MINUTE = 60_000


def told(events: list[Any]) -> list[tuple[str, str, int, int | None]]:
    found = [e.message for e in events if isinstance(e.message, WriteObserved)]
    return [(m.kind, m.actor, m.count, m.points) for m in found]


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("db_write", 0),
        ("db.write", 0),
        ("DB:Insert", 0),
        ("file.write", 0),
        ("records/update", 0),
        ("db.delete", 150),
        ("bulk_update", 300),
        ("db.bulk", 300),
        ("batch.insert_rows", 300),
        ("table.truncate", 300),
        ("db.read", None),
        ("catalog.write", None),
        ("batch.run", None),
        ("payments.charge", None),
    ],
)
def test_a_type_is_a_write_by_its_name(kind: str, points: int | None) -> None:
    assert write_points(WRITES, kind) == points


def test_given_the_first_write_of_a_minute_then_it_is_told_and_the_others_with_their_number() -> None:
    s = spec()
    assert told(s.given(action(1, 0, type="db.write"))) == [("db.write", "agent", 1, 0)]
    assert told(s.given(*(action(n, n, type="db.write") for n in range(2, 12)))) == []
    (over,) = [e.message for e in s.given(Until(T0 + MINUTE)) if isinstance(e.message, WriteObserved)]
    assert (over.count, over.event_time) == (11, T0)
    assert told(s.given(action(12, MINUTE, type="db.write"))) == [("db.write", "agent", 1, 0)]
    assert told(s.given(Until(T0 + 2 * MINUTE))) == []


def test_given_writers_of_other_kinds_or_names_then_each_is_told() -> None:
    writers = (
        action(1, 0, type="db.write"),
        action(2, 1, type="bulk_update"),
        action(3, 2, type="db.write", actor="b"),
    )
    assert told(spec().given(*writers)) == [
        ("db.write", "agent", 1, 0),
        ("bulk_update", "agent", 1, 300),
        ("db.write", "b", 1, 0),
    ]


def test_given_a_failed_or_an_imported_write_then_nothing_is_told() -> None:
    s = spec()
    assert told(s.given(action(1, 0, type="db.write", **FAIL), action(2, 1, type="db.write", traits=BACKFILL))) == []


def test_given_an_effect_that_says_what_was_written_then_that_is_told_and_not_the_type() -> None:
    effect = Effect("bulk_update", amount="90000")
    assert told(spec().given(action(1, 0, type="db.bulk", effect=effect))) == [("bulk_update", "agent", 1, 300)]
    money = Effect("charge", amount="4900", currency="EUR")
    assert told(spec().given(action(1, 0, type="db.write", effect=money))) == [("db.write", "agent", 1, 0)]


def test_given_more_writers_in_a_minute_than_are_told_then_the_rest_waits_for_the_next_minute() -> None:
    s = spec()
    many = writes.WRITERS_PER_MINUTE
    first = s.given(*(action(n, 0, type="file.write", resource=f"file-{n}") for n in range(many + 50)))
    assert len(told(first)) == many
    assert told(s.given(Until(T0 + MINUTE))) == []
    assert len(told(s.given(action(9_999, MINUTE, type="file.write", resource="again")))) == 1


def test_given_settings_of_ones_own_then_they_take_the_place_of_those_in_code() -> None:
    s = spec()
    s.config("t", "signals", json.dumps({"writes": [{"types": ["Ledger.Post*"], "points": 250}]}).encode())
    found = s.given(action(1, 0, type="ledger.posting"), action(2, 1, type="db.write"))
    assert told(found) == [("ledger.posting", "agent", 1, 250)]


@pytest.mark.parametrize(
    "rule", [{"types": []}, {"types": [""]}, {"types": ["a"], "points": 401}, {"types": ["a"], "weight": 1}]
)
def test_a_rule_that_says_nothing_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_document("signals", json.dumps({"writes": [rule]}).encode())
    assert refused.value.code == "configuration_invalid"
