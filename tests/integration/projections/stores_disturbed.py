"""The real stores under the simulation's read models: they die before, in and after a write, and zombies come between.

Called by stores_played.py, in a process of its own in which a mutant may be in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import psycopg
import redis

from processors.host.memory import MemoryReader
from processors.host.places import Place
from processors.host.reader import Batch
from projections import checksum, positions, redis_checksum, runner
from projections.catalog import PROJECTIONS, REDIS
from projections.errors import NotReady
from projections.metrics import Metrics, RunnerMetrics
from projections.reading import Rejected, Said
from projections.redis_script import LINES_MAX
from projections.redis_store import RedisStore, marks_of
from projections.store import PostgresStore
from projections.writing import Connection
from schemas.record import Record
from tests.simulation.run import log_of
from tests.simulation.town import MAP, Town

# Of a hundred writes so many die at each of their steps; of a hundred batches so many meet another process.
FAULTS = 12
ZOMBIES = 60
# How many words an operation of the script has; and a key of another kind than a hash, at which the script fails.
WORDS = {"set": 4, "del": 3, "keep": 5, "line": 5, "drop": 2, "place": 3}
TRAP = "tests:trap"
TABLES, CACHES = ("timeline", "incidents"), ("overview", "dedup")
# Positions that went back: what had been shown was unread again.
went_back: list[str] = []


def died(at: str) -> NotReady:
    """What a store says whose connection broke."""
    return NotReady("simulated", f"a store, {at}", "the connection broke", "It is tried again.")


def forward(name: str, stood: Mapping[Place, int], after: Mapping[Place, int]) -> None:
    """Notes a position that a write took back."""
    went_back.extend(f"{name} at {p} from {stood[p]} to {at}" for p, at in after.items() if at < stood.get(p, at))


class DyingPostgres(PostgresStore):
    """Dies before a transaction's end, or after it."""

    def __init__(self, dsn: str, name: str, random: Random, faults: int) -> None:
        streams = {topic: MAP.topics[topic].stream for topic in MAP.projections[name].reads}
        super().__init__(dsn, PROJECTIONS[name], streams)
        self._random, self._faults = random, faults

    def rows(self, connection: Connection, said: Sequence[Said], rejected: Sequence[Rejected]) -> None:
        """As the real one, or not to the end."""
        super().rows(connection, said, rejected)
        if self._random.randrange(100) < self._faults:
            raise died("before its commit")

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """As the real one, but the answer may get lost."""
        stood = self._in_transaction(lambda connection: positions.load(connection, self._name))
        done = super().write(records, before, after)
        forward(self._name, stood, after)
        if self._random.randrange(100) < self._faults:
            raise died("after its commit")
        return done


class DyingRedis(RedisStore):
    """Its script fails after some of its operations, or its answer gets lost."""

    def __init__(self, url: str, name: str, random: Random, faults: int) -> None:
        super().__init__(url, REDIS[name])
        self._random, self._faults = random, faults

    def open(self) -> None:
        """A client whose scripts may fail half-way."""
        super().open()
        self._client = _Trapping(self._client, self._random, self._faults)

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """As the real one, but the answer may get lost."""
        stood = {place: mark.next_offset for place, mark in marks_of(self._client.hgetall(self._key)).items()}
        done = super().write(records, before, after)
        forward(self._projection.name, stood, after)
        if self._random.randrange(100) < self._faults:
            raise died("after its script")
        return done


class _Trapping:
    def __init__(self, client: Any, random: Random, faults: int) -> None:
        self._client, self._random, self._faults = client, random, faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def eval(self, script: str, count: int, *words: Any) -> Any:
        """The script with one operation that fails, somewhere among the others, now and then."""
        if self._random.randrange(100) >= self._faults or words[count + 2] == 0:
            return self._client.eval(script, count, *words)
        # Keys, prefix, mark, number of places, three words a place, LINES_MAX; then operations.
        at = count + 3 + 3 * words[count + 2] + 1
        assert words[at - 1] == LINES_MAX, words[at - 1]
        bounds = [at]
        while bounds[-1] < len(words):
            bounds.append(bounds[-1] + WORDS[words[bounds[-1]]])
        cut = self._random.choice(bounds)
        return self._client.eval(script, count, *words[:cut], "set", TRAP, "x", "y", *words[cut:])


