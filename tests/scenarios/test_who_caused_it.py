"""The seed's examples of who caused it (18.1, 18.3, 18.5), through the whole pipeline on virtual time."""

from __future__ import annotations

from schemas import ids
from schemas.messages.actions import Change, Effect
from schemas.messages.incidents import IncidentClassified, ReportProblem
from tests.support.shop import ESCALATION, OWNERSHIP, PEOPLE
from tests.support.world import World, delivered


def shop() -> World:
    world = World("shop", delivered)
    world.configure(people=PEOPLE, escalation=ESCALATION, ownership=OWNERSHIP)
    return world


def said(world: World) -> IncidentClassified:
    return world.said("incidents.events", IncidentClassified)[-1]


def test_a_flag_is_enabled_and_a_minute_later_checkout_fails() -> None:
    world = shop()
    world.act(
        "flag-bot", "flag.set", "checkout-service", change=Change("flag", "off", "on", "flag new-checkout enabled")
    )
    world.run_to(60)
    world.fail("checkout-helper-1", "checkout", "checkout-service", "KeyError", "'discount_code'")
    world.run_to(62)
    found = said(world)
    assert (found.kind, found.advice[0].action) == ("feature_flag", "disable_flag")
    assert {"flag": "new-checkout", "correlation": "high"}.items() <= {f.name: f.value for f in found.facts}.items()


def test_access_is_removed_and_a_minute_later_it_is_denied() -> None:
    world = shop()
    removed = Change("permission", "deploy: agent-deployer", None, "removed agent-deployer access to production")
    world.act("admin", "iam.change", "production", change=removed)
    world.run_to(60)
    world.fail("agent-deployer", "deploy", "production", "AccessDenied", "permission denied for agent-deployer")
    world.run_to(62)
    found = said(world)
    assert (found.kind, found.advice[0].action) == ("permission", "restore_permission")
    facts = {f.name: f.value for f in found.facts}
    assert (facts["denied"], facts["changed_by"]) == ("agent-deployer", "admin")
    assert found.percent >= 70


def test_balances_are_wrong_and_the_bulk_update_is_the_first_suspect() -> None:
    world = shop()
    world.act("data-processor", "db.write", "balances", effect=Effect("db_write", amount="1"))
    world.run_to(30)
    world.act("data-processor", "db.bulk", "balances", effect=Effect("bulk_update", amount="90000"))
    world.run_to(60)
    told = ReportProblem(
        "shop",
        ids.derive("report", 1),
        bytes(16),
        "erin",
        "person",
        "balances",
        "Customer balances are incorrect",
        None,
        None,
        world.clock.wall_ms(),
    )
    world.tell("incidents.commands", told, told.command_id)
    world.run_to(62)
    found = said(world)
    assert found.kind == "data_quality"
    assert [(w.kind, w.rows) for w in found.writes] == [("bulk_update", 90_000), ("db_write", 1)]
