"""Join, leave, hand off, escalate: one decides, the others ask before they act."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.responders import PARTICIPANTS
from processors.notifications import DECIDER as NOTIFICATIONS
from schemas.messages.incidents import (
    AcknowledgeIncident,
    CommandRefused,
    EscalateIncident,
    HandOffIncident,
    IncidentAcknowledged,
    IncidentHandedOff,
    JoinIncident,
    LeaveIncident,
    ParticipantJoined,
    RequestRollback,
)
from schemas.messages.notifications import EscalateFurther, EscalationStarted, NoteResponder, PageRequested
from tests.support.desk import TENANT, Desk
from tests.support.incident_words import acknowledge, move, opened, resolve, signal
from tests.support.page_words import ESCALATION, OWNERSHIP, PEOPLE


def given(*deciders):
    desk = Desk(*(deciders or (DECIDER,)))
    incident = opened(desk).incident_id
    return desk, incident


def say(desk, kind, incident, by, **more):
    desk.now += 1
    return move(desk, kind, incident, by, **more)


def test_who_joins_is_told_who_decides():
    desk, incident = given()
    assert say(desk, JoinIncident, incident, "carol").the(ParticipantJoined).primary is None
    acknowledge(desk, incident, "alice")
    assert say(desk, JoinIncident, incident, "bob").the(ParticipantJoined).primary == "alice"
    for by, code in (("bob", "already_joined"), ("alice", "already_primary")):
        assert say(desk, JoinIncident, incident, by).the(CommandRefused).code == code
    assert say(desk, LeaveIncident, incident, "bob").kinds == ("ParticipantLeft",)
    assert say(desk, LeaveIncident, incident, "alice").the(CommandRefused).remedy == "Hand it off first."


def test_no_more_join_than_there_is_room_for():
    desk, incident = given()
    for n in range(PARTICIPANTS):
        assert say(desk, JoinIncident, incident, f"p{n}").answers[0].code == "accepted"
    assert say(desk, JoinIncident, incident, "one-more").the(CommandRefused).code == "too_many_participants"
    desk, incident = given()
    long = "x" * 20_000
    assert say(desk, JoinIncident, incident, long + "1").answers[0].code == "accepted"
    assert say(desk, JoinIncident, incident, long + "2").the(CommandRefused).code == "too_many_participants"


def test_only_the_primary_hands_off_and_stays_as_a_participant():
    desk, incident = given()
    acknowledge(desk, incident, "alice")
    assert say(desk, HandOffIncident, incident, "bob", to="bob").the(CommandRefused).code == "not_primary"
    assert say(desk, HandOffIncident, incident, "alice", to="alice").the(CommandRefused).code == "already_primary"
    told = say(desk, HandOffIncident, incident, "alice", to="bob", note="end of shift")
    handed = told.the(IncidentHandedOff)
    assert (handed.before, handed.to, handed.note) == ("alice", "bob", "end of shift")
    assert told.sent == (("notifications.commands", NoteResponder(TENANT, incident, "bob")),)
    assert say(desk, JoinIncident, incident, "alice").the(CommandRefused).code == "already_joined"
    assert say(desk, RequestRollback, incident, "alice").the(CommandRefused).code == "not_primary"
    assert say(desk, JoinIncident, incident, "bob").the(CommandRefused).code == "already_primary"


def test_where_people_are_known_only_they_are_handed_an_incident():
    desk, incident = given()
    desk.configure("people", {"people": [{"id": "alice"}]})
    acknowledge(desk, incident, "alice")
    assert say(desk, HandOffIncident, incident, "alice", to="nobody").the(CommandRefused).code == "person_unknown"


def test_an_acknowledgement_keeps_where_it_was_said():
    desk, incident = given()
    told = say(desk, AcknowledgeIncident, incident, "alice", channel="slack", reference="1706123445.000123")
    said = told.the(IncidentAcknowledged)
    assert (said.channel, said.reference) == ("slack", "1706123445.000123")


def paging():
    """Both processors; the payments policy pages alice, bob, dave."""
    desk = Desk(DECIDER, NOTIFICATIONS)
    desk.configure("people", PEOPLE)
    desk.configure("ownership", OWNERSHIP)
    desk.configure("escalation", ESCALATION)
    incident = desk.tell(signal(1)).events[0].incident_id
    desk.settle()
    return desk, incident


def paged(desk):
    return [e.person for e in desk.history if isinstance(e, PageRequested)]


def test_escalating_a_running_policy_pages_the_next_person_at_once():
    desk, incident = paging()
    assert paged(desk) == ["alice"]
    told = say(desk, EscalateIncident, incident, "bob", note="I am not enough")
    assert [type(m) for _, m in told.sent] == [EscalateFurther]
    desk.settle()
    assert len(paged(desk)) == 2
    assert paged(desk)[1] != "alice"


def test_escalating_after_an_acknowledgement_pages_the_others():
    desk, incident = paging()
    acknowledge(desk, incident, "alice")
    desk.settle()
    say(desk, EscalateIncident, incident, "alice")
    desk.settle()
    started = [e for e in desk.history if isinstance(e, EscalationStarted)]
    assert len(started) == 2
    assert started[1].policy_reason.startswith("alice escalated; ")
    assert paged(desk)[0] == "alice"
    assert "alice" not in paged(desk)[1:]
    assert acknowledge(desk, incident, "bob").answers[0].code == "accepted"


def test_what_is_over_is_not_escalated_further():
    desk, incident = paging()
    resolve(desk, incident)
    desk.settle()
    further = EscalateFurther(TENANT, incident, 1, "bob", "SEV3", "t", "payments-service", desk.now, 1, 0)
    assert desk.tell(further).reasons == ("incident_over",)


def test_who_was_handed_it_is_noted_once():
    desk, incident = paging()
    acknowledge(desk, incident, "alice")
    desk.settle()
    assert desk.tell(NoteResponder(TENANT, incident, "bob")).reasons == ("responder_changed",)
    assert desk.tell(NoteResponder(TENANT, incident, "bob")).reasons == ("responder_known",)
    assert desk.tell(NoteResponder(TENANT, bytes(16), "bob")).reasons == ("no_escalation",)
