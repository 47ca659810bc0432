"""Read models in the town: the real runner, reading and folds over a store in memory that fails, and their checker.

The store stands for Postgres: positions and rows move together or not at all, compared first. What Postgres does with
statements is not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from processors.host.memory import MemoryReader
from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from processors.host.reader import Batch
from projections.errors import NotReady, PositionLost
from projections.metrics import Metrics, RunnerMetrics
from projections.reading import understand
from projections.runner import Runner
from schemas import ids
from schemas.record import Record
from tests.simulation.facts import Facts, difference
from tests.simulation.folds import FOLDS
from tests.simulation.town import MAP, Town

METRICS = {name: RunnerMetrics(Metrics(), name) for name in FOLDS}


class FoldStore:
    """Rows and positions of one read model. `faults`: of a hundred writes, how many end in the middle or just after."""

    def __init__(self, name: str, random: Random, faults: int = 0) -> None:
        self.rows: list[Any] = []
        self.latest: dict[Any, Any] = {}
        self.stored: dict[Place, int] = {}
        self._name = name
        self._random = random
        self._faults = faults
        self._streams = {topic: MAP.topics[topic].stream for topic in MAP.projections[name].reads}

    def open(self) -> None:
        """It is there."""

    def close(self) -> None:
        """Nothing is open."""

    def positions(self) -> Mapping[Place, int]:
        """The stored positions."""
        return dict(self.stored)

    def begin(self, lows: Mapping[Place, int]) -> None:
        """First positions; one that is there stays."""
        self.stored = {**lows, **self.stored}

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Compare, fold, and move all of it at once."""
        if any(self.stored.get(place) != at for place, at in before.items()):
            raise PositionLost("position_lost", "a store", "somebody else moved it", "It is read again.")
        said, rejected = understand(records, self._streams)
        changed, added = FOLDS[self._name](said, self.latest)
        self._dies()
        self.latest |= changed
        self.rows += added
        self.stored = {**self.stored, **after}
        self._dies()
        return len(rejected)

    def _dies(self) -> None:
        if self._random.randrange(100) < self._faults:
            raise NotReady("simulated", "a store", "the connection broke", "It is tried again.")


class Source(MemoryReader):
    """A reader that ends its runner at the end of the log, and lets another one run in the middle of a batch."""

    def __init__(self, log: MemoryLog, random: Random, model: Model, zombie: bool) -> None:
        super().__init__(log)
        self._random = random
        self._model = model
        self._zombie = zombie
        self.runner: Runner | None = None

    def read(self, limit: int, seconds: float) -> Batch:
        """Few or many records."""
        batch = super().read(self._random.choice((1, 4, 500)), seconds)
        if not batch.records and not batch.positions and self.runner is not None:
            self.runner.stop()
        elif self._zombie and self._random.randrange(4) == 0:
            # While this process was stopped with the batch in its hands, another one did the work.
            self._zombie = False
            self._model.run(zombie=False)
        return batch


class Model:
    """One read model in the town."""

    def __init__(self, town: Town, name: str, random: Random, faults: int) -> None:
        self.name = name
        self.store = FoldStore(name, random, faults)
        self.dead: list[str] = []
        self._log = town.log
        self._random = random
        self._places = [Place(t, p) for t in MAP.projections[name].reads for p in range(town.log.partitions(t))]

    def run(self, zombie: bool = True) -> None:
        """A process of this read model, from its stored positions to the end of the log."""
        source = Source(self._log, self._random, self, zombie)
        runner = Runner(self.name, self._places, lambda: source, self.store, METRICS[self.name], pause=lambda _: None)
        source.runner = runner
        runner.run()
        if runner.dead is not None:
            self.dead.append(runner.dead)


def check(facts: Facts, models: Sequence[Model]) -> None:
    """I4: what was folded bit by bit, with crashes and zombies, is what one reading of the whole log gives."""
    for model in models:
        facts.broken += [f"I8 the read model {model.name} died: {why}" for why in model.dead]
        fresh = Model(facts.town, model.name, Random(0), 0)
        fresh.run(zombie=False)
        facts.expect(f"I4 latest rows of {model.name}", fresh.store.latest, model.store.latest)
        differs = difference(sorted(map(repr, fresh.store.rows)), sorted(map(repr, model.store.rows)))
        if differs:
            facts.broken.append(f"I4 rows of {model.name}: {differs}")
        for place, at in model.store.stored.items():
            left = facts.log.read(place, at, facts.log.ends(place).stable)[0]
            facts.expect(f"I7 records that {model.name} has not read on {place}", 0, len(left))
        if model.name == "incidents":
            _families(facts, fresh)
        if model.name == "timeline":
            told = sorted(row[1:4] for row in model.store.rows if row[1] == "actions.ordered")
            acted = sorted((r.topic, r.partition, r.offset) for r, _ in facts.actions("actions.ordered"))
            facts.expect("I1/I2 actions in the timeline", acted, told)
            owners = {row[0] for row in model.store.rows} - {*facts.owners.values()}
            facts.expect("I6 tenants in the timeline", set(), owners)


def _families(facts: Facts, model: Model) -> None:
    """I1/I2: an incident's row counts what belongs to it, an alias names who it is now, an entry is where it went."""
    for tenant, found in facts.families.items():
        totals = found.whole()
        for incident_id in found.of:
            row = model.store.latest["incident", tenant, incident_id]
            into = found.into.get(incident_id)
            facts.expect(f"I4 {ids.text(incident_id)} is now", into, row.merged_into)
            if into is None:
                facts.expect(f"I4 failures of {ids.text(incident_id)}", totals[incident_id], row.failures)
        where = {action: incident_id for incident_id, mine in found.of.items() for action in mine}
        for key, incident_id in model.store.latest.items():
            if key[0] == "moved" and key[1] == tenant:
                facts.expect(
                    f"I4 {ids.text(key[2])} stands with", found.living(where[key[2]]), found.living(incident_id)
                )
