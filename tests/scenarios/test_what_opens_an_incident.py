"""What would break: an alert that ends and leaves its incident open, a threshold that forgets to tell its return, a
suggestion that becomes an incident without its evidence, a deploy in a freeze that nobody sees."""

from __future__ import annotations

from typing import Any

from schemas import ids, scaled
from schemas.messages.actions import Change
from schemas.messages.incidents import (
    AcceptSuggestion,
    AlertObserved,
    ChangeRecorded,
    FailureHealed,
    IncidentReopened,
    IncidentResolved,
    IncidentSuggested,
    ObservationReported,
    SuggestionAccepted,
    ThresholdBreached,
    ThresholdRecovered,
)
from tests.support.world import START_MS, World

HOUR_MS = 3_600_000


def world_with(**documents: dict[str, Any]) -> World:
    world = World()
    people = {
        "people": [{"id": "alice", "channels": [{"kind": "console", "address": "a"}]}],
        "fallback_contact": "alice",
    }
    policies = {
        "policies": [{"id": "p", "steps": [{"person": "alice", "wait_s": 600}], "rounds": 1}],
        "default_policy": "p",
    }
    world.configure(people=people, escalation=policies, **documents)
    return world


def tell(world: World, message: Any, *name: Any) -> None:
    world.tell("incidents.commands", message, ids.derive("told", *name))


def alert(world: World, n: int, status: Any) -> None:
    at = world.clock.wall_ms()
    fact = AlertObserved(
        world.tenant,
        ids.derive("alert", 1),
        "pagerduty",
        "disk/web-1",
        at,
        status,
        None,
        "disk full",
        "payments",
        "component",
        None,
        None,
        None,
        "integration",
        at,
        True,
    )
    tell(world, fact, "alert", n)


def observe(world: World, n: int, value: Any) -> None:
    at = world.clock.wall_ms()
    measured = scaled.of(value)
    assert measured is not None
    observation_id = ids.derive("observation", n)
    fact = ObservationReported(
        world.tenant, observation_id, "spend", "warehouse", "importer-1", measured, "EUR", at, "meter", at
    )
    tell(world, fact, "observation", n)


def test_given_an_alert_that_ends_and_comes_back_then_one_incident_that_is_resolved_and_reopened() -> None:
    world = world_with()
    for n, status in enumerate(("firing", "resolved", "firing", "resolved")):
        alert(world, n, status)
        world.run_to(world.now + 60)
    assert len(world.incidents()) == 1
    assert len(world.said("incidents.events", IncidentResolved)) == 2
    assert len(world.said("incidents.events", IncidentReopened)) == 1


def test_given_a_spend_over_its_limit_for_five_minutes_then_one_incident_and_its_return_is_told() -> None:
    limit = {"name": "spend", "resource": "*", "above": "1000", "for_s": 300, "severity": "SEV2"}
    world = world_with(incidents={"thresholds": [limit]})
    for n, value in enumerate((800, 5000, 5200, "812.50")):
        observe(world, n, value)
        world.run_to(world.now + 200)
    (incident,) = world.incidents()
    assert (incident.trigger, incident.trigger_confidence, incident.severity) == ("threshold", "medium", "SEV2")
    (breach,) = world.said("incidents.events", ThresholdBreached)
    assert (breach.held_s, breach.reasons[0]) == (300, "value 5200 EUR over 1000 EUR for 300 s")
    (back,) = world.said("incidents.events", ThresholdRecovered)
    assert (back.value, back.lasted_s) == (812_500_000, 400)
    assert world.said("incidents.events", IncidentResolved) == []
    assert [person for person, _ in world.paged()] == ["alice"]


def test_given_what_healed_before_an_incident_heals_again_then_a_person_makes_it_one() -> None:
    world = world_with(incidents={"triggers": [{"match": "payments", "pattern": True}]})
    world.fail("agent-1", "charge", "payments", "PaymentError", "pool exhausted")
    world.run_to(10)
    (past,) = world.incidents()
    world.resolve("alice", past.incident_id)
    world.run_to(20)
    for n in range(3):
        at = world.clock.wall_ms()
        fact = FailureHealed(
            world.tenant, "payments", past.fingerprint, "agent-1", "charge", ids.derive("healed", n), 1, at, at
        )
        tell(world, fact, "healed", n)
        world.run_to(world.now + 5)
    (suggestion,) = world.said("incidents.events", IncidentSuggested)
    assert len(world.incidents()) == 1
    at = world.clock.wall_ms()
    command_id = ids.derive("command", "accept")
    wish = AcceptSuggestion(world.tenant, command_id, bytes(16), "alice", suggestion.suggestion_id, at)
    world.tell("incidents.commands", wish, command_id)
    world.run_to(world.now + 5)
    (accepted,) = world.said("incidents.events", SuggestionAccepted)
    assert accepted.evidence == suggestion.evidence
    assert world.incidents()[-1].trigger == "suggestion"
    assert [person for person, _ in world.paged()] == ["alice", "alice"]


def test_given_a_freeze_then_a_deploy_in_it_is_kept_and_flagged() -> None:
    window = {"kind": "freeze", "name": "Holidays", "resources": ["*"], "kinds": ["deploy"], "message": "Wait."}
    spans = [{"start": START_MS, "end": START_MS + HOUR_MS}]
    world = world_with(occurrences={"windows": [window | {"spans": spans}], "until": 0})
    world.act("deployer", "deploy", "payments", change=Change("deploy", "v1", "v2", None))
    world.run_to(10)
    (change,) = world.said("incidents.events", ChangeRecorded)
    assert (change.freeze, change.freeze_message) == ("Holidays", "Wait.")
