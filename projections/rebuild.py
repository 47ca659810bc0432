"""Rebuilds a read model of Postgres beside the one that serves, compares the two at one vector of positions, and swaps.

    begin    a version beside (or the one that a killed run left), its positions where the history begins
    fill     up to where the serving one stands, again and again until little is left
    hold     the serving one's positions are locked, so its process waits: some ten milliseconds
             the last stretch is filled; a snapshot now shows both at the same positions; the lock is let go
    compare  in that snapshot, per table and tenant, while the serving one goes on
    swap     hold again, fill to the log's end, wait for answers that were begun before, move tables and positions

Every step is one transaction: killed anywhere, what serves is as it was, and the next run goes on or begins anew.
Called by `mandate rebuild`. The lock of a read model belongs to the connection: it goes with the process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from processors.host.history import History
from processors.host.places import Place
from projections import checksum, migrate, positions, versions
from projections.catalog import PROJECTIONS
from projections.errors import NotReady, Refused
from projections.filling import Filling, Hand, Said, removed_tenants
from projections.postgres import CONNECT_SECONDS, base
from projections.store import PostgresStore
from projections.versions import Version

Connection = psycopg.Connection[Any]

# First half of the advisory lock of a rebuild; arbitrary, never changed. The second half is the name's hash.
LOCK = 722_134_015
# A writer's transaction takes 40 ms, an answer at most 5 s a statement; its writer waits at most 15 s for us.
HOLD_TIMEOUT_MS = 5_000
READERS_SECONDS = 8.0
READERS_STEP_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Difference:
    """A tenant's rows of a table that are not the same in both. `serving` and `rebuilt` are numbers of rows."""

    table: str
    tenant: str
    serving: int
    rebuilt: int


