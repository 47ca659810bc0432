"""What agents do all day: the stream of ordinary actions on which the story happens. Pure, driven by a seeded
chance."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

# agent -> mean ms between actions, and (type, resource) of what it does. Together with the script about 40 a
# second.
_DAY: Mapping[str, tuple[int, tuple[tuple[str, str], ...]]] = {
    "deployer": (2_000, (("pipeline.check", "storefront"), ("image.scan", "user-service"))),
    "config-gen": (900, (("config.render", "search-service"), ("config.diff", "storefront"))),
    "code-reviewer": (380, (("review.read", "storefront"), ("review.comment", "checkout-service"))),
    "checkout-helper-1": (275, (("cart.read", "checkout-service"), ("order.create", "checkout-service"))),
    "checkout-helper-2": (275, (("cart.read", "checkout-service"), ("stock.reserve", "inventory-service"))),
    "checkout-helper-3": (275, (("cart.read", "checkout-service"), ("address.check", "user-service"))),
    "refund-bot": (500, (("refund.review", "billing-service"), ("invoice.read", "billing-service"))),
    "catalog-sync": (240, (("product.read", "storefront"), ("product.update", "storefront"))),
    "inventory-planner": (380, (("stock.count", "inventory-service"), ("supplier.quote", "inventory-service"))),
    "support-triage": (310, (("ticket.read", "user-service"), ("ticket.label", "notification-service"))),
    "search-tuner": (300, (("index.measure", "search-service"), ("ranking.try", "search-service"))),
    "data-processor": (310, (("records.read", "user-service"), ("records.transform", "user-service"))),
}


class Routine:
    """One agent's ordinary day."""

    def __init__(self, agent: str, chance: random.Random) -> None:
        self._mean, self._does = _DAY[agent]
        self._chance = chance
        self._count = 0

    def times(self, end: int) -> Iterator[int]:
        """When it acts, ms after the start, up to `end`: the mean interval, shortened or stretched by a
        third."""
        at = self._chance.randrange(self._mean)
        while at < end:
            yield at
            at += self._chance.randrange(self._mean * 2 // 3, self._mean * 4 // 3)

    def action(self) -> Json:
        """The next ordinary action."""
        self._count += 1
        kind, resource = self._chance.choice(self._does)
        return {
            "type": kind,
            "resource": resource,
            "parameters": {"item": self._chance.randrange(100_000)},
            "result": "ok",
        }
