"""STORY.md on virtual time: what must come out of it, always (without the lines of the next issue)."""

from __future__ import annotations

import pytest

from schemas.messages.actions import ActionDropped
from schemas.messages.incidents import (
    ChangeRecorded,
    HealedFailureCounted,
    IncidentAcknowledged,
    IncidentResolved,
    SignalAttached,
)
from schemas.messages.kernel import Answer, DeadLetter
from schemas.messages.notifications import EscalationExhausted, EscalationStopped, PageRequested
from schemas.messages.ordering import ClockDriftDetected, SequenceGapDeclared, SequenceGapFilled, SequenceGapOpened
from tests.support.shop import Shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    story = Shop()
    story.play(42.0)
    return story


def test_one_problem_is_one_incident_and_nobody_is_forgotten(shop: Shop) -> None:
    world = shop.world
    opened = world.incidents()
    assert [(i.number, i.resource, i.severity) for i in opened] == [(1, "payments-service", "SEV2")]
    attached = world.said("incidents.events", SignalAttached)
    assert attached[-1].affected_count == len(shop.customers)
    assert attached[-1].failures == len(attached) + 1


def test_alice_is_paged_then_bob_and_then_nobody(shop: Shop) -> None:
    world = shop.world
    assert world.paged() == [("alice", 1), ("bob", 2)]
    alice, bob = [p for p in world.said("notifications.events", PageRequested) if p.attempt == 1]
    assert 8_000 <= bob.at - alice.at < 9_000
    assert bob.also_paged == ("alice",)
    assert [s.by for s in world.said("notifications.events", EscalationStopped)] == ["bob"]
    assert not world.said("notifications.events", EscalationExhausted)


def test_bob_acknowledges_and_resolves_with_times(shop: Shop) -> None:
    world = shop.world
    assert [a.subject for a in world.said("incidents.events", IncidentAcknowledged)] == ["bob"]
    resolved = world.said("incidents.events", IncidentResolved)
    assert len(resolved) == 1
    end = resolved[0]
    assert end.first_page_at is not None
    assert end.acknowledged_at is not None
    assert end.first_failure_at <= end.detected_at <= end.first_page_at < end.acknowledged_at < end.at
    assert [a.code for a in world.said("incidents.events", Answer)] == ["accepted", "accepted"]


def test_what_healed_is_counted_and_what_is_missing_is_declared(shop: Shop) -> None:
    world = shop.world
    assert [h.total for h in world.said("incidents.events", HealedFailureCounted)] == [1]
    gaps = world.said("ordering.events", SequenceGapDeclared)
    assert [(g.actor, g.missing_count) for g in gaps] == [("catalog-sync", 1)]
    assert gaps[0].at - gaps[0].opened_at == 30_000
    assert len(world.said("ordering.events", SequenceGapOpened)) == 1
    assert not world.said("ordering.events", SequenceGapFilled)
    assert [d.actor for d in world.said("ordering.events", ClockDriftDetected)] == ["data-processor"]
    assert [c.resource for c in world.said("incidents.events", ChangeRecorded)] == [
        "notification-service",
        "payments-service",
        "payments-service",
    ]


def test_every_accepted_action_is_accounted_for_by_its_id(shop: Shop) -> None:
    accepted, kept, dropped = shop.accounts()
    assert accepted == kept
    assert len(shop.world.said("actions.dropped", ActionDropped)) == len(shop.batch)
    assert dropped <= accepted
    letters = shop.world.said("dead.letters", DeadLetter)
    assert [(x.code, x.original) for x in letters] == [("not_framed", b"0123456789")]
