"""What people do together, in an incident's row: participants, the commander, approvals, the postmortem."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from projections.incidents.project import project
from projections.incidents.responding import KEPT_MAX
from projections.incidents.shapes import incident
from schemas.messages import incidents as said
from tests.unit.projections import incident_records as m
from tests.unit.projections import records as r
from tests.unit.projections import responding_records as p
from tests.unit.projections.records import INCIDENT, T0, TENANT, Log

HEAD = (TENANT, INCIDENT, 1)
READ: dict[str, Any] = {"exhausted": None, "cases": [], "open_entry": None}


def shown(*messages: Any) -> dict[str, Any]:
    """INC-1 as /v1 shows it after these events."""
    log = Log("incidents.events")
    for message in (r.opened(T0), *messages):
        log.add(message)
    return incident(asdict(project(log.said(), {}).incidents[0]) | READ)


def test_who_hands_off_stays_and_who_takes_it_is_no_participant_any_more():
    joined = said.ParticipantJoined(*HEAD, "bob", "alice", None, T0)
    handed = said.IncidentHandedOff(*HEAD, "alice", "alice", "bob", None, 6, 4, T0)
    x = shown(joined, handed)
    assert (x["primary"], x["assigned_by"]) == ("bob", "alice")
    assert [one["person"] for one in x["participants"]] == ["alice"]
    assert shown(joined, said.ParticipantLeft(*HEAD, "bob", None, T0))["participants"] == ()


def test_an_approval_waits_until_everybody_has_signed_and_says_who_did():
    roles: dict[str, Any] = {"by_role": True, "signers": ("business", "legal")}
    (waiting,) = shown(p.asked(**roles), p.given(missing=("legal",), role="business"))["approvals"]
    assert (waiting["state"], waiting["missing"]) == ("pending", ["legal"])
    (done,) = shown(p.asked(**roles), p.given(missing=("legal",), role="business"), p.given(role="legal"))["approvals"]
    assert (done["state"], [s["role"] for s in done["signed"]]) == ("approved", ["business", "legal"])
    (not_,) = shown(p.asked(), p.declined())["approvals"]
    assert (not_["state"], not_["decided_by"]) == ("declined", "dana")


def test_of_many_approvals_those_that_wait_are_kept():
    many = [e for n in range(2, KEPT_MAX + 4) for e in (p.asked(n), p.given(n))]
    kept = shown(p.asked(1), *many)["approvals"]
    assert len(kept) == KEPT_MAX
    assert kept[0]["approval"] == 1


def test_when_the_postmortem_is_due_and_why_it_is_held():
    over = said.IncidentResolved(*HEAD, "bob", None, T0, T0, None, None, 6, 4, T0, None, T0 + 1000)
    assert shown(over)["postmortem_due_at"] == "2026-09-21T14:13:21.000Z"
    held = said.AutomaticMoveHeld(*HEAD, "postmortem", "CASE-7 is open", T0 + 5000, T0 + 1000)
    x = shown(over, held)
    assert (x["postmortem_due_at"], x["postmortem_held"]) == ("2026-09-21T14:13:25.000Z", "CASE-7 is open")
    x = shown(over, held, said.PostmortemStarted(*HEAD, "bob", False, None, "https://w.example", T0 + 6000))
    assert (x["postmortem_due_at"], x["postmortem_held"], x["postmortem_by"]) == (None, None, "bob")
    assert x["postmortem_link"] == "https://w.example"
    assert shown(over, m.reopened(T0))["postmortem_due_at"] is None
    assert shown(over, m.reopened(T0))["reopens"] == 1


def test_a_false_alarm_is_over():
    x = shown(said.FalseAlarmMarked(*HEAD, "bob", "a test", 6, 4, T0))
    assert (x["resolved_by"], x["note"]) == ("bob", "a test")
