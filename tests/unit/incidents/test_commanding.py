"""The commander's three approvals, the roles that sign on an RML-3 incident, and who may ask for a rollback."""

from __future__ import annotations

import pytest

from processors.incidents import DECIDER
from processors.incidents.responders import PENDING
from schemas.ids import derive
from schemas.messages.incidents import (
    ApprovalDeclined,
    ApprovalGiven,
    ApprovalRequested,
    ApproveAction,
    AssignCommander,
    CaseObserved,
    ChangeSeverity,
    CommandRefused,
    CommunicateIncident,
    CommunicationReleased,
    DeclineAction,
    RecordChange,
    ReleaseCommander,
    RequestRollback,
    RollbackRequested,
    SeverityChanged,
)
from tests.support.desk import TENANT, Desk
from tests.support.incident_words import acknowledge, move, opened

PEOPLE = {
    "people": [
        {"id": "alice"},
        {"id": "bob"},
        {"id": "dana"},
        {"id": "lee", "roles": ["legal"]},
        {"id": "carol", "roles": ["business", "legal"]},
    ]
}


def given(commander="dana", case=False, people=None):
    """alice is primary of INC-1, whose suggested cause is a deploy."""
    desk = Desk(DECIDER)
    if people is not None:
        desk.configure("people", people)
    change = RecordChange(
        TENANT,
        derive("c", 1),
        bytes(16),
        "ci",
        "payments-service",
        "deploy",
        "v1",
        "v2",
        None,
        "deployer",
        desk.now - 1000,
        desk.now,
    )
    desk.tell(change)
    incident = opened(desk).incident_id
    desk.now += 1
    acknowledge(desk, incident, "alice")
    desk.now += 1
    if commander:
        assert say(desk, AssignCommander, incident, "alice", commander=commander).answers[0].code == "accepted"
    if case:
        told = CaseObserved(TENANT, derive("case", 1), 1, "RML3", "payments-service", bytes(16), desk.now, desk.now)
        desk.tell(told)
    return desk, incident


def say(desk, kind, incident, by, **more):
    desk.now += 1
    return move(desk, kind, incident, by, **more)


def code(told):
    return told.the(CommandRefused).code


ASKED = [
    (ChangeSeverity, {"severity": "SEV1"}, SeverityChanged),
    (CommunicateIncident, {"text": "we know"}, CommunicationReleased),
    (RequestRollback, {}, RollbackRequested),
]


@pytest.mark.parametrize(("kind", "more", "effect"), ASKED)
def test_without_a_commander_it_takes_effect_at_once(kind, more, effect):
    desk, incident = given(commander=None)
    said = say(desk, kind, incident, "alice", **more).the(effect)
    assert (said.subject, said.approved_by) == ("alice", ())


@pytest.mark.parametrize(("kind", "more", "effect"), ASKED)
def test_with_a_commander_it_waits_and_takes_effect_with_both_names(kind, more, effect):
    desk, incident = given()
    told = say(desk, kind, incident, "alice", **more)
    asked = told.the(ApprovalRequested)
    assert told.kinds == ("ApprovalRequested",)
    assert (asked.approval, asked.by_role, asked.signers) == (1, False, ("dana",))
    assert code(say(desk, ApproveAction, incident, "bob", approval=1)) == "not_commander"
    assert code(say(desk, kind, incident, "alice", **more)) == "already_asked"
    told = say(desk, ApproveAction, incident, "dana", approval=1)
    assert told.the(ApprovalGiven).missing == ()
    assert (told.the(effect).subject, told.the(effect).approved_by) == ("alice", ("dana (commander)",))
    assert code(say(desk, ApproveAction, incident, "dana", approval=1)) == "approval_unknown"


@pytest.mark.parametrize(("kind", "more", "effect"), ASKED)
def test_the_commander_needs_nobodys_word(kind, more, effect):
    desk, incident = given()
    assert say(desk, kind, incident, "dana", **more).the(effect).subject == "dana"


def test_a_rollback_says_which_change_and_is_advice_only():
    desk, incident = given(commander=None)
    told = say(desk, RequestRollback, incident, "alice", note="now")
    assert told.the(RollbackRequested).what == "deploy v1 → v2 of payments-service by deployer"
    assert (told.kinds, told.sent) == (("RollbackRequested",), ())


def test_only_the_primary_or_the_commander_may_ask_for_a_rollback():
    desk, incident = given()
    refused = say(desk, RequestRollback, incident, "bob").the(CommandRefused)
    assert refused.code == "not_primary"
    assert refused.why == ("alice is primary of INC-1, dana is incident commander; only they may ask for a rollback")
    assert "alice" in refused.remedy


