"""What would break: a weekly window that pages at 2 o'clock on a Sunday or is silent on a Monday, and a deploy in a
freeze that nobody sees (seed 17.4). The times are made by the gateway from the cron expression, as in production."""

from __future__ import annotations

import json

from gateway.configuration.calendars import occurrences
from schemas.configuration import canonical, parse_document
from schemas.messages.actions import Change
from schemas.messages.incidents import CauseSuggested, ChangeRecorded
from tests.support.shop import quiet_shop
from tests.support.world import START_MS, World

CALENDAR = {
    "change_freezes": [
        {
            "name": "Holiday freeze",
            "start": "2023-12-20T00:00:00Z",
            "end": "2024-01-02T00:00:00Z",
            "resources": ["payments-*"],
            "kinds": ["deploy"],
            "message": "Holiday change freeze in effect",
        }
    ],
    "maintenance_windows": [{"name": "Weekly maintenance", "cron": "0 2 * * SUN", "duration_s": 4 * 3_600}],
}
DAY_MS = 86_400_000
SUNDAY = START_MS - START_MS % DAY_MS + 5 * DAY_MS  # the story begins on Tuesday, 14 November 2023


def shop() -> World:
    world = quiet_shop()
    made = occurrences(parse_document("calendar", canonical(CALENDAR)), START_MS)  # type: ignore[arg-type]  # a Calendar
    world.configure(occurrences=json.loads(made))
    return world


def at(world: World, ms: int) -> None:
    """It is that time now."""
    world.clock.advance(ms - world.clock.wall_ms())


def fail(world: World) -> None:
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "pool exhausted")
    world.run_to(world.now + 2)


def test_at_three_on_a_sunday_nobody_is_paged_and_at_three_on_a_monday_alice_is() -> None:
    world = shop()
    at(world, SUNDAY + 3 * 3_600_000)
    fail(world)
    (incident,) = world.incidents()
    assert incident.in_maintenance == "Weekly maintenance"
    assert world.paged() == []
    world.resolve("alice", incident.incident_id)
    world.run_to(world.now + 1)
    at(world, SUNDAY + 2 * DAY_MS + 3 * 3_600_000)
    fail(world)
    assert world.incidents()[-1].in_maintenance is None
    assert [person for person, _ in world.paged()] == ["alice"]


def test_a_deploy_in_the_holidays_is_flagged_and_still_the_likely_cause() -> None:
    world = shop()
    at(world, 1_703_671_200_000)  # 27 December 2023, 10:00
    world.act("deployer", "deploy", "payments-service", change=Change("deploy", "v2.3.0", "v2.3.1", "pool size 10 → 5"))
    world.act("deployer", "deploy", "search-service", change=Change("deploy", "v1", "v2", None))
    flag = Change("flag", "off", "on", "flag new-checkout enabled")
    world.act("flag-bot", "flag.set", "payments-api", change=flag)
    world.run_to(world.now + 10)
    recorded = {c.resource: (c.freeze, c.freeze_message) for c in world.said("incidents.events", ChangeRecorded)}
    assert recorded == {
        "payments-service": ("Holiday freeze", "Holiday change freeze in effect"),
        "search-service": (None, None),
        "payments-api": (None, None),
    }
    fail(world)
    assert [person for person, _ in world.paged()] == ["alice"], "a freeze is no maintenance"
    cause = world.said("incidents.events", CauseSuggested)[-1]
    assert (cause.resource, cause.after) == ("payments-service", "v2.3.1")


def test_what_happened_in_the_window_and_arrives_after_it_pages_nobody() -> None:
    world = shop()
    at(world, SUNDAY + 6 * 3_600_000 + 60_000)
    then = SUNDAY + 6 * 3_600_000 - 60_000
    world.fail("importer", "stock.read", "warehouse", "Timeout", "no answer", timestamp=then)
    world.run_to(world.now + 2)
    (incident,) = world.incidents()
    assert incident.event_time == then
    assert incident.in_maintenance == "Weekly maintenance"
    assert world.paged() == []
