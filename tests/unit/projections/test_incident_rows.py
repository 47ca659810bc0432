"""The incident's row is a fold of its events; intervention times and numbers come from them exactly."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from projections.incidents.fold import SEVERITIES_MAX, evolve
from projections.incidents.project import Changes, keys, project
from projections.incidents.rows import ANSWERS, INCIDENTS, IncidentRow
from projections.incidents.shapes import incident, intervention, reference
from projections.plain import time_text
from projections.tables import values_of
from tests.unit.projections import incident_records as m
from tests.unit.projections import records as r
from tests.unit.projections.records import INCIDENT, T0, TENANT, Log

# What a query adds to the row.
READ = {"exhausted": False, "cases": [], "open_entry": None}


def _story() -> Log:
    log = Log("incidents.events")
    for event in (
        r.change(1, T0 - 60_000),
        r.opened(T0),
        r.attached(2, 1, T0 + 1_000),
        r.attached(3, 2, T0 + 2_000),
        r.paged(T0 + 3_000, failures=3, affected=2),
        r.attached(5, 3, T0 + 4_000),
        r.raised(T0 + 4_000),
        r.attached(6, 4, T0 + 5_000),
        r.acknowledged(T0 + 12_000, failures=6),
        r.moved("detected", "investigating", T0 + 12_000),
        r.answer(1),
        r.acknowledged(T0 + 15_000, by="dave", failures=6),
        r.attached(7, 5, T0 + 20_000),
        r.moved("investigating", "resolved", T0 + 30_000),
        r.resolved(T0 + 30_000, failures=7),
        r.answer(2, "already_resolved"),
        r.refused(T0 + 31_000),
        r.healed(T0 + 32_000),
    ):
        log.add(event)
    return log


def _project(log: Log) -> Changes:
    return project(log.said(), {})


def _row(log: Log) -> IncidentRow:
    (row,) = _project(log).incidents
    return row


def test_the_row_is_the_incident_as_it_is_now():
    row = _row(_story())
    assert (row.state, row.severity, row.severity_reason) == ("resolved", "SEV2", "5 failures")
    assert (row.assignee, row.resolved_by, row.note) == ("dave", "bob", "rolled back")
    assert (row.failures, row.affected_count, row.sample) == (7, 5, "pool exhausted (order 7)")
    assert (row.first_failure_at, row.last_failure_at) == (T0 - 2_000, T0 + 20_000 - 10)
    # The offset of the last event that changed it: the 15th record.
    assert row.version == 14


def test_intervention_numbers():
    shown = intervention(asdict(_row(_story())))
    assert shown["complete"] is True
    assert (shown["failures_before_detection"], shown["failures_before_page"]) == (1, 3)
    assert (shown["failures_before_acknowledge"], shown["failures_after_page"]) == (6, 4)
    assert (shown["affected_before_page"], shown["affected_after_page"]) == (2, 3)
    assert shown["seconds"] == {"detect": 2.0, "page": 5.0, "acknowledge": 14.0, "contain": None, "resolve": 32.0}
    assert shown["first_page_at"] == "2026-09-21T14:13:23.000Z"


def test_the_first_acknowledgement_counts_and_the_last_one_has_it():
    row = _row(_story())
    assert (row.acknowledged_at, row.last_acknowledged_at) == (T0 + 12_000, T0 + 15_000)


def test_what_never_came_is_none_and_not_complete():
    log = Log("incidents.events")
    log.add(r.opened(T0, affected=None))
    row = _row(log)
    shown = intervention(asdict(row))
    assert row.affected_count == 0
    assert shown["complete"] is False
    assert shown["failures_after_page"] is None
    assert shown["affected_after_page"] is None
    assert shown["seconds"] == {"detect": 2.0, "page": None, "acknowledge": None, "contain": None, "resolve": None}


def test_an_earlier_failure_told_later_moves_the_beginning():
    log = Log("incidents.events")
    log.add(r.opened(T0))
    log.add(r.attached(2, 1, T0 + 5_000, event_time=T0 - 9_000))
    assert _row(log).first_failure_at == T0 - 9_000


def test_batches_may_be_cut_anywhere():
    said = _story().said()
    whole = project(said, {})
    for cut in range(len(said) + 1):
        first = project(said[:cut], {})
        present = {(row.tenant, row.incident_id): row for row in first.incidents}
        second = project(said[cut:], present)
        assert (second.incidents or first.incidents) == whole.incidents
        assert first.events + second.events == whole.events
        assert first.answers + second.answers == whole.answers


def test_an_event_of_an_incident_that_is_not_there_changes_no_row():
    log = Log("incidents.events")
    log.add(r.attached(2, 1, T0))
    changes = _project(log)
    assert changes.incidents == ()
    assert len(changes.events) == 1
    assert evolve(None, r.acknowledged(T0), 0) is None


def test_what_is_appended():
    changes = _project(_story())
    assert [e.kind for e in changes.events][:3] == ["IncidentOpened", "SignalAttached", "SignalAttached"]
    assert "ChangeRecorded" not in {e.kind for e in changes.events}  # changes are told by resource, not by incident
    assert [c.resource for c in changes.changes] == ["payments"]
    assert [h.total for h in changes.healed] == [1]
    assert [a.code for a in changes.answers] == ["accepted", "already_resolved"]
    assert [x.subject for x in changes.refusals] == ["carol"]
    opening = changes.events[0]
    assert (opening.actor, opening.action_id) == ("checkout-helper-1", r.opened().action_id)
    assert opening.details["affected"] == "customer-1"
    assert opening.details["event_time"] == "2026-09-21T14:13:19.000Z"
    assert "tenant" not in opening.details


def test_keys_are_those_of_incidents_and_sorted():
    other = bytes(16)
    log = Log("incidents.events")
    log.add(r.opened(T0))
    log.add(r.opened(T0, incident_id=other, number=2))
    log.add(r.healed(T0))
    log.add(r.answer(1))
    assert keys(log.said()) == sorted([(TENANT, INCIDENT), (TENANT, other)])


def test_rows_have_one_value_per_column():
    row = _row(_story())
    assert len(values_of(row)) == len(INCIDENTS.columns)
    assert dict(INCIDENTS.columns)["incident_id"] == "uuid"
    assert dict(ANSWERS.columns)["reasons"] == "jsonb"


def test_references_of_people():
    assert reference("INC-12") == 12
    assert reference("inc-3") == 3
    assert reference("00112233-4455-6677-8899-aabbccddeeff") == bytes.fromhex("00112233445566778899aabbccddeeff")
    for wrong in ("INC-0", "INC-", "12", "INC-1 ", "INC-1\n", "INC-" + "9" * 19, ""):
        assert reference(wrong) is None


def test_the_shape_of_an_incident():
    shown = incident(asdict(_row(_story())) | READ)
    assert shown["name"] == "INC-1"
    assert shown["cause"] is None
    assert shown["confidence"] is None
    assert set(shown) == {
        *("id", "number", "name", "state", "severity", "severity_reason", "title", "resource", "fingerprint"),
        *("error_type", "sample", "actor", "opened_at", "first_failure_at", "last_failure_at", "failures"),
        *("affected_count", "assignee", "acknowledged_at", "resolved_at", "resolved_by", "note", "historical"),
        *(
            "cause",
            "kind",
            "classified",
            "confidence",
            "exhausted",
            "world",
            "world_why",
            "cases",
            "intervention",
            "trigger",
            "trigger_confidence",
            "in_maintenance",
            "assigned_by",
            "assigned_at",
            "contained_at",
            "contained_by",
        ),
        *("reopened_at", "closed_at", "closed_by", "severities", "report_count", "alert_count", "alerts_firing"),
        *("primary", "participants", "commander", "commander_at", "approvals", "rollbacks", "communications"),
        *("escalated_at", "escalated_by", "reopens", "acknowledged_channel", "acknowledged_reference"),
        *("postmortem_due_at", "postmortem_at", "postmortem_by", "postmortem_link", "postmortem_held"),
        *("merged_into", "split_from", "opened_why"),
    }


def _told(*messages: Any) -> tuple[dict[str, Any], Changes]:
    """INC-1 as /v1 shows it after these events, and what the batch changed."""
    log = Log("incidents.events")
    for message in (r.opened(T0), *messages):
        log.add(message)
    changes = project(log.said(), {})
    return incident(asdict(changes.incidents[0]) | READ), changes


def test_the_newest_cause_is_shown_and_no_candidate_is_said():
    shown, _ = _told(m.no_cause(T0))
    assert (shown["cause"]["candidate"], shown["cause"]["said"]) == (None, "no candidate")
    assert (shown["cause"]["confidence"], shown["confidence"]) == ("none", None)
    shown, _ = _told(m.no_cause(T0), m.cause(T0))
    candidate = shown["cause"]["candidate"]
    assert (candidate["kind"], candidate["reference"]) == ("deploy", {"before": "v2.3.0", "after": "v2.3.1"})
    assert (candidate["changed_at"], candidate["seconds_before"]) == (time_text(T0 - 3_000), 1)
    assert shown["cause"]["said"] == "deploy v2.3.0 → v2.3.1 of payments by deployer, 1 s before the first failure"
    assert shown["cause"]["considered"][0]["why"] == "on another resource"
    assert (shown["confidence"], shown["cause"]["score"]) == ("high", 949)


def test_reports_and_alerts_have_rows_of_their_own_and_are_counted():
    shown, changes = _told(m.reported(T0), m.alert_attached(T0), m.alert_attached(T0), m.alert_resolved(T0, 1))
    assert (shown["report_count"], shown["alert_count"], shown["alerts_firing"]) == (1, 2, 1)
    assert [(row.subject, row.what) for row in changes.reports] == [("erin", "customers cannot pay.")]
    assert [row.name for row in changes.alerts] == ["PaymentsErrorRateHigh"] * 2
    assert [row.alert_id for row in changes.alert_ends] == [m.ALERT]


def test_peoples_moves_are_shown():
    shown, _ = _told(r.acknowledged(T0 + 1), m.assigned(T0 + 2), m.contained(T0 + 3), m.contained(T0 + 4, 9))
    assert (shown["assignee"], shown["assigned_by"]) == ("alice", "bob")
    assert (shown["acknowledged_at"], shown["assigned_at"]) == (time_text(T0 + 1), time_text(T0 + 2))
    shown, _ = _told(m.assigned(T0 + 2), r.acknowledged(T0 + 3, "alice"), r.acknowledged(T0 + 4, "alice"))
    assert (shown["assigned_by"], shown["assigned_at"]) == (None, time_text(T0 + 3))
    shown, _ = _told(m.assigned(T0 + 2), m.contained(T0 + 3), m.contained(T0 + 4, 9))
    assert (shown["contained_by"], shown["intervention"]["failures_before_contain"]) == ("bob", 6)
    assert shown["contained_at"] == shown["intervention"]["contained_at"] == time_text(T0 + 3)
    assert shown["intervention"]["seconds"]["contain"] == 2.003
    shown, _ = _told(r.resolved(T0 + 5), m.reopened(T0 + 6))
    assert (shown["resolved_at"], shown["resolved_by"], shown["note"]) == (None, None, "it is back")
    assert shown["reopened_at"] == time_text(T0 + 6)
    shown, _ = _told(r.resolved(T0 + 5), m.closed(T0 + 6))
    assert (shown["closed_by"], shown["closed_at"]) == ("bob", time_text(T0 + 6))


def test_the_severity_has_a_history_of_bounded_length():
    shown, _ = _told(r.raised(T0 + 1), m.severity_changed(T0 + 2))
    moves = [(move["from"], move["to"], move["by"]) for move in shown["severities"]]
    assert moves == [(None, "SEV3", None), ("SEV3", "SEV2", None), ("SEV2", "SEV1", "bob")]
    assert (shown["severity"], shown["severity_reason"]) == ("SEV1", "set by bob: the press")
    shown, _ = _told(*[m.severity_changed(T0)] * (SEVERITIES_MAX + 5))
    assert len(shown["severities"]) == SEVERITIES_MAX


def test_what_opened_without_a_failure_names_no_action():
    log = Log("incidents.events")
    log.add(r.opened(T0, trigger="report", failures=0, affected=None))
    changes = project(log.said(), {})
    assert changes.events[0].action_id is None
    assert (changes.incidents[0].failures, changes.incidents[0].failures_before_detection) == (0, 0)
