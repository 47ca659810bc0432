"""Which change is the likely cause: the deploy above its decoys, how sure, why, and that there is none."""

from __future__ import annotations

import pytest

from processors.incidents import DECIDER
from processors.incidents.causes import MOST, Failing, suggest, weigh
from processors.incidents.rules import INCIDENTS_PER_PLACE, RECENT_CHANGES
from processors.incidents.state import Change, place_part, recent_part
from processors.kernel.engine import MAX_PART_BYTES
from schemas import codec, ids
from schemas.catalog import Catalog, Service
from schemas.cause_rules import Causes, Weights
from schemas.incident_rules import Incidents, Relation
from schemas.messages.incidents import CauseSuggested, ChangeRecorded, RecordChange
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import resolve, signal
from tests.unit.incidents.test_facts import change

WHAT = Failing("payments-service", "checkout-helper-1", "PaymentError", START)
SECOND = 1_000


def kept(n: int, seconds_before: int, **changes: object) -> Change:
    fields: dict = {"kind": "deploy", "before": "v1", "after": "v2", "summary": None, "actor": "deployer"}
    fields |= {"change_id": ids.derive("c", n), "action_id": bytes(16), "at": START}
    return Change(event_time=START - seconds_before * SECOND, **(fields | changes))


def caused(told):
    return told.the(CauseSuggested)


def test_the_story_the_deploy_is_the_cause_above_both_decoys():
    desk = Desk(DECIDER)
    desk.tell(change(1, resource="notification-service", after="v1.9.0", event_time=START - 3 * SECOND))
    decoy = {"resource": "search-service", "kind": "config", "actor": "config-gen", "before": "30", "after": "300"}
    desk.tell(change(2, event_time=START - 2 * SECOND, **decoy))
    desk.tell(change(3, event_time=START - SECOND, summary="connection pool size 10 -> 5"))
    found = caused(desk.tell(signal(1)))
    assert (found.kind, found.resource, found.before, found.after) == ("deploy", "payments-service", "v2.3.0", "v2.3.1")
    # The error and the deploy both speak of the connection pool: that makes it likely.
    assert (found.confidence, found.percent, found.score) == ("high", 74, 679)
    assert (found.seconds_before, found.weighed, found.tied) == (1, 3, 0)
    assert found.reasons == (
        "on payments-service, which fails: 240 points",
        "1 s before the first failure: 289 points",
        "its kind is deploy: 70 points",
        "the error and the change both speak of connection: 110 points",
        "a small change: a patch version: -30 points",
        "679 of 1000 points: high confidence from 655",
        "none of 2 other changes can be it",
    )
    assert [(r.percent, sum(p.points for p in r.parts)) for r in found.ranked] == [(74, 679)]
    no_relation = "which payments-service has no declared relation to"
    assert [(c.resource, c.score, c.why) for c in found.considered] == [
        ("search-service", 0, f"on search-service, {no_relation}"),
        ("notification-service", 0, f"on notification-service, {no_relation}"),
    ]


def test_without_a_candidate_that_is_said():
    desk = Desk(DECIDER)
    nothing = caused(desk.tell(signal(1)))
    assert (nothing.change_id, nothing.confidence, nothing.reasons) == (None, "none", ("no change is known",))
    desk.tell(change(1, resource="search-service"))
    decoy = caused(desk.tell(signal(2, fingerprint="f2")))
    assert (decoy.change_id, decoy.confidence, len(decoy.considered)) == (None, "none", 1)
    assert decoy.reasons[0].startswith("none of 1 changes can be it: the latest is on search-service")


@pytest.mark.parametrize(
    ("decoy", "why"),
    [
        (kept(2, -1), "1 s after the first failure"),
        (kept(2, 86_401), "86401 s before the first failure, more than 86400 s"),
        (kept(2, 50), "50 s before the first failure, 696 points against 715"),
    ],
)
def test_decoys_on_the_same_resource_lose(decoy, why):
    deploy = kept(1, 10)
    for order in ([deploy, decoy], [decoy, deploy]):
        found = suggest(WHAT, [("payments-service", c) for c in order], Incidents())
        assert found.change_id == deploy.change_id
        assert [c.why for c in found.considered] == [why]


