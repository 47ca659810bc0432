"""Every state with every command: what may happen is written here by hand, and everything else is a refusal.

EXPECTED is a literal of its own: seed 11.2 with DESIGN 9, not made from the processor's table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processors.incidents import DECIDER, drawing
from processors.incidents.moves import MOVES, STEPS
from schemas.ids import derive
from schemas.incident_rules import OPEN, OVER, STATES
from schemas.messages.incidents import (
    COMMANDS,
    AcknowledgeIncident,
    ApproveAction,
    AssignCommander,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    CommandRefused,
    CommunicateIncident,
    ContainIncident,
    DeclineAction,
    EscalateIncident,
    HandOffIncident,
    IncidentStateChanged,
    JoinIncident,
    LeaveIncident,
    MarkFalseAlarm,
    MuteIncident,
    NoResponseObserved,
    ReleaseCommander,
    ReopenIncident,
    RequestRollback,
    ResolveIncident,
    StartPostmortem,
)
from tests.support.desk import TENANT, Desk
from tests.support.incident_words import move, opened

ROOT = Path(__file__).parents[3]
CHANGE = derive("change", 1)
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "acknowledge": (AcknowledgeIncident, {}),
    "assign": (AssignIncident, {"assignee": "zoe"}),
    "contain": (ContainIncident, {}),
    "resolve": (ResolveIncident, {}),
    "reopen": (ReopenIncident, {}),
    "close": (CloseIncident, {}),
    "severity": (ChangeSeverity, {"severity": "SEV1"}),
    "false-alarm": (MarkFalseAlarm, {}),
    "postmortem": (StartPostmortem, {"note": "n"}),
    "escalate": (EscalateIncident, {}),
    "mute": (MuteIncident, {}),
    "join": (JoinIncident, {}),
    "leave": (LeaveIncident, {}),
    "handoff": (HandOffIncident, {"to": "zoe"}),
    "rollback": (RequestRollback, {"change_id": CHANGE}),
    "communicate": (CommunicateIncident, {"text": "we are on it"}),
    "commander": (AssignCommander, {"commander": "zoe"}),
    "release-commander": (ReleaseCommander, {}),
    "approve": (ApproveAction, {"approval": 1}),
    "decline": (DeclineAction, {"approval": 1}),
}
# How alice brings an incident into a state. `merged` is reached by a merge alone: its row has no command but refusals.
WAYS = {
    "detected": (),
    "investigating": ("acknowledge",),
    "contained": ("contain",),
    "escalated": ("acknowledge", "escalate"),
    "reopened": ("resolve", "reopen"),
    "resolved": ("resolve",),
    "postmortem": ("resolve", "postmortem"),
    "closed": ("resolve", "close"),
    "false_alarm": ("false-alarm",),
}
# What a command leads through; a state that is not named refuses it. "-" stays.
EXPECTED = {
    "detected": {
        "acknowledge": "investigating",
        "assign": "investigating",
        "contain": "investigating contained",
        "resolve": "investigating contained resolved",
        "severity": "-",
        "false-alarm": "false_alarm",
        "escalate": "escalated",
        "mute": "-",
        "join": "-",
        "leave": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "investigating": {
        "acknowledge": "-",
        "assign": "-",
        "contain": "contained",
        "resolve": "contained resolved",
        "severity": "-",
        "escalate": "escalated",
        "join": "-",
        "leave": "-",
        "handoff": "-",
        "rollback": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "contained": {
        "acknowledge": "-",
        "assign": "-",
        "resolve": "resolved",
        "severity": "-",
        "join": "-",
        "leave": "-",
        "handoff": "-",
        "rollback": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "escalated": {
        "acknowledge": "investigating",
        "assign": "investigating",
        "contain": "contained",
        "resolve": "contained resolved",
        "severity": "-",
        "mute": "-",
        "join": "-",
        "leave": "-",
        "handoff": "-",
        "rollback": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "reopened": {
        "acknowledge": "investigating",
        "assign": "investigating",
        "contain": "investigating contained",
        "resolve": "investigating contained resolved",
        "severity": "-",
        "mute": "-",
        "join": "-",
        "leave": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "resolved": {
        "reopen": "reopened",
        "close": "postmortem closed",
        "postmortem": "postmortem",
        "join": "-",
        "leave": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "postmortem": {
        "close": "closed",
        "postmortem": "-",
        "join": "-",
        "leave": "-",
        "communicate": "-",
        "commander": "-",
        "release-commander": "-",
        "approve": "-",
        "decline": "-",
    },
    "closed": {"reopen": "reopened"},
    "false_alarm": {"reopen": "reopened"},
    "merged": {},
}
# Refusals of the command itself where the state would allow it: nothing is joined, commanded or asked here.
OF_THEIR_OWN = {
    "leave": "not_joined",
    "release-commander": "no_commander",
    "approve": "approval_unknown",
    "decline": "approval_unknown",
}
# Of bob, who is not the primary.
NOT_HIS = {"handoff": "not_primary", "rollback": "not_primary"}


def given(state):
    """A desk with an incident in this state, brought there by alice."""
    desk = Desk(DECIDER)
    incident = opened(desk)
    for verb in WAYS[state]:
        desk.now += 1
        kind, more = KINDS[verb]
        assert move(desk, kind, incident.incident_id, "alice", **more).answers[0].code == "accepted"
    desk.now += 1
    return desk, incident


def states(told):
    return " ".join(e.after for e in told.events if isinstance(e, IncidentStateChanged)) or "-"


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("verb", KINDS)
def test_what_is_written_here_happens_and_everything_else_is_refused_with_what_is_allowed(verb, state):
    desk, incident = given(state)
    kind, more = KINDS[verb]
    told = move(desk, kind, incident.incident_id, "bob", **more)
    expected = EXPECTED[state].get(verb)
    code = told.answers[0].code
    if expected is not None and verb in OF_THEIR_OWN | NOT_HIS:
        assert code == (OF_THEIR_OWN | NOT_HIS)[verb]
        assert told.kinds == ("CommandRefused",)
    elif (verb, state) == ("mute", "escalated"):
        assert code == "already_acknowledged"  # by alice, before she escalated it
    elif expected is not None:
        assert code == "accepted"
        assert states(told) == expected
    else:
        refused = told.the(CommandRefused)
        allowed = [v for v in (*KINDS, "merge") if v in EXPECTED[state] or v == "merge"]
        assert f"Allowed now: {', '.join(allowed)}." in refused.remedy
        assert "INC-1" in refused.why
        assert told.kinds == ("CommandRefused",)


@pytest.mark.parametrize("state", WAYS)
def test_no_response_escalates_what_nobody_or_somebody_investigates_and_nothing_else(state):
    desk, incident = given(state)
    told = desk.tell(NoResponseObserved(TENANT, incident.incident_id, "pay", 3, desk.now))
    assert states(told) == ("escalated" if state in ("detected", "investigating") else "-")


def test_every_command_of_people_to_an_incident_is_in_the_table():
    verbs = {kind for kind, _ in KINDS.values()}
    asked = {c for c in COMMANDS if {"command_id", "incident_id", "body_hash"} <= set(c.__dataclass_fields__)}
    # Corrections (split, merge, undo) and suggestions have tables of their own.
    assert verbs <= asked


def test_every_state_is_there_and_merged_is_reached_by_a_merge_alone():
    assert set(EXPECTED) == set(STATES) == {*WAYS, "merged"}
    assert set(OPEN) | set(OVER) == set(STATES)
    for verb, moves in MOVES.items():
        if verb == "merge":
            assert set(moves.values()) == {("merged",)}
            assert set(moves) == set(STATES) - {"merged"}
        else:
            assert "merged" not in moves
            assert all("merged" not in path for path in moves.values())
            wanted = {
                s: () if row[verb] == "-" else tuple(row[verb].split()) for s, row in EXPECTED.items() if verb in row
            }
            assert dict(moves) == wanted, verb


def test_every_command_goes_by_steps_of_the_drawing():
    steps = {(s.before, s.after) for s in STEPS}
    for verb, moves in MOVES.items():
        for state, path in moves.items():
            walked = list(zip((state, *path), path, strict=False))
            assert set(walked) <= steps, f"{verb} from {state}: {walked}"


def test_the_page_of_the_states_is_drawn_from_the_table():
    assert (ROOT / "docs" / "states.md").read_text() == drawing.page(), "run: make states"
