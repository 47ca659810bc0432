"""Random steps of incidents and pages: what they are, and a desk on which they happen. For property tests.

What goes between the two processors arrives when a step says so (`echo`, `settle`), as on a real log.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from processors.incidents import DECIDER as INCIDENTS
from processors.notifications import DECIDER as NOTIFICATIONS
from schemas.incident_rules import SEVERITIES
from schemas.messages.incidents import (
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    ContainIncident,
    EscalateIncident,
    IncidentOpened,
    JoinIncident,
    LeaveIncident,
    MarkFalseAlarm,
    ReopenIncident,
    SignalAttached,
    StartPostmortem,
)
from schemas.messages.notifications import PageRequested, ReportOutcome
from tests.support.desk import TENANT, Desk, Told
from tests.support.incident_words import MINUTE, acknowledge, alert, move, report, resolve, signal
from tests.support.page_words import OWNERSHIP, PEOPLE

INPUTS = ("incidents.commands", "notifications.commands")
SEVERITY = {
    "raises": [{"severity": "SEV2", "failures": 4}, {"severity": "SEV1", "failures": 99, "affected": 4}],
}
# One person twice, one who cannot be paged, short waits: the corners are near.
POLICIES = {
    "policies": [
        {
            "id": "pay",
            "rounds": 2,
            "steps": [{"person": p, "wait_s": w} for p, w in (("alice", 3), ("mute", 5), ("bob", 4), ("alice", 9))],
        },
        {"id": "rest", "rounds": 1, "steps": [{"person": "dave", "wait_s": 6}]},
    ],
    "teams": {"payments": "pay"},
    "default_policy": "rest",
    "outcome_wait_s": 4,
    "outcome_tries": 2,
}

# Mostly one problem, so that things meet; a failure is new, or one of the last ones told again.
_failure = st.tuples(
    st.just("signal"),
    st.sampled_from(["payments-service"] * 5 + ["search"]),
    st.sampled_from(["f1"] * 5 + ["f2"]),
    st.sampled_from([0] * 7 + [1, 3]),
    st.sampled_from([None, "a", "b", "c", "d", "e"]),
    st.sampled_from([0, 0, 0, 0, -14, 14, -40, 40]),
    st.sampled_from([False] * 9 + [True]),
)
_outcome = st.tuples(
    st.just("outcome"),
    st.sampled_from([0, 0, 0, 1, 2, 5]),
    st.sampled_from([0, 0, 0, -1, 1]),
    st.sampled_from(["delivered", "delivered", "failed", "unknown"]),
)
_PERSON = st.sampled_from(["alice", "bob", "stranger"])
_MOVES = {"assign": AssignIncident, "contain": ContainIncident, "reopen": ReopenIncident, "close": CloseIncident}
_TOGETHER = {
    "false-alarm": MarkFalseAlarm,
    "postmortem": StartPostmortem,
    "escalate": EscalateIncident,
    "join": JoinIncident,
    "leave": LeaveIncident,
}
_told = st.one_of(
    st.tuples(
        st.just("report"), st.sampled_from(["payments-service"] * 3 + ["search"]), st.sampled_from([None, "SEV1"])
    ),
    st.tuples(st.just("alert"), st.integers(1, 3), st.sampled_from(["firing", "firing", "resolved"])),
)
_move = st.one_of(
    st.tuples(st.sampled_from(["contain", "reopen", "close"]), st.integers(0, 2), _PERSON),
    st.tuples(st.sampled_from(sorted(_TOGETHER)), st.integers(0, 2), _PERSON),
    st.tuples(st.just("assign"), st.integers(0, 2), _PERSON, _PERSON),
    st.tuples(st.just("severity"), st.integers(0, 2), _PERSON, st.sampled_from(SEVERITIES)),
)
STEP = st.one_of(
    _failure,
    _failure,
    _told,
    _move,
    _move,
    st.tuples(st.just("echo")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("sleep"), st.sampled_from([1, 1000, 3000, 4000, 4000, 9000, 3_600_000])),
    st.tuples(st.just("acknowledge"), st.integers(0, 2), _PERSON),
    st.tuples(st.just("resolve"), st.integers(0, 2)),
    _outcome,
    _outcome,
)


def play(steps: list[tuple[Any, ...]], configured: bool = True) -> Desk:
    """A desk on which these steps happened, each at a time of its own."""
    desk = Desk(INCIDENTS, NOTIFICATIONS)
    if configured:
        desk.configure("people", PEOPLE)
        desk.configure("ownership", OWNERSHIP)
        desk.configure("escalation", POLICIES)
        desk.configure("incidents", SEVERITY)
    for step in [("signal", "payments-service", "f1", 0, "a", 0, False), ("settle",), *steps]:
        desk.now += 1
        _do(desk, *step)
    return desk


def _do(desk: Desk, what: str, *how: Any) -> None:
    opened = said(desk, IncidentOpened)
    asked = said(desk, PageRequested)
    if what == "signal":
        resource, fingerprint, again, affected, minutes, historical = how
        told = len(opened) + len(said(desk, SignalAttached))
        same = {"resource": resource, "fingerprint": fingerprint, "affected": affected, "historical": historical}
        desk.tell(signal(max(0, told - again), desk.now + minutes * MINUTE, **same))
    elif what == "echo":
        desk.echo()
    elif what == "settle":
        desk.settle()
    elif what == "sleep":
        desk.sleep(*how)
    elif what == "outcome":
        back, attempt, outcome = how
        if asked:
            page = asked[-1 - back % len(asked)]
            desk.tell(
                ReportOutcome(TENANT, page.incident_id, page.notification_id, page.attempt + attempt, outcome, "")
            )
    elif what == "report":
        resource, severity = how
        answered = report(desk, len(desk.log[INPUTS[0]]), resource, severity=severity)
        assert len(answered.answers) == 1
    elif what == "alert":
        number, status = how
        # Told again for as long as it fires: it has no answer.
        alert(desk, number, status, resource="payments-service" if number < 3 else "search")
    else:
        incident = opened[-1 - how[0] % len(opened)].incident_id if opened else bytes(16)
        assert len(_asked(desk, what, incident, *how[1:]).answers) == 1


def _asked(desk: Desk, what: str, incident: bytes, *how: Any) -> Told:
    """A person's command to this incident."""
    match what, how:
        case "acknowledge", (by,):
            return acknowledge(desk, incident, by)
        case "resolve", ():
            return resolve(desk, incident)
        case "assign", (by, assignee):
            return move(desk, AssignIncident, incident, by, assignee=assignee, note=None)
        case "severity", (by, severity):
            return move(desk, ChangeSeverity, incident, by, severity=severity, note=None)
        case _, (by,):
            return move(desk, (_MOVES | _TOGETHER)[what], incident, by, note=None)
    raise AssertionError(what)


def to_the_end(desk: Desk) -> None:
    """Until nothing is on its way and nothing is due but forgetting."""
    for _ in range(200):
        desk.settle()
        due = [e.earliest_due() for e in desk.engines.values()]
        soon = [d for d in due if d is not None and d < desk.now + 24 * 3_600_000]
        if not soon:
            return
        desk.sleep_until(max(desk.now, min(soon)))
    raise AssertionError("it never comes to rest")


def said(desk: Desk, kind: type) -> list[Any]:
    return [e for e in desk.history if isinstance(e, kind)]
