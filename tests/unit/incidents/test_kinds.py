"""What kind an incident is, what is known of it, and what one could do: a row for each kind (seed 18.1-18.6, 20.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from processors.incidents import DECIDER, kinds, writing
from processors.incidents.kinds_state import (
    WRITES_PER_RESOURCE,
    WRITTEN_OF_MAX,
    Classified,
    Writes,
    Written,
    WrittenOf,
    kind_part,
    writes_part,
    written_of_part,
    written_part,
)
from processors.kernel.engine import MAX_PART_BYTES
from schemas import codec, ids
from schemas.messages.incidents import (
    CauseSuggested,
    IncidentClassified,
    IncidentOpened,
    PageObserved,
    WriteObserved,
)
from schemas.messages.notifications import Outcome
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import report, resolve, signal
from tests.support.trigger_words import observe
from tests.unit.incidents.test_facts import change

SECOND = 1_000


def fields(told):
    """The kind's fields by name, and the words of the advice."""
    said = told.the(IncidentClassified)
    return said, {f.name: f.value for f in said.facts}, [a.action for a in said.advice]


def failing(desk: Desk, kind: str, error: str = "KeyError", text: str = "'discount'", **changes: object):
    desk.tell(change(1, kind=kind, event_time=START - 60 * SECOND, **changes))
    return desk.tell(signal(1, error_type=error, message=text, sample=text))


def test_a_flag_that_was_enabled_before_the_errors_is_advised_to_be_disabled():
    told = failing(Desk(DECIDER), "flag", before="off", after="on", summary="flag new-checkout enabled")
    said, facts, advice = fields(told)
    assert (said.kind, facts["flag"], facts["correlation"]) == ("feature_flag", "new-checkout", "high")
    assert advice == ["disable_flag", "investigate"]
    assert {p.name: p.value for p in said.advice[0].parameters} == {
        "flag": "new-checkout",
        "resource": "payments-service",
        "to": "off",
    }


@pytest.mark.parametrize(
    ("summary", "reversible", "first"),
    [
        ("drop column legacy_state", "no", "investigate"),
        ("add column note", "yes", "revert_migration"),
        ("rewrite of orders.total", "unknown", "revert_migration"),
    ],
)
def test_a_migration_says_whether_it_can_be_reverted_and_warns(summary, reversible, first):
    text = 'column "state" does not exist'
    told = failing(Desk(DECIDER), "migration", "UndefinedColumn", text, before="0041", after="0042", summary=summary)
    said, facts, advice = fields(told)
    assert (said.kind, said.warning) == ("migration", "DB migrations may not be fully reversible")
    assert (facts["reversible"], facts["diff"], advice[0]) == (reversible, f"0041 -> 0042: {summary}", first)


def test_a_permission_that_was_taken_is_set_against_who_is_denied():
    removed = "removed agent-deployer access to production"
    desk = Desk(DECIDER)
    desk.tell(change(1, kind="permission", before="deploy", after=None, summary=removed, actor="admin"))
    denied = {"error_type": "AccessDenied", "message": "permission denied", "sample": "permission denied"}
    told = desk.tell(signal(1, START + 60 * SECOND, actor="agent-deployer", **denied))
    said, facts, advice = fields(told)
    assert (said.kind, facts["removed"], facts["denied"], facts["changed_by"]) == (
        "permission",
        removed,
        "agent-deployer",
        "admin",
    )
    assert advice == ["restore_permission", "investigate"]


def test_a_deploy_is_advised_to_be_rolled_back():
    said, _, advice = fields(failing(Desk(DECIDER), "deploy", before="v1.2.0", after="v2.0.0"))
    assert (said.kind, advice, said.advice[0].parameters[1].value) == ("deploy", ["roll_back"], "v1.2.0")


def test_a_plain_failure_is_not_told_and_becomes_more_when_a_change_is_told_late():
    desk = Desk(DECIDER)
    opening = desk.tell(signal(1))
    assert opening.kinds[:2] == ("IncidentOpened", "CauseSuggested")
    assert "IncidentClassified" not in opening.kinds
    incident = opening.the(IncidentOpened).incident_id
    kept = desk.engine.part(kind_part(TENANT, incident))
    assert kept == Classified("failure", None, 0, "connection pool exhausted (order 1)")
    late = desk.tell(change(1, event_time=START - SECOND))
    said = late.the(IncidentClassified)
    assert (said.kind, said.before, said.cause_id) == ("deploy", "failure", late.the(CauseSuggested).change_id)


