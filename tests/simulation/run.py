"""One seed from its plan to what the checkers say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from tests.simulation import check_actions, check_facts, check_groups, check_host, check_pages, readmodels
from tests.simulation.facts import Facts
from tests.simulation.faults import Faults
from tests.simulation.folds import FOLDS
from tests.simulation.hands import PlayedHands
from tests.simulation.outside import Outside
from tests.simulation.plan import Plan, Size, draw
from tests.simulation.town import Town

# Every wait of people and policies ends within an hour; what is forgotten after a day is not waited for.
SETTLE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a seed. `broken` is empty when every invariant held."""

    seed: int
    size: str
    hash: str
    broken: tuple[str, ...]
    faults: tuple[str, ...]
    records: int


def run(seed: int, size: str = "small") -> Outcome:
    """Play one seed. What a member raises is caught by the town; what the world itself raises is a broken invariant."""
    threads = threading.active_count()
    plan = draw(Random(f"{seed}/plan"), Size.of(size))
    with _silence():
        town = Town(Random(f"{seed}/town"), plan.orphans_ms, plan.stepping)
        outside = Outside(town, plan, Random(f"{seed}/outside"))
        hands = PlayedHands(outside, Random(f"{seed}/hands"))
        faults = Faults(town, Random(f"{seed}/faults"), outside.act)
        models = [readmodels.Model(town, n, Random(f"{seed}/{n}"), plan.store_faults) for n in FOLDS]
        try:
            _play(town, plan, outside, hands, faults, models)
        finally:
            hands.close()
        facts = Facts(town, outside.receipts, hands.pages)
        check_actions.check(facts)
        check_facts.check(facts)
        check_groups.check(facts)
        check_pages.check(facts)
        readmodels.check(facts, models)
        check_host.check(facts, threads)
        records = sum(len(facts.records(topic)) for topic in town.map.topics)
        return Outcome(seed, size, facts.hash(), tuple(facts.broken), tuple(faults.played), records)


def log_of(seed: int, size: str = "small") -> Town:
    """The town of a seed when everything has settled, for who reads its log into stores of his own."""
    plan = draw(Random(f"{seed}/plan"), Size.of(size))
    with _silence():
        town = Town(Random(f"{seed}/town"), plan.orphans_ms, plan.stepping)
        outside = Outside(town, plan, Random(f"{seed}/outside"))
        hands = PlayedHands(outside, Random(f"{seed}/hands"))
        try:
            _play(town, plan, outside, hands, Faults(town, Random(f"{seed}/faults"), outside.act), [])
        finally:
            hands.close()
    return town


def _play(
    town: Town, plan: Plan, outside: Outside, hands: PlayedHands, faults: Faults, models: list[readmodels.Model]
) -> None:
    for room in town.rooms:
        for ordinal in range(plan.slots):
            town.start(room, ordinal)
    town.others.append(hands.work)
    town.ticker.faults = plan.tick_faults
    end = outside.begin()
    faults.begin(plan.faults, end + 20_000)
    for model in models:
        for part in (3, 2, 1):
            town.on(town.now + (end - town.now) // part, model.run)
    town.pass_to(end + 20_000)
    faults.calm()
    hands.calm()
    town.pass_to(town.now + SETTLE_MS)
    for model in models:
        model.run()


@contextmanager
def _silence() -> Iterator[None]:
    """A town of faults has much to log; the checkers tell what matters."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
