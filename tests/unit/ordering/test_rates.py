"""How much an actor and a tenant do, as ordering's partitions say it (seed 8.2, 18.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processors.ordering import DECIDER
from processors.ordering.rates import exceeds, kind_of, on_rung, step_of
from schemas.messages.incidents.flooding import ActorRateExceeded, ActorUnusual, NewActorsCounted, TrafficCounted
from tests.support.actions import action, arrives
from tests.support.spec import Spec

HOUR = 3_600_000
FLOODS = (ActorRateExceeded, ActorUnusual, NewActorsCounted, TrafficCounted)


def spec(**settings: Any) -> Spec:
    found = Spec(DECIDER)
    quiet = {"actor_per_second": 0, "tenant_per_second": 0, "new_actors_per_minute": 0, "unusual": {"minimum": 0}}
    found.config("t", "floods", json.dumps(quiet | settings).encode())
    return found


def said(found: Spec, *history: Any) -> list[Any]:
    return [e.message for e in found.given(*history) if isinstance(e.message, FLOODS)]


def many(count: int, at: int, first: int = 0, **given: Any) -> list[Any]:
    return [arrives(action(first + n, **given), at) for n in range(count)]


def test_given_more_than_the_limit_in_a_second_then_it_is_said_above_it_and_at_each_doubling() -> None:
    found = said(spec(actor_per_second=10), *many(45, 0))
    assert [m.count for m in found if isinstance(m, ActorRateExceeded)] == [11, 20, 40]


def test_given_the_limit_in_each_of_two_seconds_then_nothing_is_said() -> None:
    assert said(spec(actor_per_second=10), *many(10, 0), *many(10, 1_000, 100)) == []


def test_given_an_import_of_the_past_then_nothing_is_counted() -> None:
    from schemas.messages.actions import BACKFILL

    assert said(spec(actor_per_second=1), *many(50, 0, traits=BACKFILL)) == []


def test_given_500_file_changes_where_10_are_normal_then_the_actor_is_unusual_once() -> None:
    s = spec(unusual={"window_s": 3_600, "factor": 10, "minimum": 100, "warm_up": 3})
    for hour in range(3):
        assert said(s, *many(10, hour * HOUR, hour * 100, type="file.write")) == []
    found = said(s, *many(500, 3 * HOUR, 1_000, type="file.write"))
    assert [(m.kind, m.count, m.normal, m.windows) for m in found] == [("file", 101, 10, 3)]


def test_given_too_short_a_history_then_nothing_is_unusual() -> None:
    s = spec(unusual={"window_s": 3_600, "factor": 10, "minimum": 100, "warm_up": 3})
    said(s, *many(10, 0, type="file.write"), *many(10, HOUR, 100, type="file.write"))
    assert said(s, *many(500, 2 * HOUR, 1_000, type="file.write")) == []


def test_given_another_kind_then_its_own_history_counts() -> None:
    s = spec(unusual={"window_s": 60, "factor": 1, "minimum": 5, "warm_up": 1})
    said(s, *many(50, 0, type="file.write"))
    assert said(s, *many(20, 60_000, 100, type="http.get")) == []


def test_given_more_kinds_than_are_kept_then_the_last_place_holds_the_rest() -> None:
    s = spec()
    said(s, *(arrives(action(n, type=f"k{n}.x"), 0) for n in range(20)))
    pace = s.part("t/agent/pace")
    assert pace is not None
    assert [k.name for k in pace.kinds] == [*(f"k{n}" for n in range(7)), "other"]
    assert pace.kinds[-1].count == 13


def test_given_new_actors_of_a_tenant_known_for_an_hour_then_they_are_counted_in_rungs() -> None:
    s = spec(new_actors_per_minute=10)
    newcomers = [arrives(action(n, actor=f"a{n}"), 0) for n in range(5)]
    assert said(s, *newcomers) == []  # the tenant itself is new
    later = [arrives(action(100 + n, actor=f"b{n}"), HOUR) for n in range(12)]
    assert [m.actors for m in said(s, *later)] == [*range(1, 11), 11]


def test_given_a_tenants_actions_then_a_partition_says_its_share_in_rungs() -> None:
    found = said(spec(tenant_per_second=100), *many(35, 0))
    assert [m.actions for m in found if isinstance(m, TrafficCounted)] == list(range(2, 36, 2))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("file.write", "file"), ("s3:GetObject", "s3"), ("charge", "charge"), (".x", ".x"), ("a" * 40, "a" * 32)],
)
def test_a_kind_is_what_stands_before_the_first_sign(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_rungs_are_every_tenth_of_the_limit_over_all_partitions_and_doublings_above_it() -> None:
    assert step_of(1_000, 4) == 25
    assert [n for n in range(1, 200) if on_rung(n, 100, 25)] == [25, 50, 75, 100, 101]
    assert [n for n in range(1, 500) if exceeds(n, 100)] == [101, 200, 400]
    assert not any(on_rung(n, 0, 0) for n in range(100))
