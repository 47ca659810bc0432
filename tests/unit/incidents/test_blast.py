"""Blast radii: stated when an incident opens, when a change of a service is told, and when the catalog changes."""

from __future__ import annotations

from typing import Any

from processors.incidents import DECIDER
from processors.incidents import blast as radii
from processors.incidents.blast_state import blast_part
from processors.incidents.state import incident_part
from processors.kernel.engine import MAX_PART_BYTES
from schemas import codec
from schemas.messages.incidents import BlastRadiusStated, ChangeRadiusStated, IncidentOpened
from tests.support.correct_words import merge, undo
from tests.support.desk import Desk
from tests.support.incident_words import opened, resolve, signal
from tests.unit.incidents.test_facts import change

# Seed 13.5: the deploy of payments-service.
SHOP: dict[str, Any] = {
    "services": [
        {"id": "payments-service", "owner": "payments-team", "tier": "critical", "depends_on": ["payments-db"]},
        {"id": "payments-db", "owner": "dba"},
        {"id": "user-service", "owner": "user-team", "depends_on": ["payments-service"]},
        {"id": "notification-service", "depends_on": ["user-service", "mailer"]},
        {"id": "billing-service", "owner": "billing-team", "depends_on": ["payments-db"]},
    ]
}


def with_catalog(plain: dict[str, Any] = SHOP) -> Desk:
    desk = Desk(DECIDER)
    desk.configure("catalog", plain)
    return desk


def shown(stated: BlastRadiusStated | ChangeRadiusStated) -> list[tuple[str, str, int, str]]:
    return [(n.service, n.relation, n.depth, n.owner) for n in stated.nodes]


def test_an_incident_states_what_it_may_have_hit_with_relation_depth_and_owner() -> None:
    told = with_catalog().tell(signal(1))
    stated = told.the(BlastRadiusStated)
    assert shown(stated) == [
        ("payments-service", "direct", 0, "payments-team"),
        ("user-service", "downstream", 1, "user-team"),
        ("notification-service", "possibly", 2, ""),
        ("payments-db", "possibly", 1, "dba"),
        ("billing-service", "possibly", 2, "billing-team"),
    ]
    assert (stated.incident_id, stated.because, stated.cut) == (told.the(IncidentOpened).incident_id, "opened", 0)
    assert stated.owners == ("payments-team", "user-team", "dba", "billing-team")
    assert stated.reasons == (
        "1 call it, 1 more call those within 4 steps",
        "it calls 1, which 1 others call",
    )
    assert [(n.via, n.calls) for n in stated.nodes[1:]] == [
        ("payments-service", True),
        ("user-service", True),
        ("payments-service", False),
        ("payments-db", True),
    ]


def test_a_tenant_without_a_catalog_is_told_nothing() -> None:
    told = Desk(DECIDER).tell(signal(1))
    assert "BlastRadiusStated" not in told.kinds


def test_a_resource_that_no_service_has_is_said_to_be_unknown() -> None:
    stated = with_catalog().tell(signal(1, resource="search-service")).the(BlastRadiusStated)
    assert (stated.services, stated.nodes) == ((), ())
    assert stated.reasons == ("no service of the catalog (5 services) has the resource search-service",)


def test_a_resource_of_a_service_is_that_service() -> None:
    services = [
        {"id": "payments", "resources": ["payments-service", "pay/*"]},
        {"id": "web", "depends_on": ["payments"]},
    ]
    for resource in ("payments-service", "pay/eu/1"):
        stated = with_catalog({"services": services}).tell(signal(1, resource=resource)).the(BlastRadiusStated)
        assert (stated.services, stated.resource) == (("payments",), resource)


def test_a_circle_and_a_name_that_nobody_declared_are_shown() -> None:
    services = [
        {"id": "payments-service", "depends_on": ["b", "gone"]},
        {"id": "b", "depends_on": ["payments-service"]},
    ]
    stated = with_catalog({"services": services}).tell(signal(1)).the(BlastRadiusStated)
    assert [(n.service, n.relation, n.declared) for n in stated.nodes] == [
        ("payments-service", "direct", True),
        ("b", "downstream", True),
        ("gone", "possibly", False),
    ]
    assert stated.circle == ("b", "payments-service")
    assert stated.reasons[2:] == ("1 of them nobody declared", "a circle of 2 services need each other")


def test_relations_set_by_hand_are_added_to_the_catalogs() -> None:
    desk = with_catalog({"services": [{"id": "payments", "resources": ["payments-service"]}]})
    desk.configure("incidents", {"relations": [{"resource": "shop", "depends_on": ["payments-service"]}]})
    stated = desk.tell(signal(1)).the(BlastRadiusStated)
    assert [(n.service, n.relation) for n in stated.nodes] == [("payments", "direct"), ("shop", "downstream")]


