"""What would break: an agent that behaves unlike itself is nobody's business because nothing failed, or a new agent is
called unusual before anybody can know (seed 18.6)."""

from __future__ import annotations

from typing import Any

from schemas.messages.incidents import (
    AcceptSuggestion,
    DismissSuggestion,
    IncidentClassified,
    IncidentSuggested,
    SuggestionDismissed,
)
from schemas.messages.incidents.flooding import FloodSuspected
from tests.support.shop import quiet_shop
from tests.support.world import World

HOUR_MS = 3_600_000
ANOMALY = {"triggers": [{"match": "repository", "anomaly": True}]}


def shop(hours: int) -> World:
    """A code reviewer that changed ten files in each of so many hours."""
    world = quiet_shop(incidents=ANOMALY)
    for _ in range(hours):
        changes(world, 10)
        world.clock.advance(HOUR_MS)
    return world


def changes(world: World, count: int) -> None:
    for n in range(count):
        world.act("code-reviewer", "file.write", "repository")
        if n % 50 == 49:  # at most a hundred a second, which is no flood
            world.run_to(world.now + 0.5)
    world.run_to(world.now + 1)


def decide(world: World, kind: type, **given: Any) -> None:
    (suggested,) = world.said("incidents.events", IncidentSuggested)
    world.command(kind, "carol", suggested.suggestion_id, **given)
    world.run_to(world.now + 1)


def test_500_changes_where_10_are_normal_are_suggested_and_become_an_incident_only_by_a_person() -> None:
    world = shop(8)
    changes(world, 500)
    assert world.incidents() == []
    assert world.paged() == []
    (flagged,) = world.said("incidents.events", FloodSuspected)
    assert (flagged.kind, flagged.security_owner) == ("unusual_behaviour", "")
    assert flagged.evidence.endswith("(normal: at most 10 in each of the last 8 active windows)")
    (suggested,) = world.said("incidents.events", IncidentSuggested)
    assert (suggested.kind, suggested.confidence, suggested.actor) == ("anomaly", "low", "code-reviewer")
    assert suggested.reasons == (
        "101 actions of kind file within 3600 s, at least 101",
        "never more than 10 in any of its last 8 active windows",
    )
    decide(world, AcceptSuggestion, note=None)
    (incident,) = world.incidents()
    assert (incident.trigger, incident.trigger_confidence) == ("suggestion", "low")
    kind = world.said("incidents.events", IncidentClassified)[-1]
    assert (kind.kind, {f.name: f.value for f in kind.facts}["agent"]) == ("behaviour", "code-reviewer")
    assert [a.action for a in kind.advice] == ["view_changes", "pause_agent", "mark_expected"]
    assert [{p.name: p.value for p in a.parameters}["agent"] for a in kind.advice] == ["code-reviewer"] * 3


def test_a_dismissed_one_is_no_incident_and_is_not_suggested_again_at_once() -> None:
    world = shop(8)
    changes(world, 500)
    decide(world, DismissSuggestion, reason="a migration of the repository")
    (dismissed,) = world.said("incidents.events", SuggestionDismissed)
    assert (dismissed.subject, dismissed.reason) == ("carol", "a migration of the repository")
    world.clock.advance(HOUR_MS)
    changes(world, 6_000)
    assert len(world.said("incidents.events", IncidentSuggested)) == 1
    assert (world.incidents(), world.paged()) == ([], [])


def test_during_warm_up_nothing_is_unusual() -> None:
    world = shop(2)
    changes(world, 500)
    assert world.said("incidents.events", FloodSuspected) == []
    assert world.said("incidents.events", IncidentSuggested) == []
