"""What would break: RML-3 cases that another rule would have opened, or would not have."""

from __future__ import annotations

from gateway.whatif.text import lines
from tests.support.charges import Charges
from tests.support.whatifs import what_if


def two_charges(apart_s: int) -> Charges:
    world = Charges()
    world.charge("checkout-helper-1", "ch_1")
    world.run_to(1)
    world.clock.advance((apart_s - 1) * 1000)
    world.charge("checkout-helper-1", "ch_2")
    world.run_to(apart_s + 2)
    return world


def test_given_a_shorter_window_for_second_charges_then_the_case_is_lost_and_that_is_said_first() -> None:
    found = what_if(two_charges(361), {"rml": {"window_s": 60}, **PAGES})
    assert found.fidelity.counts["cases"] == (1, 1)
    assert [(c["case"], c["world"]) for c in found.document["cases"]["lost"]] == [("CASE-1", "RML3")]
    assert found.document["cases"]["gained"] == []
    assert "case lost          CASE-1" in "\n".join(lines(found))


def test_given_a_longer_window_then_a_case_is_gained() -> None:
    world = two_charges(90_000)
    found = what_if(world, {"rml": {"window_s": 172_800}, **PAGES})
    assert found.fidelity.counts["cases"] == (0, 0)
    assert [c["world"] for c in found.document["cases"]["gained"]] == ["RML3"]


# Settings are checked as a whole; this tenant never had any.
PAGES = {
    "people": {"people": [{"id": "a", "channels": [{"kind": "console", "address": "a"}]}], "fallback_contact": "a"},
    "escalation": {"policies": [{"id": "p", "steps": [{"person": "a", "wait_s": 60}]}], "default_policy": "p"},
}
