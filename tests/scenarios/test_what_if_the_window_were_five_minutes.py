"""What would break: nobody can see what another grouping window, or another share of failing tries, would have done to
the incidents and pages of a recorded week before it is configured (seed 11.3, 12.1)."""

from __future__ import annotations

from gateway.whatif.text import lines
from tests.support.shop import quiet_shop
from tests.support.whatifs import what_if
from tests.support.world import World

MINUTE_S = 60


def every(minutes: int, times: int) -> World:
    """The same failure once in so many minutes, of which nobody is told twice."""
    world = quiet_shop()
    for n in range(times):
        message = f"connection pool exhausted (order {n})"
        world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", message)
        world.run_to(world.now + 2)
        if n == 0:
            world.acknowledge("alice", world.incidents()[0].incident_id)
            world.run_to(world.now + 2)
        world.clock.advance((minutes * MINUTE_S - 2) * 1000)
    world.run_to(world.now + 1)
    return world


def test_with_5_minutes_instead_of_15_one_incident_becomes_three_and_alice_is_paged_for_each() -> None:
    world = every(8, 3)
    assert len(world.incidents()) == 1
    found = what_if(world, {"incidents": {"attach_window_s": 300}})
    assert found.fidelity.whole
    assert found.fidelity.counts["incidents"] == (1, 1)
    incidents = found.document["incidents"]
    assert [i["incident"] for i in incidents["regrouped"]] == ["INC-1"]
    assert len(incidents["gained"]) == 2
    assert incidents["lost"] == []
    # Nobody acknowledged those two, so their escalation goes on.
    added = [p["to"] for p in found.document["pages"]["added"]]
    assert added[:1] == ["alice"]
    assert added.count("alice") >= 2
    assert found.document["pages"]["removed"] == []
    said = "\n".join(lines(found))
    assert "INC-1" in said
    assert "new-1" in said


def test_failures_four_minutes_apart_are_one_incident_under_both_windows() -> None:
    found = what_if(every(4, 3), {"incidents": {"attach_window_s": 300}})
    assert found.document["incidents"] == {"gained": [], "lost": [], "regrouped": []}
    assert found.document["pages"] == {"added": [], "removed": [], "moved": []}


def flaky(failing: int, of: int) -> World:
    """So many queries, spread over which `failing` of them fail twice and heal by the third try."""
    world = quiet_shop()
    name, kind, resource = "search-tuner", "index.query", "search-service"
    for n in range(of):
        if n * failing // of == (n + 1) * failing // of:
            world.act(name, kind, resource)
            world.run_to(world.now + 0.5)
            continue
        for attempt in (1, 2):
            given = {"retryable": True, "attempt": attempt, "attempt_limit": 5}
            world.fail(name, kind, resource, "Timeout", f"no answer in {n} ms", **given)
            world.run_to(world.now + 0.5)
        world.act(name, kind, resource, attempt=3, attempt_limit=5)
        world.run_to(world.now + 0.5)
    world.run_to(world.now + 6)
    return world


def test_above_half_of_the_tries_failing_is_an_incident_and_with_a_threshold_of_80_percent_it_is_none() -> None:
    world = flaky(12, 14)  # 24 of 38 tries fail: 63 %
    assert [i.resource for i in world.incidents()] == ["search-service"]
    assert "more than 50 %" in world.incidents()[0].title
    found = what_if(world, {"signals": {"intermittent": {"threshold_per_mille": 800}}})
    assert found.fidelity.whole
    assert [i["incident"] for i in found.document["incidents"]["lost"]] == ["INC-1"]
    assert [p["to"] for p in found.document["pages"]["removed"]] == ["carol"]


def test_below_half_it_heals_and_with_a_threshold_of_20_percent_it_would_have_been_an_incident() -> None:
    world = flaky(8, 30)  # 16 of 46 tries fail: 35 %
    assert world.incidents() == []
    found = what_if(world, {"signals": {"intermittent": {"threshold_per_mille": 200}}})
    (gained,) = found.document["incidents"]["gained"]
    assert gained["resource"] == "search-service"
    assert [p["to"] for p in found.document["pages"]["added"]] == ["carol"]
