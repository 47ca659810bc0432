"""What would break: an alert that is over leaves people being paged, or ends what is not over."""

from __future__ import annotations

from typing import Literal

from schemas import ids
from schemas.messages.incidents import AlertObserved, AlertResolved, IncidentResolved
from schemas.messages.notifications import EscalationStopped
from tests.support.shop import quiet_shop, told
from tests.support.world import World


def alert(world: World, status: Literal["firing", "resolved"], n: int = 1) -> None:
    at = world.clock.wall_ms()
    fact = AlertObserved(
        world.tenant, ids.derive("alert", n), "alertmanager", f"{n:016x}", at, status,
        at if status == "resolved" else None, "PaymentsErrorRateHigh", "payments-service", "service",
        "23 % of charges fail", "SEV2", None, "alertmanager", at,
    )  # fmt: skip
    told(world, fact, n, status, at)


def test_an_alert_that_resolves_ends_its_incident_and_the_paging() -> None:
    world = quiet_shop()
    alert(world, "firing")
    world.run_to(3)
    (incident,) = world.incidents()
    assert (incident.trigger, incident.severity) == ("alert", "SEV2")
    assert [person for person, _ in world.paged()] == ["alice"]
    alert(world, "resolved")
    world.run_to(60)
    (ended,) = world.said("incidents.events", IncidentResolved)
    assert ended.subject == "alertmanager"
    assert [person for person, _ in world.paged()] == ["alice"], "Bob would have been paged after 8 s"
    assert [s.reason for s in world.said("notifications.events", EscalationStopped)] == ["resolved"]


def test_an_alert_that_resolves_while_failures_belong_to_its_incident_ends_nothing() -> None:
    world = quiet_shop()
    alert(world, "firing")
    world.run_to(1)
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "pool exhausted")
    world.run_to(2)
    alert(world, "resolved")
    world.run_to(4)
    (noted,) = world.said("incidents.events", AlertResolved)
    assert len(world.incidents()) == 1
    assert noted.reasons == ("noted only: 1 failures and 0 reports belong to it too",)
    assert world.said("incidents.events", IncidentResolved) == []


def test_the_last_of_two_alerts_ends_it_and_the_first_does_not() -> None:
    world = quiet_shop()
    alert(world, "firing", 1)
    alert(world, "firing", 2)
    world.run_to(1)
    alert(world, "resolved", 1)
    world.run_to(2)
    assert world.said("incidents.events", IncidentResolved) == []
    assert world.said("incidents.events", AlertResolved)[0].reasons == ("noted only: 1 of its alerts still fire",)
    alert(world, "resolved", 2)
    world.run_to(3)
    assert len(world.said("incidents.events", IncidentResolved)) == 1
