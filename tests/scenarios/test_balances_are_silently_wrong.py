"""What would break: data is wrong, nothing failed, and nobody can say which of the day's writes did it (seed 18.5)."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages.incidents import IncidentClassified, ReportProblem
from tests.support.shop import quiet_shop
from tests.support.world import START_MS, World

HOUR_MS = 3_600_000
# START_MS is 22:13:20 of a Tuesday; the story begins the next morning.
MIDNIGHT = START_MS - START_MS % (24 * HOUR_MS) + 24 * HOUR_MS


def clock(hours: int, minutes: int = 0) -> int:
    """A time of that day."""
    return MIDNIGHT + hours * HOUR_MS + minutes * 60_000


def to(world: World, at: int) -> None:
    """Time passes at one go: what is due fires when it is read."""
    world.clock.advance(at - 1_000 - world.clock.wall_ms())
    world.run_to(world.now + 1)


def reported(world: World, resource: str, what: str) -> IncidentClassified:
    at = world.clock.wall_ms()
    command_id = ids.derive("report", resource, at)
    told = ReportProblem("shop", command_id, bytes(16), "erin", "person", resource, what, None, None, at)
    world.tell("incidents.commands", told, command_id)
    world.run_to(world.now + 2)
    return world.said("incidents.events", IncidentClassified)[-1]


def test_the_seeds_day_ranks_the_bulk_update_before_the_writes() -> None:
    world = quiet_shop()
    acted: dict[str, bytes] = {}
    for at, actor, kind in (
        (clock(14, 30), "billing-agent", "db_write"),
        (clock(18, 45), "support-agent", "db_write"),
        (clock(22), "data-processor", "bulk_update"),
    ):
        to(world, at)
        acted[f"{actor} {kind}"] = world.act(actor, kind, "balances")
        world.act("reader", "db_read", "balances")
    to(world, clock(33))  # at nine the next morning
    found = reported(world, "balances", "Customer balances incorrect")

    assert found.kind == "data_quality"
    ranked = [(w.kind, w.actor, w.score) for w in found.writes]
    assert ranked == [
        ("bulk_update", "data-processor", 300 + 200 - 11 * 8),
        ("db_write", "support-agent", 200 - 14 * 8),
        ("db_write", "billing-agent", 200 - 18 * 8),
    ]
    assert found.writes[0].action_id == acted["data-processor bulk_update"]
    assert [w.written_at for w in found.writes] == [clock(22), clock(18, 45), clock(14, 30)]
    facts = {f.name: f.value for f in found.facts}
    assert facts | {"most_likely": "bulk_update", "by": "data-processor", "writes": "3"} == facts
    assert found.reasons[-1] == (
        "most likely: bulk_update by data-processor, a bulk operation (300), an unknown number of rows (0),"
        " 11 h before (112)"
    )


def test_yesterdays_bulk_update_is_no_suspect_any_more() -> None:
    world = quiet_shop()
    to(world, clock(8))
    world.act("data-processor", "bulk_update", "balances")
    to(world, clock(20))
    world.act("support-agent", "db.write", "balances")
    to(world, clock(33))
    assert [w.kind for w in reported(world, "balances", "balances are wrong").writes] == ["db.write"]


def test_a_thousand_writes_of_a_minute_are_one_suspect_with_their_number() -> None:
    world = quiet_shop()
    to(world, clock(10))
    first = world.act("sync", "db.update", "balances")
    for _ in range(999):
        world.act("sync", "db.update", "balances")
    world.run_to(world.now + 1)
    world.fail("sync", "db.update", "balances", "Denied", "no")
    to(world, clock(12))
    found = reported(world, "balances", "balances are wrong")
    assert [(w.action_id, w.score) for w in found.writes] == [(first, 400 + 200 - 16)]
    assert "1,000 within a minute" in found.writes[0].why


def test_what_the_catalog_says_belongs_to_it_and_what_the_report_names_are_suspects_too() -> None:
    services: list[dict[str, Any]] = [
        {"id": "payments", "resources": ["payments-*"], "depends_on": ["ledger-db"]},
        {"id": "ledger-db"},
        {"id": "search"},
    ]
    world = quiet_shop(catalog={"services": services})
    to(world, clock(10))
    for resource in ("payments-balances", "ledger-db", "search", "vouchers"):
        world.act("data-processor", "bulk_update", resource)
    world.run_to(world.now + 1)
    found = reported(world, "payments", "Totals of vouchers are wrong")
    whys = sorted(w.why.split("before ", 1)[1] for w in found.writes)
    assert whys == [
        "(200), on ledger-db, 1 below payments (-100)",
        "(200), on payments-balances, of the same service (-100)",
        "(200), on vouchers, which the report names (-100)",
    ]


def test_writes_that_the_settings_do_not_name_are_none() -> None:
    world = quiet_shop(signals={"writes": [{"types": ["ledger.post*"], "points": 400}]})
    to(world, clock(10))
    world.act("data-processor", "bulk_update", "balances")
    world.act("ledger-bot", "ledger.posting", "balances")
    world.run_to(world.now + 1)
    found = reported(world, "balances", "balances are wrong")
    assert [(w.kind, w.score) for w in found.writes] == [("ledger.posting", 600)]