def test_a_spend_far_over_its_baseline_names_who_causes_it():
    desk = Desk(DECIDER)
    limit = {"name": "cloud_spend", "resource": "aws", "above_baseline": 300, "baseline_min": 3}
    desk.configure("incidents", {"thresholds": [limit]})
    for _ in range(4):
        observe(desk, 1000, name="cloud_spend", resource="aws", unit="USD")
        desk.now += 60 * SECOND
    told = observe(desk, 5000, name="cloud_spend", resource="aws", unit="USD", actor="data-processor")
    said, facts, advice = fields(told)
    assert (said.kind, facts["value"], facts["normal"]) == ("cost", "5000 USD", "1000 USD")
    assert (facts["agent"], facts["increase"]) == ("data-processor", "400 %")
    assert advice == ["pause_agent", "kill_instances", "set_budget_limit"]


def wrote(n: int, kind: str, hours_before: int, rows: int | None = None, **changes: object) -> WriteObserved:
    given: dict = {"actor": "data-processor", "resource": "balances", "action_id": ids.derive("write", n)}
    return WriteObserved(
        tenant=TENANT, kind=kind, rows=rows, event_time=START - hours_before * 3_600_000, **(given | changes)
    )


def test_wrong_data_ranks_the_writes_of_the_last_day_by_their_breadth():
    desk = Desk(DECIDER)
    for write in (
        wrote(42, "db_write", 9, 1),
        wrote(56, "db_write", 5, 1),
        wrote(71, "bulk_update", 2),
        wrote(1, "bulk_delete", 25, 10_000),
        wrote(2, "bulk_update", 1, 10, resource="orders"),
    ):
        desk.tell(write)
    told = report(desk, resource="balances", what="Customer balances are wrong")
    said, facts, advice = fields(told)
    assert (said.kind, facts["writes"], facts["most_likely"]) == ("data_quality", "3", "bulk_update")
    assert [w.action_id for w in said.writes] == [ids.derive("write", n) for n in (71, 56, 42)]
    assert advice == ["pause_agent", "view_changes", "restore_data"]
    assert desk.tell(wrote(71, "bulk_update", 2)).reasons == ("write_repeated",)


def test_a_report_that_something_fails_is_no_wrong_data():
    assert kinds.says_data_is_wrong("row counts are wrong")
    assert not kinds.says_data_is_wrong("customers cannot pay")
    assert not kinds.says_data_is_wrong("wrong button")


def test_what_is_kept_of_writes_is_bounded():
    desk = Desk(DECIDER)
    for n in range(WRITES_PER_RESOURCE + 3):
        desk.tell(wrote(n, "💥" * 99, 0, actor="💥" * 99))
    kept = cast(Writes, desk.engine.part(writes_part(TENANT, "balances")))
    assert kept is not None
    assert len(kept.writes) == WRITES_PER_RESOURCE
    assert len(codec.encode(kept)) < MAX_PART_BYTES


def page(incident: bytes, n: int, outcome: Outcome = "failed") -> PageObserved:
    return PageObserved(TENANT, incident, ids.derive("page", n), "alice", "webhook", outcome, START)


def configured(desk: Desk) -> None:
    where = {"resource": "configuration/escalation", "kind": "configuration", "actor": "carol"}
    desk.tell(change(9, before="version 3", after="version 4", summary=None, event_time=desk.now, **where))


def test_pages_that_fail_after_a_change_of_configuration_are_an_incident_of_its_own():
    desk = Desk(DECIDER)
    incident = desk.tell(signal(1)).the(IncidentOpened).incident_id
    configured(desk)
    desk.now += 60 * SECOND
    assert desk.tell(page(incident, 1)).kinds == ()
    assert desk.tell(page(incident, 2)).kinds == ()
    told = desk.tell(page(incident, 3))
    opened = told.the(IncidentOpened)
    said, facts, advice = fields(told)
    assert (opened.resource, said.kind) == ("configuration/escalation", "meta")
    assert (facts["document"], facts["from"], facts["to"]) == ("escalation", "version 3", "version 4")
    assert advice[0] == "roll_back_configuration"
    assert said.reasons[0] == "Config change may have broken routing"
    # Once, and never because of its own pages.
    assert desk.tell(page(incident, 4)).kinds == ()
    for n in range(5, 9):
        assert desk.tell(page(opened.incident_id, n)).kinds == ()


