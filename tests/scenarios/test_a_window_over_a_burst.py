"""What would break: a maintenance window that pages, that loses failures, or that stays silent after its end."""

from __future__ import annotations

from schemas.messages.incidents import MaintenanceOver, SignalAttached
from tests.support.world import START_MS, World

PEOPLE = {
    "people": [{"id": "alice", "channels": [{"kind": "console", "address": "a"}]}],
    "fallback_contact": "alice",
}
POLICIES = {
    "policies": [{"id": "p", "steps": [{"person": "alice", "wait_s": 600}], "rounds": 1}],
    "default_policy": "p",
}


def test_given_a_burst_that_outlives_a_window_then_one_incident_and_one_page_after_the_window() -> None:
    world = World()
    begin = START_MS + int(world.now * 1000)
    span = {"start": begin, "end": begin + 90_000}
    window = {"kind": "maintenance", "name": "Weekly", "resources": ["pay*"], "kinds": [], "message": ""}
    world.configure(
        people=PEOPLE, escalation=POLICIES, occurrences={"windows": [window | {"spans": [span]}], "until": 0}
    )
    first = world.now
    for n in range(5):
        world.run_to(first + n * 30)
        world.fail("agent-1", "charge", "payments", "PaymentError", "pool exhausted")
        if n == 2:
            assert world.paged() == []
    world.run_to(first + 125)
    (incident,) = world.incidents()
    assert incident.in_maintenance == "Weekly"
    attached = world.said("incidents.events", SignalAttached)
    assert [a.in_maintenance for a in attached[:2]] == ["Weekly"] * 2
    assert [a.in_maintenance for a in attached[2:]] == [None] * 2
    assert [o.failures for o in world.said("incidents.events", MaintenanceOver)] == [4]
    assert [person for person, _ in world.paged()] == ["alice"]
