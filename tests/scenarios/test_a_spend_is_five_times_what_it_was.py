"""What would break: a cost that explodes opens nothing, names nobody, or advises nothing (seed 18.4)."""

from __future__ import annotations

from schemas.messages.actions import Change
from schemas.messages.incidents import CauseSuggested, IncidentClassified, ThresholdBreached
from tests.support.shop import observe, quiet_shop

SPEND = {
    "name": "cloud_spend",
    "resource": "aws-*",
    "above_baseline": 300,
    "baseline_s": 86_400,
    "baseline_min": 6,
    "severity": "SEV2",
}
HOUR_MS = 3_600_000


def test_the_burn_rate_is_five_times_the_normal_one_and_the_agent_that_spawned_instances_is_named() -> None:
    world = quiet_shop(incidents={"thresholds": [SPEND]})
    for _ in range(8):
        observe(world, "cloud_spend", "aws-batch", 1000, "USD")
        world.run_to(world.now + 1)
        world.clock.advance(HOUR_MS - 1_000)
    assert world.incidents() == []
    spawned = Change("config", "10 instances", "1010 instances", "spawned 1000 instances")
    world.act("data-processor", "ec2.run_instances", "aws-batch", change=spawned)
    world.run_to(world.now + 1)
    world.clock.advance(HOUR_MS // 2)
    observe(world, "cloud_spend", "aws-batch", 5000, "USD", "data-processor")
    world.run_to(world.now + 2)

    (incident,) = world.incidents()
    assert (incident.trigger, incident.severity, incident.resource) == ("threshold", "SEV2", "aws-batch")
    (breach,) = world.said("incidents.events", ThresholdBreached)
    assert breach.reasons[0] == "value 5000 USD over 3000 USD"
    assert breach.reasons[1].startswith("baseline 1000 USD: the mean of 8 values of the last 86400 s, 5000 per mille")
    kind = world.said("incidents.events", IncidentClassified)[-1]
    facts = {f.name: f.value for f in kind.facts}
    assert kind.kind == "cost"
    assert (facts["value"], facts["normal"], facts["increase"]) == ("5000 USD", "1000 USD", "400 %")
    assert facts["agent"] == "data-processor"
    assert [a.action for a in kind.advice] == ["pause_agent", "kill_instances", "set_budget_limit"]
    cause = world.said("incidents.events", CauseSuggested)[-1]
    assert (cause.actor, cause.summary) == ("data-processor", "spawned 1000 instances")
    assert [person for person, _ in world.paged()] == ["carol"]


def test_a_spend_that_is_only_twice_the_normal_one_and_one_without_a_past_tell_nobody() -> None:
    world = quiet_shop(incidents={"thresholds": [SPEND]})
    observe(world, "cloud_spend", "aws-new", 50_000, "USD")
    for value in (1000, 1100, 900, 1000, 1000, 1000, 2000):
        observe(world, "cloud_spend", "aws-batch", value, "USD")
        world.run_to(world.now + 1)
        world.clock.advance(HOUR_MS)
    assert world.incidents() == []
