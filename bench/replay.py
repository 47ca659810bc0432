"""What a replay costs: `python -m bench.replay [--json]`.

One stream of actions goes through the real engines of dedup, ordering, signals, and what those write through incidents
and notifications; that is the record. Then each processor's `verify` runs over it as `mandate replay --verify` does,
from memory and (for the first three) from the archive's Parquet files. The unit is a bare loop that decodes the same
inputs in the same run.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.figures import Json, rows, show
from bench.per_event import START_MS, actions
from processors.host.history import History
from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Entry, Manifest
from projections.archive.project import Columns, day_of, parquet
from schemas import topology
from schemas.codec import Words
from schemas.messages.tables import STREAMS
from schemas.record import Output, Record
from schemas.topology import Topology

BATCH = 500  # records of one transaction
ACTIONS = ("dedup", "ordering", "signals")
COMMANDS = ("incidents", "notifications")


@dataclass
class Kept:
    """A history in memory, written as the processors would have written it."""

    map: Topology
    records: dict[Place, list[Record]] = field(default_factory=dict)

    def partitions(self, topic: str) -> int:
        """As the map says."""
        return self.map.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        """All of it."""
        return 0, len(self.records.get(place, ()))

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """Records are at their offsets."""
        return iter(self.records.get(place, [])[start:end])

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        """All at once, as it is held."""
        yield self.records.get(place, [])[start:end]

    def write(self, outputs: Sequence[Output], time_ms: int) -> None:
        """Append them."""
        for o in outputs:
            assert o.partition is not None  # the engine names it
            held = self.records.setdefault(Place(o.topic, o.partition), [])
            held.append(Record(o.topic, o.partition, len(held), time_ms, o.key, o.value, o.headers))


def record(room: Runnable, kept: Kept) -> None:
    """Run one processor over its recorded input, a transaction each BATCH records."""
    for partition in range(kept.partitions(room.input)):
        engine = room.engine(partition)
        engine.ready()
        given = list(kept.records.get(Place(room.input, partition), ()))
        for at in range(0, len(given), BATCH):
            batch = given[at : at + BATCH]
            outputs = engine.advance_all(batch, 1 << 30).outputs
            kept.write([*outputs, *engine.flush(batch[-1].offset + 1)], batch[-1].append_time)


def archived(kept: Kept, topics: Sequence[str], where: str) -> ArchiveHistory:
    """The same topics as the archive's files, one each."""
    columns, files, entries = Columns(kept.map), Files(where), []
    for place in sorted(kept.records):
        held = kept.records[place]
        if place.topic in topics and held:
            name = f"{place.topic}-{place.partition}.parquet"
            data = memoryview(parquet([columns.of(*place, held)]))
            files.write(name, data)
            entries.append(
                Entry(
                    *place, 0, len(held), "file", day_of(START_MS), name, len(held), data.nbytes, "", START_MS, START_MS
                )
            )
    return ArchiveHistory(files, Manifest(entries))


class Both:
    """The archive, with the bounds of what was kept (a place without records has no file)."""

    def __init__(self, kept: Kept, archive: ArchiveHistory) -> None:
        self._kept, self._archive = kept, archive

    def partitions(self, topic: str) -> int:
        """As the map says."""
        return self._kept.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        """All of it."""
        return self._kept.bounds(place)

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        """From the files."""
        return self._archive.read(place, start, end)

    def lists(self, place: Place, start: int, end: int) -> Iterator[Sequence[Record]]:
        """From the files, by row groups."""
        return self._archive.lists(place, start, end)


def bare(kept: Kept, room: Runnable) -> tuple[int, int]:
    """Decode every input: how many, and CPU nanoseconds."""
    words = Words(STREAMS[kept.map.topics[room.input].stream])
    given = [r for p in range(kept.partitions(room.input)) for r in kept.records.get(Place(room.input, p), ())]
    begun = time.process_time_ns()
    for r in given:
        words.decode(r.value)
    return len(given), time.process_time_ns() - begun


def timed(room: Runnable, history: History, rounds: int) -> tuple[int, int]:
    """Records fed and CPU nanoseconds of a whole verification; the quickest of some."""
    best = 0
    for _ in range(rounds):
        gc.collect()
        begun = time.process_time_ns()
        found = verify(room.room, history, Window())
        took = time.process_time_ns() - begun
        assert found.first is None, found.first
        assert found.events == found.equal
        best = took if best == 0 else min(best, took)
    return found.records, best


def row(name: str, source: str, records: int, took: int, unit: tuple[int, int]) -> Json:
    """One line of the table."""
    plain = unit[1] / max(1, unit[0])
    each = took / max(1, records)
    return {
        "processor": name,
        "from": source,
        "inputs": records,
        "bare_us": round(plain / 1000, 2),
        "replay_us": round(each / 1000, 2),
        "ratio": round(each / plain, 2) if plain else None,
        "inputs_per_s": round(1e9 / each) if each else 0,
    }


def measure(keys: int, events: int, failing: int, rounds: int) -> list[Json]:
    """A row per processor and source, and one for the three action processors together."""
    kept = Kept(topology.load())
    rooms: Mapping[str, Runnable] = runnables(kept.map, DECIDERS)
    kept.records[Place("actions.raw", 0)] = actions(dict(rooms), keys, events, failing)
    table = []
    for name in (*ACTIONS, *COMMANDS):
        record(rooms[name], kept)
    with tempfile.TemporaryDirectory() as folder:
        for source in ("memory", "parquet"):
            sums = [0, 0, 0, 0]
            for name in ACTIONS:
                room = rooms[name]
                topics = (room.input, room.changelog, *room.outputs)
                history: History = kept if source == "memory" else Both(kept, archived(kept, topics, folder))
                unit, (fed, took) = bare(kept, room), timed(room, history, rounds)
                table.append(row(name, source, fed, took, unit))
                sums = [a + b for a, b in zip(sums, (*unit, fed, took), strict=True)]
            table.append(row("all three", source, sums[2], sums[3], (sums[0], sums[1])))
    for name in COMMANDS:
        unit, (fed, took) = bare(kept, rooms[name]), timed(rooms[name], kept, rounds)
        table.append(row(name, "memory", fed, took, unit))
    return table


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000, help="actors, and resources (default 1000)")
    parser.add_argument("--events", type=int, default=100_000, help="actions (default 100000)")
    parser.add_argument("--failing", type=int, default=50, help="every Nth action failed (default 50: 2 %%)")
    parser.add_argument("--rounds", type=int, default=2, help="passes; the quickest counts (default 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    table = measure(given.keys, given.events, given.failing, given.rounds)
    show({"keys": given.keys, "failing": given.failing, "replay": table}, rows(table), given.json)


if __name__ == "__main__":
    main()
