"""What would break: the answer to "who would have been paged, and when?" under other settings, or its claim that the
recorded settings give the record again."""

from __future__ import annotations

import pytest

from tests.support.shop import INCIDENTS, Shop
from tests.support.whatifs import alice_waits, what_if
from tests.support.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return Shop().play(60.0)


def test_given_nothing_is_changed_then_the_baseline_is_the_record_and_nothing_differs(world: World) -> None:
    found = what_if(world)
    assert found.fidelity.whole
    assert found.fidelity.counts == {"incidents": (1, 1), "pages": (2, 2), "cases": (0, 0)}
    assert found.fidelity.apart_ms == 0
    document = found.document
    assert document["baseline"] == {"fidelity": {"incidents": 1.0, "pages": 1.0, "cases": 1.0}}
    assert document["pages"] == {"added": [], "removed": [], "moved": []}
    assert document["incidents"] == {"gained": [], "lost": [], "regrouped": []}
    assert document["intervention"]["before"] == document["intervention"]["after"]


def test_given_the_same_settings_once_more_then_nothing_differs_though_everything_was_announced_anew(
    world: World,
) -> None:
    found = what_if(world, {**alice_waits(8), "incidents": INCIDENTS})
    assert found.document["pages"] == {"added": [], "removed": [], "moved": []}
    assert found.found.pages_same == 2


def test_given_half_the_time_for_alice_then_bob_is_paged_earlier_by_exactly_that(world: World) -> None:
    found = what_if(world, alice_waits(4))
    assert found.fidelity.whole
    assert found.document["pages"] == {
        "added": [],
        "removed": [],
        "moved": [{"incident": "INC-1", "to": "bob", "channel": "webhook", "by_seconds": -4}],
    }
    assert list(found.document) == ["baseline", "incidents", "pages", "intervention", "cases", "unmatched"]


def test_given_twice_the_time_for_alice_then_bob_is_not_paged_because_he_had_acknowledged_already(
    world: World,
) -> None:
    # Bob acknowledges at 21 s, as recorded; Alice is paged at 9 s.
    found = what_if(world, alice_waits(16))
    removed = found.document["pages"]["removed"]
    assert [(p["incident"], p["to"], p["step"]) for p in removed] == [("INC-1", "bob", 2)]


def test_given_another_owner_then_other_people_are_paged_at_the_same_time(world: World) -> None:
    found = what_if(world, {"ownership": {"resources": []}})
    assert [p["to"] for p in found.document["pages"]["removed"]] == ["alice", "bob"]
    added = found.document["pages"]["added"]
    assert [(p["to"], p["step"]) for p in added] == [("carol", 1)]
    assert found.document["incidents"] == {"gained": [], "lost": [], "regrouped": []}


def test_given_a_narrow_grouping_then_one_incident_becomes_two_and_bobs_command_goes_to_the_one_with_most_events(
    world: World,
) -> None:
    found = what_if(world, {"incidents": {**INCIDENTS, "attach_window_s": 1}})
    incidents = found.document["incidents"]
    assert [i["incident"] for i in incidents["regrouped"]] == ["INC-1"]
    assert len(incidents["gained"]) >= 1
    assert found.document["unmatched"] == []
    after = found.document["intervention"]["after"]
    assert after["INC-1"]["acknowledged"] is not None
    assert after["new-1"]["acknowledged"] is None
    # Nobody answers for the other part, so its escalation goes on to Dave.
    assert "dave" in [p["to"] for p in found.document["pages"]["added"]]


def test_given_an_assumed_answer_then_a_page_that_was_not_recorded_ends_its_escalation(world: World) -> None:
    narrow = {"incidents": {**INCIDENTS, "attach_window_s": 1}}
    found = what_if(world, narrow, assume_answer_s=2)
    assert found.document["intervention"]["after"]["INC-1"]["acknowledged"] is not None
    alone = what_if(world, narrow)
    assert len(found.document["pages"]["added"]) < len(alone.document["pages"]["added"])
    assert any("2 s after its delivery" in said for said in found.assumptions)


def test_given_failures_that_heal_by_themselves_under_a_wider_hold_then_the_incident_is_lost_and_its_commands_too() -> (
    None
):
    world = World()
    shop = Shop()
    world = shop.world
    for n in range(3):
        # Two seconds later the same thing works; nobody had said that another try was to be expected.
        shop.fail("reader", "search.query", "search-service", "Flaky", "no answer", session=f"a{n}")
        world.run_to(world.now + 2.0)
        shop.act("reader", "search.query", "search-service", session=f"a{n}")
        world.run_to(world.now + 8.0)
    incident = world.incidents()[0]
    world.acknowledge("carol", incident.incident_id)
    world.run_to(world.now + 5.0)
    found = what_if(world, {"signals": {"retry_window_s": 5, "transient_errors": ["Flaky"]}})
    assert found.fidelity.whole
    assert [i["incident"] for i in found.document["incidents"]["lost"]] == ["INC-1"]
    assert [p["to"] for p in found.document["pages"]["removed"]] == ["carol"]
    unmatched = found.document["unmatched"]
    assert [(u["command"], u["by"], u["incident"]) for u in unmatched] == [("AcknowledgeIncident", "carol", "INC-1")]


def test_given_a_part_of_the_story_then_settings_change_from_its_beginning_only(world: World) -> None:
    # Alice's page left at 9 s: her wait was set before the window began, and keeps its time.
    found = what_if(world, alice_waits(4), begin=10.0)
    assert found.fidelity.whole
    assert found.document["pages"] == {"added": [], "removed": [], "moved": []}
