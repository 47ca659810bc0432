"""What a golden log tells: the shop's story, and all that people and other systems do around it.

Duplicates, gaps, late and drifting records, rubbish, retried and healed failures, effects and second charges, labels,
reports, alerts, pages that fail and are asked for again, an escalation to its end, and every move of an incident.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas import ids
from schemas.messages.actions import LABEL, Effect, Labels
from schemas.messages.incidents import (
    AlertObserved,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    IncidentOpened,
    ReopenIncident,
    ReportProblem,
)
from schemas.messages.notifications import Outcome, PageRequested
from tests.support.shop import Shop
from tests.support.world import START_MS, World

COMMANDS = "incidents.commands"


def told() -> World:
    """The whole story, played to its end; the same records every time."""
    asked: list[PageRequested] = []

    def hands(page: PageRequested) -> tuple[Outcome, str] | None:
        asked.append(page)
        # Every fifth page is not answered for, every seventh fails: the room asks again, or goes on to the next.
        if len(asked) % 5 == 0:
            return None
        return ("failed", "503") if len(asked) % 7 == 0 else ("delivered", "200")

    shop = _Told(hands)
    _effects(shop.world)
    shop.play(42.0)
    _after(shop)
    return shop.world


class _Told(Shop):
    """The shop, of which other systems tell too."""

    def normal_work(self, second: float) -> None:
        """As every half second, and once what the others say."""
        super().normal_work(second)
        if second == 18.0:
            _others(self.world)


def _effects(world: World) -> None:
    def charge(actor: str, reference: str | None, amount: str = "4900", kind: str = "charge") -> None:
        effect = Effect(kind, amount, "EUR", "customer-17", reference, "compensable")
        world.act(actor, f"payments.{kind}", "orders/8812", effect=effect)

    charge("checkout-helper-1", "ch_1")
    charge("payments-provider", "ch_1")
    charge("checkout-helper-2", "ch_2")
    charge("refund-bot", "re_1", "4900", "refund")
    charge("refund-bot", "re_1", "4900", "refund")
    charge("checkout-helper-3", None, "100")
    charge("checkout-helper-3", None, "100")
    labels = Labels("RML3", "escalate-history")
    world.act("support-triage", "mail.send", "customers/17", labels=labels, traits=LABEL)


def _others(world: World) -> None:
    now = world.clock.wall_ms
    for status in ("firing", "firing", "resolved"):
        alert = AlertObserved(
            world.tenant, ids.derive("alert", 1), "alertmanager", "00ff", START_MS, status,
            now() if status == "resolved" else None, "PaymentsErrorRateHigh", "payments-service", "service",
            "23 % of charges fail", None, None, "alertmanager", now(),
        )  # fmt: skip
        world.tell(COMMANDS, alert, ids.derive("told", status, now()))
        world.run_to(world.now + 0.25)
    for number, resource in enumerate(("payments-service", "search-service")):
        report = ReportProblem(
            tenant=world.tenant, command_id=ids.derive("report", number), body_hash=ids.derive("body", number),
            subject="erin", subject_kind="person", at=now(), resource=resource, what="customers cannot pay",
            severity=None, since=None,
        )  # fmt: skip
        for _ in range(2):
            world.tell(COMMANDS, report, report.command_id)


def _after(shop: Shop) -> None:
    world = shop.world
    first = world.incidents()[0]
    moves: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
        (ReopenIncident, {"note": "it came back"}),
        (AssignIncident, {"assignee": "carol"}),
        (ChangeSeverity, {"severity": "SEV1"}),
        (CloseIncident, {}),
    )
    for kind, given in moves:
        _move(world, kind, first, **given)
        world.run_to(world.now + 1)
    world.contain("carol", first.incident_id)
    world.run_to(world.now + 1)
    world.resolve("carol", first.incident_id)
    world.run_to(world.now + 1)
    _move(world, CloseIncident, first)
    world.resolve("bob", ids.derive("nobody's"))
    # Late and foreign: a number long missing, an actor under another's key, a time far ahead.
    world.act("catalog-sync", "catalog.write", "catalog", sequence=1)
    late = world.action("catalog-sync", "catalog.write", "catalog", timestamp=START_MS + 10**9)
    world.append(late, partition=0)
    world.append(late, partition=1)
    # Nobody answers the last one: to the end of the escalation, and what is forgotten after a day.
    world.fail("search-tuner", "index.query", "payments-search", "Timeout", "no answer in 800 ms")
    world.run_to(world.now + 200)
    world.clock.advance(90_000_000)
    world.run_to(world.now + 1)
    world.act("catalog-sync", "catalog.write", "catalog", session="s2")
    world.run_to(world.now + 5)


def _move(world: World, kind: Callable[..., Any], incident: IncidentOpened, **given: Any) -> None:
    now = world.clock.wall_ms()
    command_id = ids.derive("move", getattr(kind, "__name__", ""), now)
    message = kind(world.tenant, command_id, ids.derive("body", now), "carol", incident.incident_id, now, **given)
    world.tell(COMMANDS, message, command_id)
