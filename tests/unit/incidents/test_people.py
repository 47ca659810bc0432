"""Acknowledge and resolve: moves, and refusals that say why and what is allowed."""

from __future__ import annotations

from itertools import pairwise

from processors.incidents import DECIDER
from schemas.messages.incidents import (
    CommandRefused,
    IncidentAcknowledged,
    IncidentPaged,
    IncidentResolved,
    IncidentStateChanged,
    PageObserved,
)
from schemas.messages.notifications import StopEscalation
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import acknowledge, opened, resolve, signal


def moves(told):
    return [(e.before, e.after, e.by) for e in told.events if isinstance(e, IncidentStateChanged)]


def test_acknowledging_assigns_and_starts_the_investigation():
    desk = Desk(DECIDER)
    incident = opened(desk, affected="a")
    desk.tell(signal(2, affected="b"))
    desk.now += 5000
    told = acknowledge(desk, incident.incident_id)
    event = told.the(IncidentAcknowledged)
    assert (event.subject, event.failures, event.affected_count, event.at) == ("bob", 2, 2, START + 5000)
    assert moves(told) == [("detected", "investigating", "bob")]
    assert [(a.code, len(a.event_ids)) for a in told.answers] == [("accepted", 2)]
    stop = StopEscalation(TENANT, incident.incident_id, "bob", "acknowledged")
    assert told.sent == (("notifications.commands", stop),)


def test_a_second_person_takes_over_and_it_is_recorded():
    desk = Desk(DECIDER)
    incident = opened(desk)
    acknowledge(desk, incident.incident_id, "bob")
    told = acknowledge(desk, incident.incident_id, "alice")
    assert told.the(IncidentAcknowledged).subject == "alice"
    assert moves(told) == []
    assert told.reasons == ("taken_over",)
    desk.now += 1
    assert acknowledge(desk, incident.incident_id, "bob").reasons == ("taken_over",)


def test_the_same_person_again_is_refused_with_the_reason():
    desk = Desk(DECIDER)
    incident = opened(desk)
    acknowledge(desk, incident.incident_id)
    desk.now += 12_000
    told = acknowledge(desk, incident.incident_id)
    refused = told.the(CommandRefused)
    assert (refused.code, refused.command, refused.subject) == ("already_acknowledged", "AcknowledgeIncident", "bob")
    assert refused.why == "INC-1 is already with bob, first acknowledged 12 s ago"
    assert "Resolve it" in refused.remedy
    assert told.answers[0].code == "already_acknowledged"
    assert told.sent == ()


def test_after_a_raised_severity_the_same_person_can_acknowledge_again():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"raises": [{"severity": "SEV1", "failures": 2}]})
    incident = opened(desk)
    acknowledge(desk, incident.incident_id)
    desk.tell(signal(2))
    desk.now += 1
    told = acknowledge(desk, incident.incident_id)
    assert told.reasons == ("acknowledged_again",)
    desk.now += 1
    assert acknowledge(desk, incident.incident_id).reasons == ("already_acknowledged",)


def test_resolving_after_an_acknowledgement_says_the_intervention_times():
    desk = Desk(DECIDER)
    incident = opened(desk, first_event_time=START - 2000)
    desk.now += 1000
    desk.tell(PageObserved(TENANT, incident.incident_id, bytes(16), "bob", "webhook", "delivered", desk.now - 100))
    desk.now += 1000
    acknowledge(desk, incident.incident_id)
    desk.now += 1000
    acknowledge(desk, incident.incident_id, "dave")
    desk.now += 1000
    told = resolve(desk, incident.incident_id, "dave", note="rolled back")
    assert moves(told) == [("investigating", "contained", "dave"), ("contained", "resolved", "dave")]
    event = told.the(IncidentResolved)
    assert (event.subject, event.note) == ("dave", "rolled back")
    assert (event.first_failure_at, event.detected_at) == (START - 2000, START)
    assert (event.first_page_at, event.acknowledged_at, event.at) == (START + 900, START + 2000, START + 4000)
    assert told.sent == (("notifications.commands", StopEscalation(TENANT, incident.incident_id, "dave", "resolved")),)


def test_resolving_at_once_passes_through_the_missing_state():
    desk = Desk(DECIDER)
    told = resolve(desk, opened(desk).incident_id)
    assert told.kinds == (*["IncidentStateChanged"] * 3, "IncidentResolved")
    steps = ["detected", "investigating", "contained", "resolved"]
    assert moves(told) == [(a, b, "bob") for a, b in pairwise(steps)]
    event = told.the(IncidentResolved)
    assert (event.first_page_at, event.acknowledged_at) == (None, None)
    assert told.answers[0].code == "accepted"


def test_what_is_resolved_allows_no_move():
    desk = Desk(DECIDER)
    incident = opened(desk)
    resolve(desk, incident.incident_id)
    desk.now += 3000
    again, late = resolve(desk, incident.incident_id, "eve"), acknowledge(desk, incident.incident_id, "eve")
    assert [t.the(CommandRefused).code for t in (again, late)] == ["already_resolved", "already_resolved"]
    assert again.the(CommandRefused).why == "INC-1 was resolved by bob 3 s ago"
    assert again.sent == late.sent == ()


def test_an_unknown_incident_is_refused():
    desk = Desk(DECIDER)
    for told in (acknowledge(desk, bytes(16)), resolve(desk, bytes(16))):
        assert told.the(CommandRefused).code == "unknown_or_closed"
        assert told.answers[0].code == "unknown_or_closed"


def test_another_tenant_does_not_reach_an_incident():
    desk = Desk(DECIDER)
    incident = opened(desk, tenant="globex")
    assert acknowledge(desk, incident.incident_id).answers[0].code == "unknown_or_closed"


def test_a_command_sent_again_gets_the_same_answer_and_no_event():
    desk = Desk(DECIDER)
    incident = opened(desk)
    first = acknowledge(desk, incident.incident_id)
    again = acknowledge(desk, incident.incident_id)
    assert again.events == ()
    assert again.answers == first.answers


def test_the_first_delivered_page_is_an_event_and_no_other():
    desk = Desk(DECIDER)
    incident = opened(desk, affected="a")

    def page(outcome, person="alice"):
        return desk.tell(PageObserved(TENANT, incident.incident_id, bytes(16), person, "webhook", outcome, START + 5))

    assert page("failed").reasons == ("page_not_delivered",)
    paged = page("delivered").the(IncidentPaged)
    assert (paged.person, paged.channel, paged.failures, paged.affected_count, paged.at) == (
        "alice",
        "webhook",
        1,
        1,
        START + 5,
    )
    assert page("delivered", "bob").reasons == ("page_not_the_first",)
    stray = PageObserved(TENANT, bytes(16), bytes(16), "bob", "webhook", "delivered", START)
    assert desk.tell(stray).reasons == ("page_of_unknown_incident",)
