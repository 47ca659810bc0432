"""Which policy, which channel, and what the incidents' events mean for paging."""

from __future__ import annotations

import pytest

from processors.kernel.store import Overlay, Store
from processors.notifications import DECIDER
from processors.notifications.events import ImpactNoted
from processors.notifications.evolve import evolve
from processors.notifications.react import react
from processors.notifications.rules import choose_policy, first_channel, next_channel, responder_first
from processors.notifications.state import PlannedStep
from schemas.configuration import Escalation, OwnedResource, Ownership, People, Person, Policy, Step
from schemas.messages.incidents import (
    IncidentAcknowledged,
    IncidentOpened,
    IncidentResolved,
    IncidentStateChanged,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import (
    Channel,
    EscalationStopped,
    ImpactObserved,
    NotifyIncident,
    PageDelivered,
    PageHanded,
    PageRequested,
    StopEscalation,
)
from tests.support.desk import START, TENANT
from tests.support.page_words import notify, shop

INC = b"i" * 16
PAY = Policy("pay", (Step("alice", 5),))
REST = Policy("rest", (Step("dave", 5),))
OWNERS = Ownership((OwnedResource("payments-*", "payments"), OwnedResource("billing", "billing")))
A, B, C = (Channel("webhook", x) for x in "abc")


def test_the_owners_policy_else_the_default_each_with_its_reason():
    escalation = Escalation((PAY, REST), {"payments": "pay", "billing": "gone"}, "rest")
    assert choose_policy("payments-db", OWNERS, escalation).policy == PAY
    chosen = choose_policy("billing", OWNERS, escalation)
    assert (chosen.policy, chosen.reason) == (
        REST,
        "billing belongs to billing, which has no policy: default policy rest",
    )
    assert choose_policy("x", OWNERS, escalation).reason == "nobody owns x: default policy rest"
    none = choose_policy("x", OWNERS, Escalation())
    assert (none.policy, none.reason) == (None, "nobody owns x, and there is no default policy")


def test_channels_are_tried_in_their_order_and_never_twice():
    people = People((Person("p", "P", (A, B, A)), Person("q", "Q", ())))
    assert first_channel(people, "p") == A
    assert first_channel(people, "q") is None
    assert first_channel(people, "nobody") is None
    assert next_channel(people, "p", A) is None, "the last place of a channel counts, so that the list ends"
    assert next_channel(people, "p", B) == A
    assert next_channel(people, "p", C) is None
    assert next_channel(people, "nobody", A) is None


def test_the_responder_comes_first_and_once():
    steps = (PlannedStep("alice", 8), PlannedStep("bob", 20))
    assert responder_first(steps, "bob") == (PlannedStep("bob", 8), PlannedStep("alice", 8))


def opened(historical=False, affected="c"):
    return IncidentOpened(
        tenant=TENANT,
        incident_id=INC,
        number=7,
        resource="r",
        fingerprint="f",
        error_type="E",
        title="E: m",
        sample="m",
        severity="SEV2",
        severity_reason="",
        actor="a",
        action_type="t",
        action_id=INC,
        affected=affected,
        first_failure_at=START - 5,
        event_time=START,
        historical=historical,
        reasons=(),
        at=START,
    )


def attached(failures, historical=False):
    return SignalAttached(TENANT, INC, 7, "a", "t", INC, None, "m", START, failures, 3, (), historical, START)


def raised(historical=False):
    return SeverityRaised(TENANT, INC, 7, "r", "E: m", "SEV2", "SEV1", "why", START - 5, 40, 9, historical, START)


def test_an_opened_incident_is_to_be_notified():
    (send,) = react(opened())
    assert send.key == TENANT
    assert send.message == NotifyIncident(TENANT, INC, 7, "opened", "SEV2", "E: m", "r", START - 5, 1, 1)
    assert react(opened(affected=None))[0].message.affected_count == 0


def test_a_raised_severity_is_to_be_notified():
    (send,) = react(raised())
    assert send.message == NotifyIncident(TENANT, INC, 7, "severity_raised", "SEV1", "E: m", "r", START - 5, 40, 9)


@pytest.mark.parametrize("event", [opened(True), raised(True), attached(2, True)])
def test_imported_history_pages_nobody(event):
    assert react(event) == []


def test_the_impact_is_thinned():
    told = [n for n in range(2, 50) if react(attached(n))]
    assert told == [*range(2, 17), 24, 32, 40, 48]
    assert react(attached(2))[0].message == ImpactObserved(TENANT, INC, 2, 3)


def test_acknowledged_and_resolved_stop():
    acknowledged = IncidentAcknowledged(TENANT, INC, 7, "bob", 1, 1, START)
    resolved = IncidentResolved(TENANT, INC, 7, "eve", None, START, START, None, None, 1, 1, START)
    assert react(acknowledged)[0].message == StopEscalation(TENANT, INC, "bob", "acknowledged")
    assert react(resolved)[0].message == StopEscalation(TENANT, INC, "eve", "resolved")


def test_a_request_is_echoed():
    page = notify(shop()).the(PageRequested)
    assert react(page)[0].message == PageHanded(TENANT, page.incident_id, page.notification_id, 1)


def test_other_events_mean_nothing():
    moved = IncidentStateChanged(TENANT, INC, 7, "detected", "investigating", "bob", "", START)
    assert react(moved) == []


def test_evolve_is_total_over_an_empty_state():
    view = Overlay(Store(DECIDER.parts))
    events = (
        ImpactNoted(TENANT, INC, "SEV1", 1, 1),
        EscalationStopped(TENANT, INC, 7, "bob", "resolved", START),
        PageDelivered(TENANT, INC, INC, 1, "alice", A, "", START),
    )
    assert [dict(evolve(view, e)) for e in events] == [{}, {}, {}]
