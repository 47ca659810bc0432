"""What would break: a problem that comes and goes is a new incident each time, and nobody sees that it is one."""

from __future__ import annotations

from schemas.messages.incidents import IncidentOpened, IncidentReopened, IncidentStateChanged, PostmortemStarted
from tests.support.world import World

DAY_S = 86_400


def fail(world: World, n: int) -> None:
    """One more failed charge."""
    message = f"connection pool exhausted (order {n})"
    world.fail("checkout", "payments.charge", "payments-service", "PaymentError", message)


def test_the_same_symptoms_ten_minutes_after_each_resolve_are_one_incident_paged_each_time() -> None:
    world = World("shop")
    people = [{"id": "alice", "channels": [{"kind": "webhook", "address": "https://pager.example/alice"}]}]
    policy = {"id": "all", "rounds": 1, "steps": [{"person": "alice", "wait_s": 600}]}
    world.configure(
        people={"people": people, "fallback_contact": "alice"},
        escalation={"policies": [policy], "default_policy": "all"},
    )
    at = 0.0
    for n in range(3):
        fail(world, n)
        world.run_to(at + 2)
        world.resolve("alice", world.incidents()[0].incident_id, key=f"resolve {n}")
        world.run_to(at + 4)
        world.clock.advance(600_000)
        at = world.now
    assert len(world.said("incidents.events", IncidentOpened)) == 1
    back = world.said("incidents.events", IncidentReopened)
    assert [(e.automatic, e.subject) for e in back] == [(True, "mandate")] * 2
    assert [person for person, _ in world.paged()] == ["alice"] * 3
    world.clock.advance(DAY_S * 1000)
    world.run_to(world.now + 2)
    (postmortem,) = world.said("incidents.events", PostmortemStarted)
    last = [e for e in world.said("incidents.events", IncidentStateChanged) if e.after == "resolved"][-1]
    assert postmortem.at == last.at + DAY_S * 1000
    fail(world, 9)
    world.run_to(world.now + 2)
    new = world.said("incidents.events", IncidentOpened)[-1]
    assert new.number == 2
    assert "INC-1 of the same error ended" in new.reasons[0]