# What serves stands below what is kept: there is no vector at which both could be looked at.
NOT_COMPARED = Difference("(not compared)", "(all)", 0, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild did. `rows`: records read into the new version by this run; `version`: what serves now.

    `removed`: differences of tenants whose records were taken out of the archive on purpose. They hinder no swap.
    """

    projection: str
    rows: int
    differences: tuple[Difference, ...]
    swapped: bool
    version: int
    seconds: float
    removed: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the two were the same at one vector of positions."""
        return not self.differences


class Rebuild:
    """One read model, one run. `places` are all it reads; `streams` what is in which topic."""

    def __init__(
        self,
        dsn: str,
        name: str,
        places: Sequence[Place],
        streams: Mapping[str, str],
        history: History,
        said: Said,
        more: Sequence[History] = (),
    ) -> None:
        """`more`: further histories, each for a thread of its own that helps with filling."""
        self._more = tuple(more)
        self._dsn = dsn
        self._projection = PROJECTIONS[name]
        self._places = list(places)
        self._streams = streams
        self._history = history
        self._said = said

    def run(self, *, swap: bool = True, accept: bool = False) -> Outcome:
        """Build, compare and (unless told not to, or the two differ and nobody `accept`s it) swap.

        Raises Refused, NotReady, MandateError of the history, psycopg.Error. What differs and was not accepted stays
        beside, for a run that accepts it.
        """
        began = time.monotonic()
        with self._locked() as connection:
            version = self._begin(connection)
            with self._filling(version) as filling:
                found = self._compare(connection, version, filling, accept)
                differences, removed = told_apart(found, self._history, self._places)
                swapped = swap and (accept or not differences)
                if swapped:
                    self._swap(connection, version, filling)
                elif not swap:
                    with connection.transaction():
                        versions.drop(connection, version)
            serves = positions.version(connection, self._projection.name)
            filling.say("done")
        seconds = time.monotonic() - began
        return Outcome(self._projection.name, filling.rows, differences, swapped, serves, seconds, removed)

    def rollback(self) -> Outcome:
        """Bring what served before the last swap up to the log, and let it serve again.

        Raises Refused `rollback_nothing`, `rollback_shape`, and `history_begins_later` where the log has lost what it
        needs.
        """
        began = time.monotonic()
        with self._locked() as connection:
            version = self._previous(connection)
            with self._filling(version) as filling:
                differences = self._compare(connection, version, filling)
                self._swap(connection, version, filling)
            filling.say("done")
        return Outcome(self._projection.name, filling.rows, differences, True, version.number, time.monotonic() - began)

    # --- which version

    def _begin(self, connection: Connection) -> Version:
        """The version to fill: what a killed run left, when its tables are of this program's shape, or a new one."""
        with connection.transaction():
            left = versions.find(connection, self._projection.name, "building")
            if left is not None:
                if self._usable(connection, left):
                    return left
                versions.drop(connection, left)
            previous = versions.find(connection, self._projection.name, "previous")
            if previous is not None:
                versions.drop(connection, previous)
            return versions.begin(connection, self._projection)

    def _usable(self, connection: Connection, left: Version) -> bool:
        whole = set(self._projection.tables) <= set(versions.tables(connection, self._projection, left))
        stored = positions.load(connection, left.name)
        serving = positions.load(connection, self._projection.name)
        kept = all(at >= self._history.bounds(place)[0] for place, at in stored.items())
        # Killed just before a swap it may be beyond what serves; the two can then not be compared any more.
        comparable = all(at <= serving.get(place, 0) for place, at in stored.items())
        return whole and kept and comparable and left.shape == len(migrate.steps())

    def _previous(self, connection: Connection) -> Version:
        name = self._projection.name
        with connection.transaction():
            found = versions.find(connection, name, "previous")
            if found is None:
                raise Refused(
                    "rollback_nothing",
                    f"read model {name}",
                    "nothing is kept from before: it was never swapped, or a later rebuild has begun",
                    f"Rebuild it: mandate rebuild {name}",
                )
            if found.shape != len(migrate.steps()):
                raise Refused(
                    "rollback_shape",
                    f"version {found.number} of {name}",
                    "migrations have run since; this program cannot write its tables",
                    f"Rebuild it: mandate rebuild {name}",
                )
            left = versions.find(connection, name, "building")
            if left is not None:
                versions.drop(connection, left)
            versions.require_whole(found, self._projection.tables, versions.tables(connection, self._projection, found))
        return found

    @contextmanager
    def _filling(self, version: Version) -> Iterator[Filling]:
        with ExitStack() as stack:
            stores = []
            for _ in (self._history, *self._more):
                store = PostgresStore(self._dsn, self._projection, self._streams, version.number)
                stack.callback(store.close)
                store.open()
                stores.append(store)
            more = [Hand(*pair) for pair in zip(stores[1:], self._more, strict=True)]
            filling = Filling(self._projection.name, stores[0], self._history, self._said, more)
            filling.begin(self._places)
            filling.say("begun")
            yield filling

    # --- at one vector

    def _compare(
        self, connection: Connection, version: Version, filling: Filling, accept: bool = False
    ) -> tuple[Difference, ...]:
        """The differences of the two at one vector of positions. The serving one waits only for the last stretch."""
        if not filling.comparable(self._serving(connection), accept):
            return (NOT_COMPARED,)
        filling.near(lambda: self._serving(connection))
        with psycopg.connect(self._dsn, connect_timeout=CONNECT_SECONDS, application_name="mandate-rebuild") as other:
            with self._hold(connection) as goal:
                filling.to(goal, "holding")
                with other.transaction():
                    versions.retire(other, self._projection, version)
                other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                # The first statement takes the snapshot: both at `goal`, whatever comes later.
                both = [positions.load(other, name) for name in (self._projection.name, version.name)]
            if not both[0] == both[1] == goal:
                raise NotReady(
                    "vector_missed",
                    f"read model {self._projection.name}",
                    "the two are not at the same positions",
                    "Somebody else moved them; run it again.",
                )
            filling.say("filled")
            home = base(other)
            found = [d for table in self._projection.tables for d in _differences(other, table, home, version.name)]
        filling.say("compared")
        return tuple(found)

    def _serving(self, connection: Connection) -> dict[Place, int]:
        with connection.transaction():
            found = positions.load(connection, self._projection.name)
        return self._wanted(found)

    def _wanted(self, found: Mapping[Place, int]) -> dict[Place, int]:
        missing = [place for place in self._places if place not in found]
        if missing:
            raise Refused(
                "rebuild_nothing",
                f"read model {self._projection.name} at {missing[0].topic}[{missing[0].partition}]",
                "it has no position: nothing was projected yet",
                "Start its process once: it fills the read model from the log by itself.",
            )
        return {place: found[place] for place in self._places}

    @contextmanager
    def _hold(self, connection: Connection) -> Iterator[dict[Place, int]]:
        """Inside, what serves does not move: its positions are locked and given. Raises psycopg.Error when busy."""
        with connection.transaction():
            connection.execute(f"set local lock_timeout = {HOLD_TIMEOUT_MS}")
            connection.execute(
                "select 1 from projection_offsets where projection = %s order by topic, partition for update",
                (self._projection.name,),
            )
            yield self._wanted(positions.load(connection, self._projection.name))

    def _swap(self, connection: Connection, version: Version, filling: Filling) -> None:
        """Fill to the log's end and put it in the place of what serves. Nobody sees a state between."""
        filling.near(lambda: self._serving(connection))
        # Beyond the serving one's positions too: it may stand still because the log has lost what it needs.
        filling.to_end(self._places)
        with self._hold(connection) as goal:
            filling.to(goal, "holding")
            _wait_for_readers(connection)
            versions.swap(connection, self._projection, version)
            filling.say("swapping")
        filling.say("swapped")

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        name = self._projection.name
        with psycopg.connect(
            self._dsn, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="mandate-rebuild"
        ) as connection:
            connection.execute("set client_min_messages = warning")
            with connection.transaction():
                migrate.require(connection)
            taken = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (LOCK, name)).fetchone()
            if taken is None or not taken[0]:
                raise Refused(
                    "rebuild_running",
                    f"read model {name}",
                    f"another rebuild of it is running {_who(connection, name)}",
                    "Wait for it, or end that process: its next run goes on where it stopped.",
                )
            yield connection


