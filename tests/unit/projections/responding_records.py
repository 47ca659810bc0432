"""Events of people who work together on INC-1 and of what happens by itself, each with its sentence."""

from __future__ import annotations

from schemas.ids import derive
from schemas.messages import incidents as said
from tests.unit.projections.records import INCIDENT, T0, TENANT

CHANGE = derive("change", 1)
_HEAD = (TENANT, INCIDENT, 1)


def asked(approval: int = 1, **more: object) -> said.ApprovalRequested:
    """carol asked for a severity, and dana commands."""
    fields = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "approval": approval,
        "action": "severity",
        "subject": "carol",
        "by_role": False,
        "signers": ("dana",),
        "reason": "dana is incident commander",
        "text": None,
        "change_id": None,
        "what": None,
        "severity": "SEV1",
        "note": None,
        "at": T0,
    }
    return said.ApprovalRequested(**(fields | more))  # type: ignore[arg-type]  # the tests' own words


def given(approval: int = 1, missing: tuple[str, ...] = (), role: str = "commander") -> said.ApprovalGiven:
    """dana agreed."""
    return said.ApprovalGiven(*_HEAD, approval, "severity", "dana", role, "carol", missing, None, T0)


def declined(approval: int = 1) -> said.ApprovalDeclined:
    """dana did not agree."""
    return said.ApprovalDeclined(*_HEAD, approval, "severity", "dana", "commander", "carol", "not now", T0)


def escalated(by: str = "bob") -> said.IncidentEscalated:
    """bob wants others, or nobody answered."""
    why = "I am stuck" if by == "bob" else "nobody answered: policy pay is exhausted after 3 rounds"
    return said.IncidentEscalated(*_HEAD, by, by != "bob", why, "payments", "t", "SEV3", T0, 6, 4, False, T0)


SENTENCES = {
    said.FalseAlarmMarked(*_HEAD, "bob", "a test", 6, 4, T0): (
        "bob called it a false alarm, after 6 failures and 4 affected: a test."
    ),
    said.PostmortemStarted(*_HEAD, "mandate", True, "86400 s after it was resolved", None, T0): (
        "The postmortem began by itself: 86400 s after it was resolved."
    ),
    said.PostmortemStarted(*_HEAD, "bob", False, None, "https://wiki.example/1", T0): (
        "bob works on the postmortem at https://wiki.example/1."
    ),
    said.AutomaticMoveHeld(*_HEAD, "postmortem", "CASE-7 is open on payments: it waits", T0, T0): (
        "The postmortem did not begin by itself: CASE-7 is open on payments: it waits."
    ),
    escalated(): "bob escalated the incident after 6 failures and 4 affected: I am stuck.",
    escalated("mandate"): (
        "The incident was escalated after 6 failures and 4 affected:"
        " nobody answered: policy pay is exhausted after 3 rounds."
    ),
    said.ParticipantJoined(*_HEAD, "bob", "alice", None, T0): "bob joined; alice is primary: ask before acting.",
    said.ParticipantJoined(*_HEAD, "bob", None, "can help", T0): "bob joined: can help; nobody is primary yet.",
    said.ParticipantLeft(*_HEAD, "bob", None, T0): "bob left.",
    said.ErrorsAggregated(*_HEAD, "SEV2", "PaymentError", "payments", 103, 59, 1, 103, 90, T0, T0): (
        "Nobody has acknowledged it, and there were 103 errors more in 59 s: who was paged is told."
    ),
    said.ErrorsAggregated(*_HEAD, "SEV2", "PaymentError", "payments", 1, 60, 2, 104, 90, T0, T0): (
        "Nobody has acknowledged it, and there was one error more in 60 s: who was paged is told."
    ),
    said.IncidentMuted(*_HEAD, "alice", 10, T0, "I look", T0): (
        "alice muted notices of further errors for 10 minutes: I look; pages are sent all the same."
    ),
    said.IncidentHandedOff(*_HEAD, "alice", "alice", "bob", "end of shift", 6, 4, T0): (
        "alice handed the incident off to bob, after 6 failures and 4 affected: end of shift."
    ),
    said.IncidentHandedOff(*_HEAD, "dana", "alice", "bob", None, 6, 4, T0): (
        "alice handed the incident off to bob, as dana decided, after 6 failures and 4 affected."
    ),
    said.RollbackRequested(*_HEAD, "alice", CHANGE, "deploy v1 → v2 of payments by deployer", ("dana",), None, T0): (
        "alice asked to roll back deploy v1 → v2 of payments by deployer, approved by dana."
    ),
    said.CommunicationReleased(*_HEAD, "alice", "Payments fail.", (), None, T0): (
        "alice tells stakeholders: Payments fail."
    ),
    said.CommanderAssigned(*_HEAD, "alice", "dana", None, None, T0): "dana is incident commander, named by alice.",
    said.CommanderReleased(*_HEAD, "dana", "dana", None, T0): "dana is incident commander no more, said dana.",
    asked(): "carol asked to set the severity to SEV1. It waits for dana: dana is incident commander.",
    given(): "dana (commander) approved another severity of carol.",
    given(missing=("legal",), role="business"): (
        "dana (business) approved another severity of carol; legal must sign too."
    ),
    said.ApprovalDeclined(*_HEAD, 1, "rollback", "carol", "asked for it", "carol", None, T0): (
        "carol took back what they asked: a rollback."
    ),
    declined(): "dana (commander) declined another severity of carol: not now.",
}