def test_a_rollback_of_what_nobody_knows_is_refused():
    desk, incident = given(commander=None)
    assert code(say(desk, RequestRollback, incident, "alice", change_id=derive("x"))) == "change_unknown"
    desk = Desk(DECIDER)
    incident = opened(desk).incident_id
    acknowledge(desk, incident, "alice")
    assert code(say(desk, RequestRollback, incident, "alice")) == "change_required"


def test_what_was_declined_does_not_happen_and_who_asked_may_take_it_back():
    desk, incident = given()
    for by, role in (("dana", "commander"), ("alice", "asked for it")):
        number = say(desk, ChangeSeverity, incident, "alice", severity="SEV1").the(ApprovalRequested).approval
        told = say(desk, DeclineAction, incident, by, approval=number, note="no")
        assert (told.kinds, told.the(ApprovalDeclined).role) == (("ApprovalDeclined",), role)
    assert code(say(desk, DeclineAction, incident, "dana", approval=9)) == "approval_unknown"


def test_no_more_waits_than_is_kept():
    desk, incident = given()
    for n in range(PENDING):
        say(desk, CommunicateIncident, incident, "alice", text=f"text {n}")
    assert code(say(desk, CommunicateIncident, incident, "alice", text="one more")) == "too_many_approvals"


def test_there_is_one_commander_and_only_who_leads_changes_it():
    desk, incident = given()
    assert code(say(desk, AssignCommander, incident, "bob", commander="bob")) == "commander_exists"
    assert code(say(desk, ReleaseCommander, incident, "bob")) == "not_commander"
    assert code(say(desk, AssignCommander, incident, "dana", commander="dana")) == "already_commander"
    assert say(desk, AssignCommander, incident, "dana", commander="bob").answers[0].code == "accepted"
    assert say(desk, ReleaseCommander, incident, "alice").answers[0].code == "accepted"
    assert code(say(desk, ReleaseCommander, incident, "alice")) == "no_commander"


def test_on_an_rml3_incident_the_accountable_roles_sign_and_the_commander_coordinates():
    desk, incident = given(case=True, people=PEOPLE)
    asked = say(desk, ChangeSeverity, incident, "alice", severity="SEV1").the(ApprovalRequested)
    assert (asked.by_role, asked.signers) == (True, ("business", "legal"))
    assert asked.reason == "CASE-1 is open, so business and legal sign the severity"
    refused = say(desk, ApproveAction, incident, "dana", approval=1).the(CommandRefused)
    assert (refused.code, refused.remedy) == ("role_must_sign", "These must sign: business: carol; legal: lee, carol.")
    told = say(desk, ApproveAction, incident, "lee", approval=1)
    assert (told.kinds, told.the(ApprovalGiven).missing) == (("ApprovalGiven",), ("business",))
    told = say(desk, ApproveAction, incident, "carol", approval=1)
    assert told.the(SeverityChanged).approved_by == ("lee (legal)", "carol (business)")


def test_nobody_signs_twice_or_what_they_asked_for():
    desk, incident = given(case=True, people=PEOPLE)
    say(desk, CommunicateIncident, incident, "carol", text="we know")
    assert code(say(desk, ApproveAction, incident, "carol", approval=1)) == "own_request"
    say(desk, CommunicateIncident, incident, "alice", text="we know more")
    assert say(desk, ApproveAction, incident, "carol", approval=2).answers[0].code == "accepted"
    assert code(say(desk, ApproveAction, incident, "carol", approval=2)) == "already_signed"


def test_where_nobody_has_the_role_it_is_said_and_without_any_role_or_commander_nothing_changes():
    desk, incident = given(case=True, people={"people": [{"id": "alice"}, {"id": "dana"}]})
    refused = say(desk, ChangeSeverity, incident, "alice", severity="SEV1").the(CommandRefused)
    assert refused.code == "nobody_can_sign"
    assert "business and legal" in refused.remedy
    desk, incident = given(commander=None, case=True, people={"people": [{"id": "alice"}]})
    assert say(desk, ChangeSeverity, incident, "alice", severity="SEV1").the(SeverityChanged).approved_by == ()


def test_a_case_that_opens_while_it_waits_takes_the_word_from_the_commander():
    desk, incident = given(people=PEOPLE)
    say(desk, ChangeSeverity, incident, "alice", severity="SEV1")
    desk.tell(CaseObserved(TENANT, derive("case", 1), 1, "RML3", "payments-service", bytes(16), desk.now, desk.now))
    assert code(say(desk, ApproveAction, incident, "dana", approval=1)) == "role_must_sign"
    assert say(desk, DeclineAction, incident, "dana", approval=1).answers[0].code == "accepted"


def test_a_rollback_on_an_rml3_incident_is_the_commanders():
    desk, incident = given(case=True, people=PEOPLE)
    assert say(desk, RequestRollback, incident, "alice").the(ApprovalRequested).signers == ("dana",)