def told_apart(
    found: Sequence[Difference], history: History, places: Sequence[Place]
) -> tuple[tuple[Difference, ...], tuple[Difference, ...]]:
    """Differences that nobody has asked for, and those of tenants whose records were taken out of the history."""
    gone = removed_tenants(history, places)
    return tuple(d for d in found if d.tenant not in gone), tuple(d for d in found if d.tenant in gone)


def _differences(connection: Connection, table: str, home: str, beside: str) -> list[Difference]:
    """Rows and sums by tenant, over the columns that both have (a new shape may have more)."""
    left, right = (checksum.columns(connection, f"{schema}.{table}") for schema in (home, beside))
    common = [name for name in left if name in right]
    of = [checksum.by_tenant(connection, table, s, common) if c else {} for s, c in ((home, left), (beside, right))]
    if not left:
        return [Difference(table, "(the table is missing)", 0, sum(rows for rows, _ in of[1].values()))]
    return [
        Difference(table, tenant, of[0].get(tenant, (0, 0))[0], of[1].get(tenant, (0, 0))[0])
        for tenant in sorted({*of[0], *of[1]})
        if of[0].get(tenant) != of[1].get(tenant)
    ]


def _wait_for_readers(connection: Connection) -> None:
    """Answers that were begun before the last row was written see tables by their new names and rows as of before."""
    deadline = time.monotonic() + READERS_SECONDS
    now = connection.execute("select clock_timestamp()").fetchone()
    assert now is not None  # one row by construction
    while True:
        connection.execute("select pg_stat_clear_snapshot()")  # else it is one picture for the whole transaction
        found = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'mandate-reader'"
            " and datname = current_database() and backend_xmin is not null and xact_start < %s",
            now,
        ).fetchone()
        assert found is not None  # an aggregate has one row
        if not found[0]:
            return
        if time.monotonic() > deadline:
            raise NotReady(
                "readers_busy",
                "the swap",
                f"{found[0]} readers have kept a transaction open for {READERS_SECONDS:.0f} s",
                "Run it again: it goes on from here. Look for a gateway that is stopped.",
            )
        time.sleep(READERS_STEP_SECONDS)


def _who(connection: Connection, name: str) -> str:
    found = connection.execute(
        "select a.pid, a.client_addr, a.backend_start from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.classid = %s and l.objid::bigint ="
        " (hashtext(%s)::bigint & 4294967295) and l.granted",
        (LOCK, name),
    ).fetchone()
    return "" if found is None else f"since {found[2]:%H:%M:%S} (backend {found[0]}, from {found[1]})"
