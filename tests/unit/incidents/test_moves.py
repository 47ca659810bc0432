"""Assign, contain, reopen, close, severity: what each means for others. The whole table is in test_table.py."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.rules import KEEP_MS
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    CommandRefused,
    ContainIncident,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentContained,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentStateChanged,
    ReopenIncident,
    ResolveIncident,
    SeverityChanged,
    SeverityRaised,
)
from schemas.messages.notifications import NotifyIncident, StopEscalation
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import move, opened, signal

KINDS = {
    "acknowledge": (AcknowledgeIncident, {}),
    "assign": (AssignIncident, {"assignee": "zoe"}),
    "contain": (ContainIncident, {}),
    "resolve": (ResolveIncident, {}),
    "reopen": (ReopenIncident, {}),
    "close": (CloseIncident, {}),
    "severity": (ChangeSeverity, {"severity": "SEV1"}),
}
WAYS = {
    "detected": (),
    "investigating": ("acknowledge",),
    "contained": ("contain",),
    "resolved": ("resolve",),
    "reopened": ("resolve", "reopen"),
    "closed": ("resolve", "close"),
}


def given(state):
    """A desk with an incident in this state, brought there by alice."""
    desk = Desk(DECIDER)
    incident = opened(desk)
    for verb in WAYS[state]:
        desk.now += 1
        kind, more = KINDS[verb]
        move(desk, kind, incident.incident_id, "alice", **more)
    desk.now += 1
    return desk, incident


def states(told):
    return [e.after for e in told.events if isinstance(e, IncidentStateChanged)]


def test_assigning_to_somebody_else_stops_no_paging_and_assigning_to_oneself_does():
    desk, incident = given("detected")
    told = move(desk, AssignIncident, incident.incident_id, "bob", assignee="alice", note="your pool")
    event = told.the(IncidentAssigned)
    assert (event.subject, event.assignee, event.note, states(told)) == ("bob", "alice", "your pool", ["investigating"])
    assert told.sent == ()
    desk.now += 1
    again = move(desk, AssignIncident, incident.incident_id, "bob", assignee="alice")
    assert again.the(CommandRefused).code == "already_assigned"
    desk.now += 1
    to_self = move(desk, AssignIncident, incident.incident_id, "alice", assignee="alice")
    assert to_self.the(IncidentAcknowledged).subject == "alice"
    assert [type(m) for _, m in to_self.sent] == [StopEscalation]


def test_who_gave_it_away_can_take_it_back():
    desk, incident = given("detected")
    move(desk, AcknowledgeIncident, incident.incident_id, "bob")
    desk.now += 1
    move(desk, AssignIncident, incident.incident_id, "bob", assignee="alice")
    desk.now += 1
    assert move(desk, AcknowledgeIncident, incident.incident_id, "bob").answers[0].code == "accepted"


def test_where_people_are_known_only_they_can_be_assigned():
    desk, incident = given("detected")
    desk.configure("people", {"people": [{"id": "alice"}]})
    told = move(desk, AssignIncident, incident.incident_id, "bob", assignee="nobody")
    assert told.the(CommandRefused).code == "person_unknown"
    desk.now += 1
    told = move(desk, AssignIncident, incident.incident_id, "bob", assignee="alice")
    assert told.answers[0].code == "accepted"


def test_who_contains_is_on_it_so_nobody_else_is_woken():
    desk, incident = given("detected")
    desk.tell(signal(2))
    desk.now += 5
    told = move(desk, ContainIncident, incident.incident_id, "bob", note="traffic moved away")
    assert told.kinds == ("IncidentAcknowledged", "IncidentStateChanged", "IncidentStateChanged", "IncidentContained")
    contained = told.the(IncidentContained)
    assert (contained.failures, contained.note, contained.at) == (2, "traffic moved away", desk.now)
    assert told.sent == (
        ("notifications.commands", StopEscalation(TENANT, incident.incident_id, "bob", "acknowledged")),
    )
    at = desk.now
    desk.now += 10
    resolved = move(desk, ResolveIncident, incident.incident_id, "bob").the(IncidentResolved)
    assert (resolved.contained_at, resolved.acknowledged_at) == (at, at)


def test_a_reopened_incident_attracts_again_and_pages_again():
    desk, incident = given("resolved")
    told = move(desk, ReopenIncident, incident.incident_id, "carol", note="it is back")
    assert told.the(IncidentReopened).subject == "carol"
    ((topic, notify),) = told.sent
    assert (topic, type(notify), notify.why) == ("notifications.commands", NotifyIncident, "opened")
    assert desk.tell(signal(2, desk.now)).kinds == ("SignalAttached",)
    assert desk.sleep(KEEP_MS + 1).events == ()
    assert desk.tell(signal(3, START)).kinds == ("SignalAttached",)
    assert move(desk, AcknowledgeIncident, incident.incident_id, "alice").answers[0].code == "accepted"


def test_a_closed_incident_is_forgotten_thirty_days_after_it_was_closed():
    desk, incident = given("resolved")
    desk.sleep(KEEP_MS - 10)
    closed = move(desk, CloseIncident, incident.incident_id)
    assert states(closed) == ["closed"]
    assert desk.sleep(KEEP_MS - 1).reasons == ()
    assert desk.sleep(1).reasons == ("forgotten",)


def test_a_severity_that_a_person_set_holds_against_what_was_reached_before():
    desk = Desk(DECIDER)
    rules = [{"severity": "SEV2", "failures": 2}, {"severity": "SEV1", "failures": 4}]
    desk.configure("incidents", {"raises": rules})
    incident = opened(desk)
    assert desk.tell(signal(2)).the(SeverityRaised).after == "SEV2"
    down = move(desk, ChangeSeverity, incident.incident_id, severity="SEV4", note="one customer")
    assert (down.the(SeverityChanged).before, down.the(SeverityChanged).after) == ("SEV2", "SEV4")
    assert down.sent == ()
    assert desk.tell(signal(3)).kinds == ("SignalAttached",)
    assert desk.tell(signal(4)).the(SeverityRaised).after == "SEV1"
    desk.now += 1
    same = move(desk, ChangeSeverity, incident.incident_id, severity="SEV1")
    assert same.the(CommandRefused).code == "severity_unchanged"


def test_a_severity_that_a_person_raised_pages_again():
    desk, incident = given("investigating")
    told = move(desk, ChangeSeverity, incident.incident_id, severity="SEV1")
    ((_, notify),) = told.sent
    assert (notify.why, notify.severity) == ("severity_raised", "SEV1")


def test_a_closed_incident_lets_the_next_failure_open_another():
    desk, _ = given("closed")
    assert desk.tell(signal(2, desk.now)).the(IncidentOpened).number == 2
