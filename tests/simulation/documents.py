"""A tenant's configuration, drawn: who is paged, what is an incident, who calls whom, and when nobody is paged."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.plan import RESOURCES

# Announced when the town begins, and what may be announced anew.
FIRST = ("people", "escalation", "incidents", "signals")
THEMES = ("catalog", "floods", "occurrences")
ANEW = (*FIRST, *THEMES)
# Documents in parts are for who imports catalogs: names as long as they may be, until one document cannot hold them.
PAGES = 1_100
PAD = "x" * 240


def document(random: Random, name: str, version: int, now: int, in_parts: bool = False) -> dict[str, Any]:
    """One version of a document; names say their version."""
    made = {
        "people": _people,
        "escalation": _escalation,
        "incidents": _incidents,
        "signals": _signals,
        "floods": _floods,
    }
    if name == "catalog":
        return _catalog(random, in_parts)
    return _occurrences(random, now) if name == "occurrences" else made[name](random, version)


def _people(random: Random, version: int) -> dict[str, Any]:
    people = [
        {
            "id": name,
            "channels": [{"kind": "webhook", "address": f"http://{name}/v{version}/{c}"} for c in range(1 + i % 2)],
        }
        for i, name in enumerate(("ann", "bob", "cy"))
    ]
    return {"people": people, "fallback_contact": "cy"}


def _escalation(random: Random, version: int) -> dict[str, Any]:
    names = ("ann", "bob", "cy")[: random.choice((1, 2, 3))]
    steps = [{"person": name, "wait_s": random.choice((5, 8, 60))} for name in names]
    return {
        "policies": [{"id": f"p{version}", "rounds": random.choice((1, 2)), "steps": steps}],
        "teams": {},
        "default_policy": f"p{version}",
        "outcome_tries": random.choice((1, 2, 3)),
    }


def _incidents(random: Random, version: int) -> dict[str, Any]:
    limit = {"name": "queue_depth", "resource": "pay*", "above": "1000", "for_s": random.choice((0, 30))}
    spend = {"name": "spend_eur", "above_baseline": 300, "baseline_min": 2}
    return {
        "severities": [{"match": "pay*", "severity": "SEV2"}],
        "default_severity": "SEV3",
        "triggers": [{"match": "*", "pattern": True, "anomaly": True, "alert": random.randrange(8) > 0}],
        "thresholds": [limit, spend],
        "suggestions": {"healed": random.choice((1, 2)), "expires_s": random.choice((60, 86_400)), "quiet_s": 60},
        "attach_window_s": random.choice((5, 900, 86_400)),
    }


def _signals(random: Random, version: int) -> dict[str, Any]:
    return {"retry_window_s": random.choice((2, 5, 20)), "transient_errors": ["Timeout"], "retry_limit": 3}


def _floods(random: Random, version: int) -> dict[str, Any]:
    unusual = {"window_s": 60, "factor": 1, "minimum": random.choice((1, 3)), "warm_up": 1}
    return {
        "actor_per_second": random.choice((1, 3)),
        "tenant_per_second": random.choice((0, 4)),
        "new_actors_per_minute": random.choice((0, 1)),
        "quiet_s": random.choice((10, 60)),
        "limit_s": random.choice((0, 30)),
        "security_owner": random.choice(("", "bob")),
        "unusual": unusual,
    }


def _catalog(random: Random, in_parts: bool) -> dict[str, Any]:
    """Who calls whom, in circles too, and services that nobody declared."""
    names = [f"{name}-service" for name in RESOURCES]
    services = [
        {
            "id": f"{name}-service",
            "owner": random.choice(("core", "ann", "nobody")),
            "resources": [name],
            "depends_on": random.sample([*names, "unknown"], random.randrange(3)),
        }
        for name in RESOURCES
    ]
    if in_parts:
        services += [{"id": f"page-{n}-{PAD[:200]}", "owner": "core"} for n in range(PAGES)]
    return {"services": services, "teams": [{"id": "core", "lead": "ann", "members": ["ann", "bob"]}]}


def _occurrences(random: Random, now: int) -> dict[str, Any]:
    start = now + random.choice((0, 5_000))
    window = {
        "kind": random.choice(("maintenance", "freeze")),
        "name": "Weekly",
        "resources": [random.choice(("pay*", "*"))],
        "kinds": [],
        "message": "",
        "spans": [{"start": start, "end": start + random.choice((20_000, 300_000))}],
    }
    return {"windows": [window] if random.randrange(4) else [], "until": 0}