def test_of_more_services_than_fit_the_rest_is_counted() -> None:
    services = [{"id": "payments-service"}]
    services += [{"id": f"s{i:03}", "depends_on": ["payments-service"]} for i in range(250)]  # type: ignore[dict-item]  # JSON
    stated = with_catalog({"services": services}).tell(signal(1)).the(BlastRadiusStated)
    assert (len(stated.nodes), stated.cut) == (radii.NODES, 151)
    assert "151 more are counted and not named" in stated.reasons
    assert len(codec.encode(stated)) < MAX_PART_BYTES / 4


def test_a_change_of_a_service_states_its_radius_and_one_of_nothing_known_does_not() -> None:
    desk = with_catalog()
    stated = desk.tell(change(1)).the(ChangeRadiusStated)
    assert shown(stated)[:2] == [
        ("payments-service", "direct", 0, "payments-team"),
        ("user-service", "downstream", 1, "user-team"),
    ]
    assert desk.tell(change(2, resource="search-service")).kinds == ("ChangeRecorded",)


def test_another_catalog_states_open_incidents_anew_and_only_those_it_changes() -> None:
    desk = Desk(DECIDER)
    incident = opened(desk)
    desk.tell(signal(2, resource="search-service"))
    over = desk.tell(signal(3, resource="billing-service")).the(IncidentOpened)
    resolve(desk, over.incident_id)
    desk.configure("catalog", SHOP)
    first = [e for e in desk.history if isinstance(e, BlastRadiusStated)]
    assert [(e.number, e.because, e.services) for e in first] == [
        (2, "catalog", ()),
        (1, "catalog", ("payments-service",)),
    ]
    more = [*SHOP["services"], {"id": "shop", "depends_on": ["user-service"]}]
    desk.configure("catalog", {"services": more})
    then = [e for e in desk.history if isinstance(e, BlastRadiusStated)][2:]
    assert [(e.incident_id, [n.service for n in e.nodes][2:4]) for e in then] == [
        (incident.incident_id, ["notification-service", "shop"])
    ]
    desk.configure("catalog", {"services": [*more, {"id": "unrelated"}]})
    desk.configure("catalog", {})
    last = [e for e in desk.history if isinstance(e, BlastRadiusStated)][3:]
    assert [(e.number, e.services) for e in last] == [(1, ())], "a catalog that is gone takes its radii with it"


def test_the_state_is_restored_with_what_was_stated_and_forgotten_with_the_incident() -> None:
    desk = with_catalog()
    incident = opened(desk)
    topic = next(iter(desk.engines))
    part = blast_part("acme", incident.incident_id)
    assert desk.restored(topic).snapshot() == desk.engine.snapshot()
    assert desk.engine.part(part) is not None
    resolve(desk, incident.incident_id)
    desk.sleep(31 * 86_400_000)
    assert desk.engine.part(incident_part("acme", incident.incident_id)) is None
    assert desk.engine.part(part) is None


def test_a_merge_joins_the_radii_and_its_undo_takes_them_apart() -> None:
    desk = with_catalog()
    first = opened(desk)
    second = desk.tell(signal(2, resource="billing-service")).the(IncidentOpened)
    desk.sleep(1_000)
    merged = merge(desk, second.incident_id, first.incident_id).the(BlastRadiusStated)
    assert (merged.number, merged.because, merged.services) == (1, "moved", ("billing-service", "payments-service"))
    desk.sleep(1_000)
    told = undo(desk, first.incident_id)
    assert [(e.number, e.services) for e in told.events if isinstance(e, BlastRadiusStated)] == [
        (1, ("payments-service",))
    ]


def test_a_later_catalog_and_a_later_merge_see_the_services_of_all_that_were_taken_in() -> None:
    desk = with_catalog()
    ids = [opened(desk).incident_id]
    for n, resource in ((2, "billing-service"), (3, "user-service")):
        ids.append(desk.tell(signal(n, resource=resource)).the(IncidentOpened).incident_id)
    desk.sleep(1_000)
    merge(desk, ids[1], ids[0])
    desk.sleep(1_000)
    three = merge(desk, ids[2], ids[0]).the(BlastRadiusStated)
    assert three.services == ("billing-service", "payments-service", "user-service")
    desk.sleep(1_000)
    desk.configure("catalog", {"services": [*SHOP["services"], {"id": "new", "depends_on": ["billing-service"]}]})
    stated = next(e for e in reversed(desk.history) if isinstance(e, BlastRadiusStated))
    assert (stated.because, stated.services) == ("catalog", three.services)
    desk.sleep(1_000)
    apart = [e for e in undo(desk, ids[0]).events if isinstance(e, BlastRadiusStated)]
    assert {e.number: e.services for e in apart}[1] == ("billing-service", "payments-service")