def test_pages_that_fail_without_a_change_or_before_it_are_no_trouble_of_configuration():
    desk = Desk(DECIDER)
    incident = desk.tell(signal(1)).the(IncidentOpened).incident_id
    for n in range(4):
        assert desk.tell(page(incident, n)).kinds == ()
    desk.now += SECOND
    configured(desk)
    assert desk.tell(page(incident, 9)).kinds == ()
    resolve(desk, incident)


def test_a_write_told_again_with_its_number_is_the_same_suspect():
    desk = Desk(DECIDER)
    desk.tell(wrote(1, "db.write", 1, points=0))
    assert desk.tell(wrote(1, "db.write", 1, points=0, count=900)).reasons == ("write_kept",)
    assert desk.tell(wrote(1, "db.write", 1, points=0, count=900)).reasons == ("write_repeated",)
    desk.tell(wrote(2, "bulk_update", 1, points=120))
    said, facts, _ = fields(report(desk, resource="balances", what="balances are wrong"))
    assert [(w.kind, w.score) for w in said.writes] == [("db.write", 400 + 192), ("bulk_update", 120 + 192)]
    assert facts["writes"] == "901"


def test_what_has_no_room_is_what_would_be_suspected_least():
    desk = Desk(DECIDER)
    desk.tell(wrote(1, "bulk_update", 20, points=300))
    for n in range(WRITES_PER_RESOURCE + 5):
        desk.tell(replace(wrote(100 + n, "db.write", 10, points=0), event_time=START - 10 * 3_600_000 + n))
    kept = cast(Writes, desk.engine.part(writes_part(TENANT, "balances")))
    first = ids.derive("write", 100 + 6)
    assert [w.action_id for w in kept.writes[:2]] == [ids.derive("write", 1), first]
    desk.tell(wrote(2, "db.write", -6, points=0))  # the bulk update is more than a day older than this one
    kept = cast(Writes, desk.engine.part(writes_part(TENANT, "balances")))
    assert [w.action_id for w in kept.writes[:1]] == [first]


def test_more_resources_than_are_kept_leave_room_for_what_weighs_something(monkeypatch):
    monkeypatch.setattr(writing, "WRITTEN_PLAIN_MAX", 2)
    monkeypatch.setattr(writing, "WRITTEN_MAX", 3)
    desk = Desk(DECIDER)
    for n in range(2):
        assert desk.tell(wrote(n, "file.write", 1, resource=f"file-{n}", points=0)).reasons == ("write_kept",)
    assert desk.tell(wrote(3, "file.write", 1, resource="file-3", points=0)).reasons == ("writes_full",)
    assert desk.tell(wrote(4, "bulk_update", 1, resource="balances", points=300)).reasons == ("write_kept",)
    assert desk.tell(wrote(5, "bulk_update", 1, resource="orders", points=300)).reasons == ("writes_full",)
    desk.sleep(2 * 86_400 * SECOND + 1)
    assert desk.engine.part(written_part(TENANT)) == Written(0)
    assert desk.tell(wrote(6, "file.write", -49, resource="file-3", points=0)).reasons == ("write_kept",)


def test_the_written_resources_of_a_service_are_listed_within_their_limit():
    desk = Desk(DECIDER)
    desk.configure("catalog", {"services": [{"id": "ledger", "resources": ["ledger-*"]}]})
    name = "ledger-" + "é" * 180
    for n in range(WRITTEN_OF_MAX + 3):
        desk.tell(wrote(n, "db.write", 1, resource=f"{name}-{n}", points=0))
    listed = cast(WrittenOf, desk.engine.part(written_of_part(TENANT, "ledger")))
    assert listed.resources[-1] == f"{name}-{WRITTEN_OF_MAX + 2}"
    assert (len(listed.resources), len(codec.encode(listed)) < MAX_PART_BYTES) == (WRITTEN_OF_MAX, True)
    desk.sleep(31 * 86_400 * SECOND)
    assert desk.engine.part(written_of_part(TENANT, "ledger")) is None