def test_of_equals_the_later_change_and_then_the_smaller_id_is_it():
    one, two = kept(1, 5), kept(2, 5)
    for order in ([one, two], [two, one]):
        found = suggest(WHAT, [("payments-service", c) for c in order], Incidents())
        assert found.change_id == min(one.change_id, two.change_id)


@pytest.mark.parametrize(("seconds", "percent"), [(0, 78), (60, 72), (600, 51), (3600, 34), (86_400, 17)])
def test_how_sure_it_is_falls_with_the_time_between(seconds, percent):
    what = Failing("payments-service", "a", "KeyError", START, "'discount'")
    found = suggest(what, [("payments-service", kept(1, seconds, kind="config"))], Incidents())
    assert [r.percent for r in found.ranked] == [percent]


def test_a_declared_relation_is_a_candidate_and_less_sure():
    rules = Incidents(relations=(Relation("payments-service", ("payments-db",)),))
    found = suggest(WHAT, [("payments-db", kept(1, 0))], rules)
    assert (found.confidence, found.best.score if found.best else 0) == ("low", 578)
    assert suggest(WHAT, [("payments-db", kept(1, 0))], Incidents()).best is None


def test_a_change_of_permissions_of_the_actor_before_a_denial():
    what = Failing("vault", "agent-7", "PermissionDenied", START)
    found = weigh(what, "agent-7", kept(1, 60, kind="permission"), Incidents())
    assert [(p.name, p.points) for p in found.parts] == [
        ("relation", 270),
        ("time", 262),
        ("kind", 120),
        ("error", 120),
    ]
    taken = kept(1, 60, kind="permission", summary="removed 2 grants of writer from agent-7")
    assert weigh(what, "agent-7", taken, Incidents()).parts[-1].points == 240
    given = kept(1, 60, kind="permission", summary="granted writer to agent-7")
    assert weigh(what, "agent-7", given, Incidents()).parts[-1].points == -160


def test_the_same_actor_on_another_resource_is_never_possible():
    rules = Incidents(causes=Causes(weights=Weights(same_actor=900)))
    found = suggest(WHAT, [("search", kept(1, 0, actor="checkout-helper-1"))], rules)
    assert found.confidence == "low"
    assert found.best is not None
    assert found.best.parts[-1].why == "on another resource: at most 609"
    assert suggest(WHAT, [("search", kept(1, 0, actor="checkout-helper-1"))], Incidents()).best is None


def test_points_never_exceed_what_is_certain():
    what = Failing("a", "a", "AccessDenied", START, "a is denied")
    change = kept(1, 0, kind="permission", actor="a", summary="removed 9 grants from a")
    assert weigh(what, "a", change, Incidents()).score == MOST
    assert [r.percent for r in suggest(what, [("a", change)], Incidents()).ranked] == [99]


def test_two_that_are_as_near_are_a_tie_and_neither_is_likely():
    found = suggest(WHAT, [("payments-service", kept(n, 5)) for n in (1, 2)], Incidents())
    assert (found.confidence, found.percent, found.tied) == ("medium", 69, 1)
    assert found.reasons[-1] == "a tie: 1 more within 20 points, so either may be it and none is likely"
    assert [r.percent for r in found.ranked] == [69, 69]


def test_what_it_depends_on_is_found_by_the_catalog():
    catalog = Catalog(
        [Service("payments-service", depends_on=("ledger",)), Service("ledger", depends_on=("ledger-db",))]
    )
    what = Failing("payments-service", "a", "HTTPError", START, "call to ledger failed: 503")
    migration = kept(1, 60, kind="migration", summary="drop column state")
    found = suggest(what, [("ledger-db", migration), ("payments-service", kept(2, 5))], Incidents(), catalog)
    assert found.change_id == migration.change_id
    assert "on ledger-db, 2 steps upstream of payments-service: 165 points" in found.reasons
    assert "the error names ledger-db or what leads to it: 180 points" in found.reasons
    assert found.ranked[1].parts[-1].why == "the error names ledger instead"


