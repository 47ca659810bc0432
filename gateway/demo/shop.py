"""The shop of the story: its services, people, teams, agents, and the settings of its tenant. Pure data."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

AGENTS = (
    "deployer",
    "config-gen",
    "code-reviewer",
    "checkout-helper-1",
    "checkout-helper-2",
    "checkout-helper-3",
    "refund-bot",
    "catalog-sync",
    "inventory-planner",
    "support-triage",
    "search-tuner",
    "data-processor",
)
CHECKOUT_HELPERS = ("checkout-helper-1", "checkout-helper-2", "checkout-helper-3")

# What else speaks to Mandate: the payment provider's webhook sends actions, Alertmanager its alerts.
PROVIDER = "payments-provider"
ALERTMANAGER = "alertmanager"
INTEGRATIONS = (PROVIDER, ALERTMANAGER)
SENDERS = (*AGENTS, PROVIDER)

# id, name, team
PEOPLE = (
    ("alice", "Alice", "payments-team"),
    ("bob", "Bob", "payments-team"),
    ("dave", "Dave", "payments-team"),
    ("erin", "Erin", "shop-team"),
    ("carol", "Carol", "platform-team"),
    ("duty-manager", "Duty manager", "management"),
)
FALLBACK = "duty-manager"
BOB = "bob"
ALICE = "alice"

_OWNED = (
    ("payments-service", "payments-team"),
    ("payments-db", "payments-team"),
    ("billing-service", "payments-team"),
    ("storefront", "shop-team"),
    ("checkout-service", "shop-team"),
    ("inventory-service", "shop-team"),
    ("user-service", "platform-team"),
    ("search-service", "platform-team"),
    ("notification-service", "platform-team"),
)
# Alice 8 s, then Bob 10 s, then Dave; three rounds.
ALICE_WAIT_S = 8
BOB_WAIT_S = 10
DAVE_WAIT_S = 20
ROUNDS = 3


def documents(pager: str) -> Json:
    """The five documents of the tenant; `pager` is the address of the webhook receiver, each person a path of
    it."""
    return {
        "people": {
            "people": [
                {"id": person, "name": name, "channels": [{"kind": "webhook", "address": f"{pager}/{person}"}]}
                for person, name, _ in PEOPLE
            ],
            "fallback_contact": FALLBACK,
        },
        "ownership": {"resources": [{"match": match, "team": team} for match, team in _OWNED]},
        "escalation": {
            "policies": [
                _policy("payments", (("alice", ALICE_WAIT_S), ("bob", BOB_WAIT_S), ("dave", DAVE_WAIT_S))),
                _policy("shop", (("erin", 60),)),
                _policy("platform", (("carol", 60),)),
            ],
            "teams": {"payments-team": "payments", "shop-team": "shop", "platform-team": "platform"},
            "default_policy": "platform",
        },
        "signals": {"retry_window_s": 5, "retry_limit": 3},
        "incidents": {
            "default_severity": "SEV3",
            "severities": [{"match": "payments-service", "severity": "SEV2"}],
        },
    }


def roles(person: str) -> list[str]:
    """The business roles of a person's token."""
    return ["support"] if person == FALLBACK else ["engineering"]


def _policy(name: str, steps: tuple[tuple[str, int], ...]) -> Json:
    return {
        "id": name,
        "steps": [{"person": person, "wait_s": wait} for person, wait in steps],
        "rounds": ROUNDS,
    }
