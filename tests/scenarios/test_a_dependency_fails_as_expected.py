"""What would break: the normal failures of an external service page people, its real trouble does not, or nobody can
tell which is which (seed 12.2)."""

from __future__ import annotations

from schemas.messages.incidents.flooding import DependencyRated
from tests.support.shop import quiet_shop
from tests.support.world import World

STRIPE = {"name": "stripe", "resources": ["stripe*"], "expected_per_mille": 10, "alert_per_mille": 50}
HOUR_MS = 3_600_000


def shop() -> World:
    return quiet_shop(signals={"dependencies": [STRIPE]})


def tries(world: World, count: int, failing: frozenset[int] | set[int]) -> None:
    """So many tries in a minute or two; those with these numbers fail."""
    for n in range(count):
        if n in failing:
            world.fail("checkout-helper-1", "stripe.charge", "stripe", "StripeError", f"no answer ({n})")
        else:
            world.act("checkout-helper-1", "stripe.charge", "stripe")
        if n % 20 == 19:
            world.run_to(world.now + 0.05)
    world.run_to(world.now + 2)


def test_eight_of_a_thousand_are_normal_and_nobody_is_told() -> None:
    world = shop()
    tries(world, 1_000, set(range(60, 1_000, 125)))
    # What it amounts to is told when a part of the hour is over.
    world.clock.advance(HOUR_MS // 12)
    world.act("checkout-helper-1", "stripe.charge", "stripe")
    world.run_to(world.now + 2)
    assert world.incidents() == []
    assert world.paged() == []
    rated = world.said("incidents.events", DependencyRated)[-1]
    assert not rated.elevated
    assert rated.words.startswith("stripe: 0.8 % (normal <= 1 %), 8 of 1,001 tries failed")


def test_fifty_two_of_a_thousand_are_elevated_and_one_incident_says_so_with_its_numbers() -> None:
    world = shop()
    tries(world, 1_000, set(range(10, 1_000, 19)))
    (incident,) = world.incidents()
    assert incident.resource == "stripe"
    assert "elevated: normal <= 1 %, alert above 5 %" in incident.title
    rated = [r for r in world.said("incidents.events", DependencyRated) if r.elevated]
    assert rated[-1].words.startswith("stripe: 5.")
    assert [person for person, _ in world.paged()] == ["carol"]


def test_one_failure_of_three_pages_nobody_and_the_same_on_a_service_of_ours_does() -> None:
    world = shop()
    tries(world, 3, {1})
    assert world.incidents() == []
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "pool exhausted")
    world.run_to(world.now + 1)
    assert [i.resource for i in world.incidents()] == ["payments-service"]