def test_at_most_eight_are_ranked_and_they_are_the_best():
    changes = [("payments-service", kept(n, 10 * n)) for n in range(1, 20)]
    found = suggest(WHAT, changes, Incidents())
    assert [r.seconds_before for r in found.ranked] == [10 * n for n in range(1, 9)]
    assert found.weighed == 19


def test_thresholds_are_configuration():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"causes": {"lookback_s": 60, "high": 999}})
    desk.tell(change(1, event_time=START - 61 * SECOND))
    assert caused(desk.tell(signal(1))).change_id is None
    desk.tell(change(2, event_time=START - 10 * SECOND))
    assert caused(desk.tell(signal(2, fingerprint="f2"))).confidence == "medium"
    assert Incidents().causes == Causes()


def test_a_change_that_is_told_late_becomes_the_cause_once():
    desk = Desk(DECIDER)
    desk.tell(signal(1))
    desk.now += 60 * SECOND
    told = desk.tell(change(1, event_time=START - SECOND))
    assert told.kinds == ("ChangeRecorded", "CauseSuggested", "IncidentClassified")
    assert (caused(told).confidence, caused(told).change_id) == ("high", told.the(ChangeRecorded).change_id)
    assert desk.tell(change(2, event_time=START - 500 * SECOND)).kinds == ("ChangeRecorded",)
    assert desk.tell(change(3, event_time=START + SECOND)).kinds == ("ChangeRecorded",)
    assert desk.tell(change(4, resource="search", event_time=START)).kinds == ("ChangeRecorded",)


def test_a_change_of_what_it_depends_on_may_be_late_too():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"relations": [{"resource": "payments-service", "depends_on": ["payments-db"]}]})
    desk.tell(signal(1))
    told = desk.tell(change(1, resource="payments-db", kind="config", before="pool=10", after="pool=1"))
    assert caused(told).confidence == "medium"


def test_a_resolved_incident_keeps_its_cause():
    desk = Desk(DECIDER)
    opening = desk.tell(signal(1))
    resolve(desk, opening.events[0].incident_id)
    assert desk.tell(change(1)).kinds == ("ChangeRecorded",)


def test_an_earlier_first_failure_acquits_a_change():
    desk = Desk(DECIDER)
    desk.tell(change(1, event_time=START - 10 * SECOND))
    assert caused(desk.tell(signal(1))).confidence == "high"
    told = desk.tell(signal(2, START - 20 * SECOND))
    assert (caused(told).change_id, caused(told).confidence) == (None, "none")
    assert desk.tell(signal(3, START - 30 * SECOND)).kinds == ("SignalAttached",)


def test_a_change_from_a_door_is_recorded_with_who_told_it():
    desk = Desk(DECIDER)
    at = START - 5 * SECOND
    given = ("payments-service", "flag", "off", "on", None, "carol", at, START)
    told = desk.tell(RecordChange(TENANT, ids.derive("c", 1), bytes(16), "ci", *given))
    recorded = told.the(ChangeRecorded)
    assert (recorded.actor, recorded.recorded_by, recorded.event_time) == ("carol", "ci", at)
    assert told.answers[0].code == "accepted"
    assert caused(desk.tell(signal(1))).kind == "flag"


def test_what_is_kept_of_all_changes_and_of_open_incidents_is_bounded():
    desk = Desk(DECIDER)
    long = "💥" * 2000
    for n in range(RECENT_CHANGES + 3):
        desk.tell(change(n, resource=f"{long}{n}", kind=long, actor=long))
    recent = desk.engine.part(recent_part(TENANT))
    assert recent is not None
    assert len(recent.changes) == RECENT_CHANGES
    assert len(codec.encode(recent)) < MAX_PART_BYTES
    for n in range(INCIDENTS_PER_PLACE + 3):
        desk.tell(signal(n, fingerprint=f"f{n}"))
    listed = desk.engine.part(place_part(TENANT, "payments-service"))
    assert listed is not None
    assert len(listed.incidents) == INCIDENTS_PER_PLACE
