"""What would break: a flood of one agent hides from review, drowns what others do, or loses what it sent (seed 8.2)."""

from __future__ import annotations

from schemas import ids
from schemas.head import read_head
from schemas.messages.incidents.flooding import FloodEnded, FloodGrew, FloodJudged, FloodSuspected, JudgeFlood
from schemas.messages.notifications import PageRequested
from tests.support.shop import quiet_shop, told

FLOODS = {"actor_per_second": 100, "security_owner": "dave", "quiet_s": 60}


def test_a_flood_is_flagged_told_to_the_security_owner_once_and_nothing_of_it_is_dropped() -> None:
    world = quiet_shop(floods=FLOODS)
    world.act("catalog-sync", "catalog.read", "catalog")
    world.run_to(1)
    sent = []
    for n in range(450):
        sent.append(world.act("scraper", "catalog.read", f"catalog-{n % 7}"))
        if n % 150 == 149:
            world.turn()
    world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", "pool exhausted")
    world.run_to(3)

    (flood,) = world.said("incidents.events", FloodSuspected)
    assert (flood.kind, flood.actor, flood.limit) == ("suspicious_volume", "scraper", 100)
    assert flood.evidence == "101 actions of scraper in one second, more than 100"
    assert (flood.rate_limit, flood.limited_until) == (0, 0), "a suspicion alone refuses nobody"
    assert [g.count for g in world.said("incidents.events", FloodGrew)] == [400]
    # Nothing dropped, and nobody else waits.
    kept = [read_head(r.value or b"").event_id for r in world.log.records("actions.ordered") if r.key]
    assert set(sent) <= set(kept)
    assert list(world.log.records("actions.dropped")) == []
    assert [i.resource for i in world.incidents()] == ["payments-service"]
    pages = world.said("notifications.events", PageRequested)
    assert [p.person for p in pages if p.incident_id == flood.flood_id] == ["dave"]

    command_id = ids.derive("judge", 1)
    judge = JudgeFlood(world.tenant, command_id, bytes(16), "dave", flood.flood_id, "confirmed", None, 0)
    told(world, judge, 1)
    world.run_to(5)
    (judged,) = world.said("incidents.events", FloodJudged)
    assert judged.limited_until > world.clock.wall_ms(), "the gateway refuses, which loses nothing it had taken"
    world.run_to(70)
    (ended,) = world.said("incidents.events", FloodEnded)
    assert (ended.peak, ended.flood_id) == (400, flood.flood_id)
