"""A log on virtual time that holds something of every theme of the incidents processor: corrections, suggestions,
floods, a catalog in parts, calendars, causes, observations, dependencies, people's commands, and changes of rules.
"""

from __future__ import annotations

import json

from gateway.configuration.calendars import occurrences
from gateway.configuration.outbox import announcement
from gateway.configuration.store import Pending
from schemas import ids
from schemas.configuration import canonical, parse_document
from schemas.messages.actions import Change, Effect
from schemas.messages.incidents import (
    AcceptSuggestion,
    DismissSuggestion,
    IncidentSuggested,
    MergeIncident,
    ReportProblem,
    SplitIncident,
    UndoCorrection,
)
from schemas.messages.incidents.commanding import AssignCommander
from schemas.messages.incidents.flooding import FloodSuspected, JudgeFlood, SetDependencyStatus
from schemas.messages.incidents.responding import HandOffIncident, JoinIncident, MarkFalseAlarm
from schemas.partitioning import partition_of
from tests.support.shop import INCIDENTS, observe, quiet_shop, told
from tests.support.world import SPEECH, START_MS, World

HOUR_MS = 3_600_000
# More than one record holds: it is announced in parts.
SERVICES = 1_200
RULES = INCIDENTS | {
    "raises": [{"severity": "SEV1", "failures": 6}],
    "thresholds": [{"name": "cloud_spend", "resource": "aws", "above_baseline": 300, "baseline_min": 3}],
    "triggers": [{"match": "repository", "anomaly": True}, {"match": "search-service", "pattern": True}],
    "suggestions": {"healed": 3},
}
SIGNALS = {
    "grouping": [{"name": "pool", "error_type": "PoolError", "prefix": "connection pool"}],
    "dependencies": [{"name": "stripe", "resources": ["stripe"], "expected_per_mille": 10, "alert_per_mille": 50}],
}
FLOODS = {"actor_per_second": 20, "security_owner": "dave", "quiet_s": 10, "unusual": {"minimum": 20, "warm_up": 3}}
CALENDAR = {"maintenance_windows": [{"name": "Every midnight", "cron": "0 0 * * *", "duration_s": 3_600}]}


def everything() -> World:
    """Four days of it; the same records every time."""
    world = quiet_shop(incidents=RULES, signals=SIGNALS, floods=FLOODS)
    made = occurrences(parse_document("calendar", canonical(CALENDAR)), START_MS)  # type: ignore[arg-type]  # a Calendar
    world.configure(occurrences=json.loads(made))
    _catalog(world, 1)
    _causes(world)
    _corrections(world)
    _habits(world)
    _floods(world)
    _measures(world)
    _own_configuration(world)
    _catalog(world, 2)
    world.clock.advance(3 * 24 * HOUR_MS)
    world.run_to(world.now + 5)
    return world


def _catalog(world: World, version: int) -> None:
    named = {"payments-service": ["user-service", "stripe"], "checkout": ["payments-service"], "user-service": []}
    services = [{"id": name, "name": name, "depends_on": needs} for name, needs in named.items()]
    services += [{"id": f"service-{n:04}", "name": f"{version} {'x' * 240}"} for n in range(SERVICES)]
    body = canonical({"services": services})
    for output in SPEECH.announced(world.tenant, "catalog", version, body, world.clock.wall_ms()):
        world.log.append(output)
    world.run_to(world.now + 1)


def _fail(world: World, actor: str, resource: str, error: str, message: str) -> bytes:
    found = world.fail(actor, "payments.charge", resource, error, message, on_behalf_of=f"customer-{world.now}")
    world.run_to(world.now + 1)
    return found


def _causes(world: World) -> None:
    flag = Change("flag", "off", "on", "flag new-checkout enabled")
    world.act("flag-bot", "flag.set", "user-service", change=flag)
    world.act("deployer", "deploy", "payments-service", change=Change("deploy", "v1.0.0", "v2.0.0", "pool size 10 → 5"))
    for n in range(8):
        _fail(world, "checkout-helper-1", "payments-service", "PaymentError", f"pool exhausted (order {n})")
    _fail(world, "user-sync", "user-service", "Timeout", "no answer")
    late = Change("migration", "0041", "0042", "drop column legacy_state")
    world.act("migrator", "db.migrate", "user-service", change=late, timestamp=world.clock.wall_ms() - 5_000)
    world.run_to(world.now + 1)
    degraded = SetDependencyStatus(
        world.tenant, ids.derive("status", 1), bytes(16), "carol", "stripe", "degraded", "eu-west-1",
        world.clock.wall_ms() - 1_000, None, "status page", None, world.clock.wall_ms(),
    )  # fmt: skip
    told(world, degraded, "stripe")
    world.run_to(world.now + 1)


