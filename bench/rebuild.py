"""Rows/s of a rebuild of the timeline: `python -m bench.rebuild [--records 200000] [--json]`.

A Postgres of its own. Twice the same rows into tables of one shape, 20,000 a transaction, each with its positions: once
by the real rebuild (records of a history in memory: heads read, rows made, packed and copied), once by a bare COPY of
the rows as they were packed before the clock ran. The second is what Postgres takes; compare the ratio.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.figures import Json, rows, show
from gateway.local import postgres as local_postgres
from gateway.local.children import Running
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from processors.host.history import check_bounds
from processors.host.places import Place
from projections import migrate, positions, versions
from projections.catalog import PROJECTIONS
from projections.filling import BATCH_RECORDS, HANDS, Filling, Hand
from projections.reading import understand
from projections.store import PostgresStore
from projections.tables import packed
from projections.timeline import partitions
from projections.timeline.project import TIMELINE, day_of, project
from schemas import codec, ids
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.record import Record

TOPIC = "actions.ordered"
PARTITIONS = 4
START_MS = 1_700_000_000_000
# One in fifty fails, as on a normal day; those are decoded whole.
FAILING = 50
STREAMS = {TOPIC: "actions", "ordering.events": "ordering.events"}


class Kept:
    """A history in memory."""

    def __init__(self, records: dict[Place, list[Record]]) -> None:
        self._records = records

    def partitions(self, topic: str) -> int:
        """How many there are of a topic."""
        return sum(place.topic == topic for place in self._records)

    def bounds(self, place: Place) -> tuple[int, int]:
        """From 0 to the number of records."""
        return 0, len(self._records[place])

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """A stretch."""
        if start < end:
            check_bounds(place, start, end, self.bounds(place))
        yield from self._records[place][start:end]


def actions(count: int) -> dict[Place, list[Record]]:
    """Actions of 1,000 actors on 200 resources, a millisecond apart."""
    out: dict[Place, list[Record]] = {Place(TOPIC, number): [] for number in range(PARTITIONS)}
    for i in range(count):
        kept = out[Place(TOPIC, i % PARTITIONS)]
        error = ErrorInfo("PaymentError", f"pool exhausted (order {i}, waited 5003 ms)") if i % FAILING == 0 else None
        actor, resource, at = f"agent-{i % 1000}", f"service-{i % 200}", START_MS + i
        head = (ids.derive("bench", i), bytes(16), "bench", actor, f"session-{i % 1000}", i // 1000, at, at)
        value = codec.encode(Action(*head, ERROR if error else 0, resource, "work.do", error=error))
        key = ids.key_of("bench", resource).encode()
        kept.append(Record(TOPIC, i % PARTITIONS, len(kept), at, key, value))
    return out


def rebuilt(dsn: str, records: dict[Place, list[Record]]) -> float:
    """Seconds of filling a version beside, as `mandate rebuild` does it."""
    projection = PROJECTIONS["timeline"]
    with psycopg.connect(dsn) as connection, connection.transaction():
        version = versions.begin(connection, projection)
    stores = [PostgresStore(dsn, projection, STREAMS, version.number) for _ in range(HANDS)]
    for store in stores:
        store.open()
    more = [Hand(store, Kept(records)) for store in stores[1:]]
    filling = Filling("timeline", stores[0], Kept(records), lambda _: None, more)
    filling.begin(list(records))
    begun = time.monotonic()
    filling.to_end(list(records))
    seconds = time.monotonic() - begun
    for store in stores:
        store.close()
    with psycopg.connect(dsn) as connection, connection.transaction():
        versions.drop(connection, version)
    return seconds


def bare(dsn: str, records: dict[Place, list[Record]]) -> float:
    """Seconds of a COPY of packed rows into an empty table of that shape, with positions moved in each transaction."""
    batches = []
    for place, kept in records.items():
        for at in range(0, len(kept), BATCH_RECORDS):
            said, _ = understand(kept[at : at + BATCH_RECORDS], STREAMS)
            batches.append((place, at, len(said), b"".join(packed(TIMELINE, project(said).timeline))))
    columns = ", ".join(f'"{name}"' for name in TIMELINE.names)
    days = {day_of(kept[i].append_time) for kept in records.values() for i in (0, -1)}
    with psycopg.connect(dsn, options="-c synchronous_commit=off") as connection:
        partitions.ensure(connection, days)
        positions.begin(connection, "timeline", dict.fromkeys(records, 0))
        connection.commit()
        begun = time.monotonic()
        for place, at, count, chunk in batches:
            with connection.transaction():
                positions.move(connection, "timeline", {place: at}, {place: at + count}, {})
                with connection.cursor().copy(f"copy timeline ({columns}) from stdin (format binary)") as copy:
                    copy.write(chunk)
        seconds = time.monotonic() - begun
        connection.execute("truncate timeline")
        connection.execute("delete from projection_offsets")
    return seconds


def measure(count: int, times: int) -> Json:
    """Both by turns, each `times` times; the best of each, because others use this machine too."""
    records = actions(count)
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name:
        port = free_port()
        spec = local_postgres.spec(find_home(), Path(name) / "data", port, "only-for-bench", durable=False)
        running = Running(spec, Path(name) / "postgres.log")
        running.start()
        try:
            dsn = local_postgres.dsn(port, "only-for-bench", "postgres")
            migrate.apply(dsn)
            found = [(bare(dsn, records), rebuilt(dsn, records)) for _ in range(times)]
        finally:
            running.kill()
    copied, built = (min(each[i] for each in found) for i in (0, 1))
    return {
        "records": count,
        "rebuild_rows_per_s": round(count / built),
        "bare_copy_rows_per_s": round(count / copied),
        "ratio": round(copied / built, 2),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.records, given.times)
    show(found, rows([found]), given.json)


if __name__ == "__main__":
    main()
