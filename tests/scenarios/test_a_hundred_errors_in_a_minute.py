"""What would break: a hundred errors of one problem are a hundred pages, or one that hides how many (seed 16.3)."""

from __future__ import annotations

from schemas.messages.incidents import SeverityRaised, SignalAttached
from schemas.messages.notifications import PageRequested
from tests.support.shop import quiet_shop

RAISES = {"raises": [{"severity": "SEV1", "failures": 103}]}


def test_103_errors_in_a_minute_are_one_incident_told_at_the_first_and_when_there_are_many() -> None:
    world = quiet_shop(incidents=RAISES)
    for n in range(103):
        message = f"connection pool exhausted (order {1000 + n}, waited {5000 + n} ms)"
        world.fail(f"checkout-helper-{n % 3}", "payments.charge", "payments-service", "PaymentError", message)
        if n == 0:
            world.run_to(1)
            world.acknowledge("alice", world.incidents()[0].incident_id)
        world.run_to(world.now + 0.55)
    world.run_to(62)

    (incident,) = world.incidents()
    attached = world.said("incidents.events", SignalAttached)
    assert [a.failures for a in attached] == list(range(2, 104))
    assert {a.incident_id for a in attached} == {incident.incident_id}
    (raised,) = world.said("incidents.events", SeverityRaised)
    assert (raised.before, raised.after, raised.reason) == ("SEV3", "SEV1", "103 failures reach 103: SEV1")
    pages = [p for p in world.said("notifications.events", PageRequested) if p.attempt == 1]
    assert [(p.person, p.severity, p.failures) for p in pages] == [("alice", "SEV3", 1), ("alice", "SEV1", 103)]


def test_103_errors_of_two_problems_are_two_incidents_and_not_one() -> None:
    world = quiet_shop()
    for n in range(103):
        error = "PaymentError" if n % 2 else "CertificateExpired"
        world.fail("checkout-helper-1", "payments.charge", "payments-service", error, f"order {n}")
        world.run_to(world.now + 0.1)
    world.run_to(20)
    assert [i.error_type for i in world.incidents()] == ["CertificateExpired", "PaymentError"]
    attached = world.said("incidents.events", SignalAttached)
    last = {a.number: a.failures for a in attached}
    assert last == {1: 52, 2: 51}
