"""Which world an incident is in, and which incident a case names: the same, whichever read model comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from processors.rml import DECIDER
from projections.cases import queries as cases
from projections.incidents import queries as incidents
from projections.incidents.filters import Filters
from projections.postgres import scoped
from projections.worlds import BEFORE_MS
from schemas import ids
from schemas.record import Record
from tests.integration.projections.tenants import memory_log, pool_of, project_all
from tests.support.desk import Desk
from tests.support.rml_words import MINUTE, charge, label
from tests.unit.projections import records as r
from tests.unit.projections.records import T0, Log

HOUR = 60 * MINUTE
TENANT = r.TENANT


def opened(number: int, at: int = T0, **changes: Any) -> Any:
    """INC-`number` on orders/8812, whose first failure was at `at`."""
    said = {"resource": "orders/8812", "incident_id": ids.derive("incident", number), "number": number}
    times = {"first_failure_at": at, "event_time": at, "action_id": ids.derive("failure", number)}
    return r.opened(at, **(said | times | changes))


def ended(number: int, at: int) -> Any:
    """Somebody resolved INC-`number`."""
    return replace(r.resolved(at), incident_id=ids.derive("incident", number), number=number)


def told(*messages: Any, settings: dict[str, Any] | None = None) -> list[Record]:
    """What the ledger's processor says of these, each decided at its event time."""
    desk, log = Desk(DECIDER), Log("rml.events", 1)
    if settings:
        desk.configure("rml", settings, tenant=TENANT)
    for message in messages:
        desk.now = max(desk.now, message.event_time)
        for event in desk.tell(message).events:
            log.add(event)
    return log.records


def happened(*events: Any) -> list[Record]:
    """These events of incidents."""
    log = Log("incidents.events", 1)
    for event in events:
        log.add(event)
    return log.records


def a_second_charge(at: int, n: int = 1, **changes: Any) -> list[Any]:
    """Two charges alike, the second one at `at`, a minute after the first."""
    return [charge(2 * n + k, at - MINUTE * (1 - k), tenant=TENANT, **changes) for k in range(2)]


async def read(dsn: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Incidents and cases by their names."""
    pool = await pool_of(dsn)
    async with scoped(pool, TENANT) as scope:
        found = (await incidents.incidents(scope))["items"], (await cases.cases(scope))["items"]
        for item in found[0]:
            one = await incidents.incident(scope, item["name"])
            assert one is not None
            assert {key: one[key] for key in item} == item
            same = await incidents.incidents(scope, filters=Filters(world=item["world"]))
            assert item in same["items"]
            for other in {"RML1", "RML2", "RML3"} - {item["world"]}:
                assert item not in (await incidents.incidents(scope, filters=Filters(world=other)))["items"]
    await pool.close()
    return tuple({item["name"]: item for item in items} for items in found)  # type: ignore[return-value]  # two of them


async def both(dsn: str, first: str, said: dict[str, list[Record]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fill both read models, `first` before the other, and read."""
    for name in sorted(said, key=lambda name: name != first):
        assert project_all(dsn, name, memory_log(name, said[name])).dead is None
    return await read(dsn)


@pytest.mark.parametrize("first", ["incidents", "cases"])
@pytest.mark.parametrize(
    ("after", "names"),
    [
        (10 * MINUTE, True),  # in the incident's time
        (-10 * MINUTE, True),  # its first sign
        (-BEFORE_MS - MINUTE, False),
        (HOUR, False),  # after its end
    ],
)
async def test_a_case_and_an_incident_name_each_other_whichever_came_first(tables, first, after, names) -> None:
    said = {
        "incidents": happened(opened(1), ended(1, T0 + 30 * MINUTE)),
        "cases": told(*a_second_charge(T0 + after)),
    }
    found, case = await both(tables, first, said)
    inc, case = found["INC-1"], case["CASE-1"]
    assert (case["incident"], case["incident_id"]) == ("INC-1", inc["id"]) if names else (None, None)
    assert [c["name"] for c in inc["cases"]] == (["CASE-1"] if names else [])
    assert inc["cases"] == ([{key: case[key] for key in ("id", "name", "world", "reason", "state")}] if names else [])
    assert inc["world"] == ("RML3" if names else "RML2")
    assert ("CASE-1" in inc["world_why"]) is names


async def test_an_action_of_the_case_among_the_incidents_events_outweighs_time(tables) -> None:
    # The first charge failed in a way that leaves it open, and was INC-1's failure; the second came after the end,
    # while INC-2 was open on the same resource.
    pair = a_second_charge(T0 + 2 * HOUR)
    said = {
        "incidents": happened(
            opened(1, T0, action_id=pair[0].action_id), ended(1, T0 + 30 * MINUTE), opened(2, T0 + 2 * HOUR)
        ),
        "cases": told(*pair),
    }
    found, case = await both(tables, "cases", said)
    assert case["CASE-1"]["incident"] == "INC-1"
    assert [found[name]["world"] for name in ("INC-1", "INC-2")] == ["RML3", "RML3"]
    assert [[c["name"] for c in found[name]["cases"]] for name in ("INC-1", "INC-2")] == [["CASE-1"], ["CASE-1"]]


async def test_of_several_incidents_a_case_names_the_one_that_began_last_before_it(tables) -> None:
    said = {
        "incidents": happened(opened(1, T0), opened(2, T0 + 5 * MINUTE), opened(3, T0 + 15 * MINUTE)),
        "cases": told(*a_second_charge(T0 + 10 * MINUTE)),
    }
    _, case = await both(tables, "incidents", said)
    assert case["CASE-1"]["incident"] == "INC-2"


async def test_an_effect_of_which_nobody_knows_is_history_until_shown_otherwise(tables) -> None:
    lost = charge(1, T0 + MINUTE, tenant=TENANT, succeeded=False, error_type="Timeout")
    failed = charge(2, T0 + MINUTE, tenant=TENANT, succeeded=False, error_type="Refused", resource="orders/1")
    said = {
        "incidents": happened(opened(1), opened(2, resource="orders/1")),
        "cases": told(lost, failed, settings={"uncertain_errors": ["Timeout"]}),
    }
    found, case = await both(tables, "incidents", said)
    assert case == {}
    assert [found[name]["world"] for name in ("INC-1", "INC-2")] == ["RML3", "RML2"]
    assert "entry 1 of the ledger" in found["INC-1"]["world_why"]


async def test_what_an_import_tells_of_the_past_takes_no_case_of_today(tables) -> None:
    said = {
        "incidents": happened(opened(1, T0 - 24 * HOUR, historical=True)),
        "cases": told(*a_second_charge(T0), label(9, tenant=TENANT, event_time=T0 - 24 * HOUR, resource="orders/8812")),
    }
    found, case = await both(tables, "incidents", said)
    assert [case[name]["incident"] for name in ("CASE-1", "CASE-2")] == [None, "INC-1"]
    assert [c["name"] for c in found["INC-1"]["cases"]] == ["CASE-2"]


async def test_a_case_of_another_tenant_or_resource_is_none_of_it(tables) -> None:
    said = {
        "incidents": happened(opened(1, resource="orders/9")),
        "cases": told(*a_second_charge(T0)),
    }
    found, case = await both(tables, "incidents", said)
    assert (found["INC-1"]["world"], case["CASE-1"]["incident"]) == ("RML2", None)
