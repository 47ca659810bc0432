"""What would break: a policy that ends in silence. After three rounds the fallback contact is paged, loudly."""

from __future__ import annotations

from schemas.messages.notifications import EscalationExhausted, PageFailed, PageRequested
from tests.support.shop import Shop


def test_given_nobody_answers_then_three_rounds_and_the_fallback_contact() -> None:
    shop = Shop()
    world = shop.play(130.0, acknowledge_at=None, resolve_at=None)
    people = [person for person, _ in world.paged()]
    assert people == ["alice", "bob", "dave"] * 3 + ["duty-manager"]
    assert [e.fallback for e in world.said("notifications.events", EscalationExhausted)] == ["duty-manager"]


def test_given_a_channel_that_never_says_what_happened_then_it_is_asked_again_with_the_same_id() -> None:
    shop = Shop(hands=lambda page: None if page.person == "alice" else ("delivered", "200"))
    world = shop.play(60.0, acknowledge_at=50.0, resolve_at=None)
    to_alice = [p for p in world.said("notifications.events", PageRequested) if p.person == "alice"]
    first = [p for p in to_alice if p.notification_id == to_alice[0].notification_id]
    assert [p.attempt for p in first] == [1, 2, 3][: len(first)]
    assert len(first) >= 2
    assert {f.outcome for f in world.said("notifications.events", PageFailed)} == {"no_outcome"}
