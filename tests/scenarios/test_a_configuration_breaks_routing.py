"""What would break: after a configuration that reaches nobody, nobody is told why (seed 20.5). The change is told as
the gateway's outbox tells it."""

from __future__ import annotations

from gateway.configuration.outbox import announcement
from gateway.configuration.store import Pending
from schemas.messages.incidents import ChangeRecorded, IncidentClassified
from schemas.messages.incidents.responding import MarkFalseAlarm
from schemas.messages.notifications import Outcome, PageRequested
from schemas.partitioning import partition_of
from tests.support.shop import ESCALATION, OWNERSHIP, PEOPLE, quiet_shop
from tests.support.world import World


def hands(page: PageRequested) -> tuple[Outcome, str] | None:
    """Nobody is reached at the new address."""
    return ("failed", "410 Gone") if page.channel.address.endswith("/gone") else ("delivered", "200")


def tell_change(world: World, document: str, version: int, times: int = 1) -> None:
    topic = "incidents.commands"
    partition = partition_of(world.tenant.encode(), world.map.partitions(topic))
    at = world.clock.wall_ms()
    pending = Pending(1, world.tenant, document, version, topic, partition, "", b"", "change", "erin", at)
    for _ in range(times):
        for output in announcement(pending, at):
            world.log.append(output)


def fail(world: World, n: int) -> None:
    world.fail("checkout-helper-1", "payments.charge", f"payments-{n}", "PaymentError", "pool exhausted")
    world.run_to(world.now + 40)


def test_pages_that_fail_after_a_new_version_are_an_incident_of_that_version() -> None:
    world = World("shop", hands)
    world.configure(people=PEOPLE, escalation=ESCALATION, ownership=OWNERSHIP)
    fail(world, 0)
    assert [i.resource for i in world.incidents()] == ["payments-0"]
    gone = [p | {"channels": [{"kind": "webhook", "address": "http://127.0.0.1:1/gone"}]} for p in PEOPLE["people"]]  # type: ignore[operator]  # a mapping
    world.configure(people={"people": gone, "fallback_contact": "duty-manager"})
    tell_change(world, "people", 2, times=2)
    world.run_to(world.now + 5)
    assert len(world.said("incidents.events", ChangeRecorded)) == 1, "told again by a crashed outbox, it is one change"
    fail(world, 1)
    fail(world, 2)
    (own,) = [i for i in world.incidents() if i.resource.startswith("configuration/")]
    assert own.resource == "configuration/people"
    kind = [c for c in world.said("incidents.events", IncidentClassified) if c.number == own.number][-1]
    facts = {f.name: f.value for f in kind.facts}
    assert (kind.kind, facts["from"], facts["to"]) == ("meta", "version 1", "version 2")
    assert kind.reasons[0] == "Config change may have broken routing"
    assert kind.advice[0].action == "roll_back_configuration"
    assert {p.name: p.value for p in kind.advice[0].parameters} == {"document": "people", "to": "version 1"}


def test_false_alarms_after_a_new_rule_are_an_incident_of_the_rule_and_somebody_is_paged() -> None:
    world = quiet_shop()
    world.run_to(5)
    world.configure(signals={"retry_window_s": 1})
    tell_change(world, "signals", 2)
    for n in range(3):
        world.fail("search-tuner", "index.query", f"search-{n}", "Timeout", "no answer")
        world.run_to(world.now + 2)
        world.command(MarkFalseAlarm, "carol", world.incidents()[-1].incident_id, note="it answers")
        world.run_to(world.now + 2)
    own = world.incidents()[-1]
    assert (own.resource, own.title) == ("configuration/signals", "3 false alarms since signals version 2")
    kind = world.said("incidents.events", IncidentClassified)[-1]
    assert (kind.number, kind.reasons[0]) == (own.number, "New rule may be too broad")
    pages = world.said("notifications.events", PageRequested)
    assert own.incident_id in {p.incident_id for p in pages}