class Haunted(MemoryReader):
    """Few records at a time, and while the runner has them in its hands, now and then another one writes some.

    `batches`: after so many it ends its runner; None: at the end of the log.
    """

    def __init__(self, model: Read, batches: int | None) -> None:
        super().__init__(model.town.log)
        self._model, self._batches, self._random = model, batches, model.draw
        self.runner: runner.Runner | None = None

    def read(self, limit: int, seconds: float) -> Batch:
        """A few records."""
        batch = super().read(self._random.choice((1, 2, 5)), seconds)
        assert self.runner is not None
        if self._batches is not None:
            self._batches -= 1
        if self._batches == 0 or not (batch.records or batch.positions):
            self.runner.stop()
        elif self._batches is None and self._model.share and self._random.randrange(100) < ZOMBIES:
            self._model.play(self._random.randint(2, 4))
        return batch


class Read:
    """A read model of the town in a real store; each process of it has a connection of its own."""

    def __init__(self, town: Town, name: str, random: Random, faults: int, where: str) -> None:
        self.town, self.name, self.draw, self.share = town, name, random, faults
        self.dead: list[str] = []
        self._where = where

    def play(self, batches: int | None = None) -> None:
        """A process of it."""
        kind = DyingRedis if self.name in REDIS else DyingPostgres
        source, store = Haunted(self, batches), kind(self._where, self.name, self.draw, self.share)
        metrics = RunnerMetrics(Metrics(), self.name)
        places = [Place(t, p) for t in MAP.projections[self.name].reads for p in range(self.town.log.partitions(t))]
        running = source.runner = runner.Runner(self.name, places, lambda: source, store, metrics, pause=lambda _: None)
        running.run()
        if running.dead is not None:
            self.dead.append(running.dead)


def differences(seed: int, names: Sequence[str], databases: tuple[str, str], redis_url: str) -> list[str]:
    """What the disturbed stores have that the quiet ones have not, in words; empty when all is well."""
    town = log_of(seed)
    # Every run ends with the positions of what it read last, markers too.
    runner.MARKERS_SECONDS = 0.0
    broken: list[str] = []
    for name in names:
        places = tuple(f"{redis_url}/{number}" for number in (1, 2)) if name in REDIS else databases
        found = []
        for where, faults in zip(places, (FAULTS, 0), strict=True):
            emptied(name, where)
            model = Read(town, name, Random(f"{seed}/{name}"), faults, where)
            model.play()
            broken += [f"seed {seed}: {name} died: {why}" for why in model.dead]
            found.append(summed(name, where))
        if found[0] != found[1]:
            broken.append(f"seed {seed}: {name}: {found[0]} instead of {found[1]}")
    return broken + [f"seed {seed}: {told}" for told in went_back]


def emptied(name: str, where: str) -> None:
    """Nothing is there of this read model."""
    if name in REDIS:
        with redis.Redis.from_url(where) as client:
            client.flushdb()
            client.sadd(TRAP, "x")
        return
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute("truncate " + ", ".join(PROJECTIONS[name].tables))
        connection.execute("delete from projection_offsets where projection = %s", (name,))


def summed(name: str, where: str) -> tuple[str, ...]:
    """What is there, and how far it has come."""
    if name in REDIS:
        with redis.Redis.from_url(where) as client:
            client.delete(TRAP)
        return tuple(map(str, redis_checksum.checksum(where, REDIS[name])))
    with psycopg.connect(where) as connection:
        rows = tuple(f"{table.name} {table.rows} {table.total}" for table in checksum.tables(connection, name))
        return (*rows, str(sorted(positions.load(connection, name).items())))
