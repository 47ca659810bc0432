"""What would break: two problems at once on related systems become one, or nobody sees that they may belong together
(seed 11.4)."""

from __future__ import annotations

from schemas.messages.incidents import IncidentResolved, IncidentsRelated, SignalAttached
from tests.support.shop import quiet_shop

RELATIONS = {"relations": [{"resource": "payments-service", "depends_on": ["user-service"]}]}


def test_two_incidents_that_interleave_are_tracked_apart_and_named_as_related() -> None:
    world = quiet_shop(incidents=RELATIONS)
    for n in range(12):
        if n % 2:
            world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", f"order {n}")
        else:
            world.fail("user-sync", "users.read", "user-service", "Timeout", f"no answer for user {n}")
        world.run_to(world.now + 2)
    users, payments = world.incidents()
    assert (users.resource, payments.resource) == ("user-service", "payments-service")
    attached = world.said("incidents.events", SignalAttached)
    assert [a.incident_id for a in attached] == [users.incident_id, payments.incident_id] * 5
    assert all(a.reasons[0] == f"same resource {a.resource}" for a in attached)

    (related,) = world.said("incidents.events", IncidentsRelated)
    assert {related.number, related.other_number} == {1, 2}
    assert related.score >= 500
    assert any("depends on" in reason for reason in related.reasons)

    # Ending one does not end the other, and its failures do not fall to the one that is left.
    world.resolve("carol", users.incident_id)
    world.run_to(world.now + 1)
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "order 99")
    world.run_to(world.now + 2)
    assert [r.incident_id for r in world.said("incidents.events", IncidentResolved)] == [users.incident_id]
    assert world.said("incidents.events", SignalAttached)[-1].incident_id == payments.incident_id
    assert len(world.incidents()) == 2


def test_two_incidents_without_any_relation_are_not_named_as_related() -> None:
    world = quiet_shop()
    world.fail("user-sync", "users.read", "user-service", "Timeout", "no answer")
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "order 1")
    world.run_to(2)
    assert len(world.incidents()) == 2
    assert world.said("incidents.events", IncidentsRelated) == []