def _corrections(world: World) -> None:
    one, other = world.incidents()[:2]
    first = [
        _fail(world, "importer", "payments-service", "PaymentError", "pool exhausted (order 55)") for _ in range(3)
    ]
    new = {"events": tuple(first[:2]), "reason": "another problem"}
    world.command(SplitIncident, "alice", one.incident_id, "1", **new)
    world.run_to(world.now + 1)
    split = world.incidents()[-1]
    world.command(MergeIncident, "alice", other.incident_id, "2", into=one.incident_id, reason="one cause")
    world.run_to(world.now + 1)
    _fail(world, "user-sync", "user-service", "Timeout", "no answer")
    _fail(world, "importer", "payments-service", "PaymentError", "pool exhausted (order 55)")
    world.command(UndoCorrection, "bob", one.incident_id, "3", reason="they are two")
    world.command(SplitIncident, "alice", one.incident_id, "4", **new)  # refused: they are not in it any more
    world.run_to(world.now + 1)
    world.acknowledge("alice", one.incident_id)
    world.command(JoinIncident, "bob", one.incident_id)
    world.command(AssignCommander, "alice", one.incident_id, commander="carol")
    world.run_to(world.now + 1)
    world.command(HandOffIncident, "alice", one.incident_id, to="bob", note="end of shift")
    world.run_to(world.now + 1)
    for incident in (one, other, split):
        world.resolve("bob", incident.incident_id)
    world.run_to(world.now + 1)
    _fail(world, "checkout-helper-1", "payments-service", "PaymentError", "pool exhausted (order 77)")
    world.resolve("bob", one.incident_id, "again")
    world.run_to(world.now + 1)
    world.start("incidents")


def _habits(world: World) -> None:
    for _ in range(4):
        for _ in range(2):
            world.act("code-reviewer", "file.write", "repository")
        world.run_to(world.now + 1)
        world.clock.advance(HOUR_MS)
    for n in range(60):
        world.act("code-reviewer", "file.write", "repository")
        if n % 10 == 9:
            world.run_to(world.now + 1)
    world.run_to(world.now + 1)
    (anomaly,) = world.said("incidents.events", IncidentSuggested)
    world.command(AcceptSuggestion, "carol", anomaly.suggestion_id, note="it looks wrong")
    # What failed and healed before it was an incident heals again and again.
    _fail(world, "search-tuner", "search-service", "Timeout", "no answer in 800 ms")
    world.resolve("carol", world.incidents()[-1].incident_id)
    world.run_to(world.now + 1)
    for n in range(4):
        given = {"retryable": True, "attempt": 1, "attempt_limit": 3, "session": f"s{n}"}
        world.fail("search-tuner", "payments.charge", "search-service", "Timeout", "no answer in 900 ms", **given)
        world.run_to(world.now + 1)
        world.act("search-tuner", "payments.charge", "search-service", attempt=2, attempt_limit=3, session=f"s{n}")
        world.run_to(world.now + 1)
    healed = world.said("incidents.events", IncidentSuggested)[-1]
    world.command(DismissSuggestion, "carol", healed.suggestion_id, reason="a slow index")
    world.run_to(world.now + 1)


def _floods(world: World) -> None:
    for n in range(90):
        world.act("scraper", "catalog.read", f"catalog-{n % 5}")
    world.run_to(world.now + 2)
    flood = world.said("incidents.events", FloodSuspected)[-1]
    command_id = ids.derive("judge", 1)
    told(world, JudgeFlood(world.tenant, command_id, bytes(16), "dave", flood.flood_id, "confirmed", None, 0), 1)
    world.run_to(world.now + 30)
    for n in range(60):
        if n % 6 == 5:
            world.fail("checkout-helper-1", "stripe.charge", "stripe", "StripeError", f"no answer ({n})")
        else:
            world.act("checkout-helper-1", "stripe.charge", "stripe")
        world.run_to(world.now + 0.2)


def _measures(world: World) -> None:
    for value in (1000, 1000, 1000, 5000, 900):
        observe(world, "cloud_spend", "aws", value, "USD", "data-processor")
        world.run_to(world.now + 60)
    world.act("data-processor", "db.bulk", "balances", effect=Effect("bulk_update", amount="90000"))
    world.run_to(world.now + 1)
    report = ReportProblem(
        world.tenant, ids.derive("report", 1), bytes(16), "erin", "person", "balances", "Customer balances are wrong",
        None, None, world.clock.wall_ms(),
    )  # fmt: skip
    told(world, report, 1)
    world.run_to(world.now + 1)


def _own_configuration(world: World) -> None:
    world.configure(signals=SIGNALS | {"retry_window_s": 1})
    topic = "incidents.commands"
    partition = partition_of(world.tenant.encode(), world.map.partitions(topic))
    pending = Pending(1, world.tenant, "signals", 2, topic, partition, "", b"", "change", "erin", world.clock.wall_ms())
    for output in announcement(pending, world.clock.wall_ms()):
        world.log.append(output)
    for n in range(3):
        _fail(world, "catalog-sync", f"catalog-{n}", "KeyError", "'name'")
        world.command(MarkFalseAlarm, "carol", world.incidents()[-1].incident_id, note="nothing")
        world.run_to(world.now + 1)
