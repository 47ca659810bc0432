"""The shop of STORY.md on virtual time: its people, its agents, and what happens when. Seconds after the start."""

from __future__ import annotations

from random import Random
from typing import Any

from schemas import codec, ids, scaled
from schemas.head import read_head
from schemas.messages.actions import Action, ActionDropped, Change
from schemas.messages.incidents import ObservationReported
from schemas.record import Output
from tests.support.world import Hands, World, delivered

PEOPLE = {
    "people": [
        {"id": name, "channels": [{"kind": "webhook", "address": f"http://127.0.0.1:1/{name}"}]}
        for name in ("alice", "bob", "dave", "erin", "carol", "duty-manager")
    ],
    "fallback_contact": "duty-manager",
}
ESCALATION = {
    "policies": [
        {
            "id": "payments",
            "rounds": 3,
            "steps": [
                {"person": "alice", "wait_s": 8},
                {"person": "bob", "wait_s": 10},
                {"person": "dave", "wait_s": 10},
            ],
        },
        {"id": "platform", "rounds": 3, "steps": [{"person": "carol", "wait_s": 300}]},
    ],
    "teams": {"payments-team": "payments", "platform-team": "platform"},
    "default_policy": "platform",
}
OWNERSHIP = {"resources": [{"match": "payments-*", "team": "payments-team"}]}
INCIDENTS = {"severities": [{"match": "payments-service", "severity": "SEV2"}], "default_severity": "SEV3"}
HELPERS = ("checkout-helper-1", "checkout-helper-2", "checkout-helper-3")


class Shop:
    """Plays the story up to any second. The order of what happens is fixed by the seed."""

    def __init__(self, hands: Hands = delivered, seed: int = 1) -> None:
        self.world = World("shop", hands)
        self.world.configure(people=PEOPLE, escalation=ESCALATION, ownership=OWNERSHIP, incidents=INCIDENTS)
        self.random = Random(seed)
        self.accepted: list[bytes] = []
        self.batch: list[Action] = []  # inventory-planner's batch of 50, sent again at 12
        self.customers: set[str] = set()
        self._order = 1000

    def act(self, *given: object, **more: object) -> None:
        self.accepted.append(self.world.act(*given, **more))  # type: ignore[arg-type]  # passed through

    def fail(self, *given: object, **more: object) -> None:
        self.accepted.append(self.world.fail(*given, **more))  # type: ignore[arg-type]  # passed through

    def play(self, until: float, acknowledge_at: float | None = 21.0, resolve_at: float | None = 38.0) -> World:
        """Half a second at a time: what the agents do, what people do, and the passing of time."""
        script = {
            3.0: self.retried_query,
            5.0: self.skipped_number,
            6.0: lambda: self.deploy("notification-service", "v1.8.0", "v1.9.0"),
            8.0: lambda: self.deploy("payments-service", "v2.3.0", "v2.3.1"),
            12.0: self.batch_again,
            26.0: lambda: self.deploy("payments-service", "v2.3.1", "v2.3.0"),
            33.0: self.rubbish,
        }
        tick = 0
        while self.world.now < until:
            second = tick / 2
            if second in script:
                script[second]()
            if second == acknowledge_at:
                self.world.acknowledge("bob", self.world.incidents()[0].incident_id)
            if second == resolve_at:
                self.world.resolve("bob", self.world.incidents()[0].incident_id)
            if 28.0 <= second < 33.0:
                self.act("data-processor", "batch.run", "warehouse", timestamp=self.world.clock.wall_ms() - 7_200_000)
            self.normal_work(second)
            tick += 1
            self.world.run_to(tick / 2)
        return self.world

    def normal_work(self, second: float) -> None:
        for helper in HELPERS:
            self._order += 1
            failing = 9.0 <= second < 26.0 and self.random.random() < (0.3 if second < 15 else 0.6)
            customer = f"customer-{self._order}"
            if not failing:
                self.act(helper, "payments.charge", "payments-service", on_behalf_of=customer)
                continue
            self.customers.add(customer)
            waited = 5000 + self.random.randrange(100)
            message = f"connection pool exhausted (order {self._order}, waited {waited} ms)"
            self.fail(helper, "payments.charge", "payments-service", "PaymentError", message, on_behalf_of=customer)
        for agent, kind, resource in (
            ("support-triage", "ticket.read", "support"),
            ("catalog-sync", "catalog.read", "catalog"),
            ("code-reviewer", "review.read", "repository"),
        ):
            self.act(agent, kind, resource)
        if second < 12.0:
            action = self.world.action("inventory-planner", "stock.plan", "inventory-service")
            self.accepted.append(action.event_id)
            self.world.append(action)
            self.batch = [*self.batch, action][-20:]

    def retried_query(self) -> None:
        self.fail(
            "search-tuner",
            "index.query",
            "search-service",
            "Timeout",
            "no answer in 800 ms",
            retryable=True,
            attempt=1,
            attempt_limit=3,
        )
        self.world.run_to(self.world.now + 1)
        self.act("search-tuner", "index.query", "search-service", attempt=2, attempt_limit=3)

    def skipped_number(self) -> None:
        self.act("catalog-sync", "catalog.write", "catalog", sequence=self.world._numbers["catalog-sync/s1"] + 2)

    def deploy(self, service: str, before: str, after: str) -> None:
        self.act("deployer", "deploy", service, change=Change("deploy", before, after, "pool size 10 → 5"))

    def batch_again(self) -> None:
        for action in self.batch:
            self.world.append(action)

    def rubbish(self) -> None:
        self.world.log.append(Output("actions.raw", None, b"rubbish", b"0123456789"))

    def accounts(self) -> tuple[set[bytes], set[bytes], set[bytes]]:
        """(accepted, kept, dropped) as sets of event ids."""
        values = [r.value for r in self.world.log.records("actions.ordered") if _is_action(r.value)]
        kept = {read_head(v).event_id for v in values if v is not None}
        dropped = {d.event_id for d in self.world.said("actions.dropped", ActionDropped)}
        return set(self.accepted), kept, dropped


def _is_action(value: bytes | None) -> bool:
    return codec.id_of(value) in codec.schema_ids(Action)


def quiet_shop(**documents: dict[str, Any]) -> World:
    """The shop with its people and nothing happening in it; `documents` are added to, or replace, its own."""
    world = World("shop", delivered)
    own: dict[str, Any] = {"people": PEOPLE, "escalation": ESCALATION, "ownership": OWNERSHIP}
    world.configure(**(own | documents))
    return world


def told(world: World, message: Any, *name: Any) -> None:
    """A fact of another system on the incidents processor's input, once for each name."""
    world.tell("incidents.commands", message, ids.derive("told", type(message).__name__, *name))


def observe(world: World, name: str, resource: str, value: Any, unit: str | None = None, actor: str = "") -> None:
    """A meter tells a value, now."""
    measured = scaled.of(value)
    assert measured is not None
    at = world.clock.wall_ms()
    which = ids.derive("observation", name, resource, at)
    fact = ObservationReported(world.tenant, which, name, resource, actor or None, measured, unit, at, "meter", at)
    told(world, fact, which)
