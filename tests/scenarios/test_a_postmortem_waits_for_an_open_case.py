"""What would break: time closes what has become history. The postmortem begins after exactly a day, but never while an
RML-3 case of the incident is open.
"""

from __future__ import annotations

from schemas.messages.incidents import AutomaticMoveHeld, PostmortemStarted
from tests.support.charges import ORDER, Charges

DAY_S = 86_400


def played(second_charge: bool) -> Charges:
    """An incident on the order's resource, with or without a second charge, a day and a second after its resolve."""
    world = Charges()
    world.fail("checkout", "payments.charge", ORDER, "PaymentError", "no answer")
    world.charge("checkout-1", "ch_1")
    if second_charge:
        world.charge("checkout-2", "ch_2")
    world.run_to(2)
    world.resolve("alice", world.incidents()[0].incident_id)
    world.run_to(4)
    world.clock.advance(DAY_S * 1000)
    world.run_to(world.now + 2)
    return world


def test_without_a_case_it_begins_by_itself() -> None:
    world = played(second_charge=False)
    assert [p.automatic for p in world.said("incidents.events", PostmortemStarted)] == [True]


def test_with_an_open_case_it_does_not_and_says_why() -> None:
    world = played(second_charge=True)
    assert world.said("incidents.events", PostmortemStarted) == []
    (held,) = world.said("incidents.events", AutomaticMoveHeld)
    assert held.reason == f"CASE-1 is open on {ORDER}: its postmortem waits until they are signed"
