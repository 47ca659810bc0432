"""What reading a long history takes of memory: `python -m bench.history_memory [--actions 100000 400000] [--json]`.

One stream of actions goes through the real engines of dedup, ordering and signals, and everything that they read and
write into the archive's Parquet files, a bounded piece at a time. Then `replay --verify` of the three processors and
the balance of `reconcile` read it, each in a process of its own, whose highest resident memory is the figure. Between
two lengths, both longer than dedup's window, the slope says what ten million inputs take: what grows with the history,
beside what is there anyway.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from bench.figures import Json, rows, show
from bench.per_event import BATCH, START_MS, TENANT
from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Entry, Manifest, of_plain
from projections.archive.project import Columns, day_of, parquet
from schemas import codec, ids, topology
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.partitioning import partition_of
from schemas.record import Output, Record

ROOMS = ("dedup", "ordering", "signals")
GOAL_RECORDS = 10_000_000
GOAL_MB = 500
# Dedup's window is 300 s, here as many thousand ids; what is shorter is still filling it, and its slope says nothing of
# ten million.
STEADY_RECORDS = 300_000
KEYS = 1_000
FAILING = 50  # every so many-th action fails: 2 %
# Records of a file: what an archive's store holds at once, shared by the places that grow side by side.
FILE_RECORDS = 50_000


class Writing:
    """An archive in the making."""

    def __init__(self, folder: Path) -> None:
        self._map = topology.load()
        self._columns = Columns(self._map)
        self._folder, self._files = folder, Files(str(folder))
        self._open: dict[Place, list[Record]] = {}
        self._ends: dict[Place, int] = {}
        self._entries: list[Entry] = []

    def add(self, records: Sequence[Record]) -> None:
        """Append records of a place; their offsets are theirs."""
        for record in records:
            place = Place(record.topic, record.partition)
            held = self._open.setdefault(place, [])
            held.append(record)
            self._ends[place] = record.offset + 1
            if len(held) == FILE_RECORDS:
                self._flush(place)

    def outputs(self, outputs: Sequence[Output], time_ms: int) -> list[Record]:
        """Append what a processor wrote; gives the records."""
        out = []
        for each in outputs:
            assert each.partition is not None  # the engine names it
            place = Place(each.topic, each.partition)
            offset = self._ends.get(place, 0)
            record = Record(*place, offset, time_ms, each.key, each.value, each.headers)
            self.add([record])
            out.append(record)
        return out

    def _flush(self, place: Place) -> None:
        held = self._open.pop(place, [])
        if not held:
            return
        first, last = held[0], held[-1]
        name = f"{place.topic}-{place.partition}-{first.offset}.parquet"
        data = memoryview(parquet([self._columns.of(*place, held)]))
        self._files.write(name, data)
        day, digest = day_of(first.append_time), sha256(data).hexdigest()
        times = first.append_time, last.append_time
        self._entries.append(
            Entry(*place, first.offset, last.offset + 1, "file", day, name, len(held), data.nbytes, digest, *times)
        )

    def close(self) -> None:
        """The rest, and what the manifest says."""
        for place in sorted(self._open):
            self._flush(place)
        (self._folder / "manifest.json").write_text(json.dumps([asdict(entry) for entry in self._entries]))


def write(folder: Path, count: int) -> None:
    """So many actions, a millisecond apart, and what the three processors made of them."""
    wired = runnables(topology.load(), {name: DECIDERS[name] for name in DECIDERS})
    writing = Writing(folder)
    partitions = wired["dedup"].room.partitions
    engines = {name: [wired[name].engine(p) for p in range(partitions)] for name in ROOMS}
    for each in engines.values():
        for engine in each:
            engine.ready()
    offsets = [0] * partitions
    for begin in range(0, count, BATCH * partitions):
        found: list[list[Record]] = [[] for _ in range(partitions)]
        for number in range(begin, min(count, begin + BATCH * partitions)):
            record = _action(number, partitions, offsets, wired["dedup"].input)
            found[record.partition].append(record)
        for records in found:
            writing.add(records)
        for name in ROOMS:
            following: list[list[Record]] = [[] for _ in range(partitions)]
            for partition, records in enumerate(found):
                if records:
                    engine = engines[name][partition]
                    outputs = list(engine.advance_all(records, 1 << 30).outputs)
                    at = records[-1].append_time
                    for record in writing.outputs([*outputs, *engine.flush(records[-1].offset + 1)], at):
                        if record.topic in ("actions.unique", "actions.ordered"):
                            following[record.partition].append(record)
            found = following
    writing.close()


def _action(number: int, partitions: int, offsets: list[int], topic: str) -> Record:
    actor, at = f"agent-{number % KEYS}", START_MS + number
    error = ErrorInfo("PaymentError", f"pool exhausted (order {number})") if number % FAILING == 0 else None
    traits = ERROR if error else 0
    name = f"service-{number * 7 % KEYS}"
    event_id = ids.derive("bench", number)
    action = Action(
        event_id, bytes(16), TENANT, actor, "s1", number // KEYS + 1, at, at, traits, name, "work.do", error=error
    )
    key = ids.key_of(TENANT, actor).encode()
    partition = partition_of(key, partitions)
    offsets[partition] += 1
    return Record(topic, partition, offsets[partition] - 1, at, key, codec.encode(action))


def opened(folder: Path) -> ArchiveHistory:
    """The archive; places without a record are empty."""
    declared = topology.load()
    entries = [of_plain(value) for value in json.loads((folder / "manifest.json").read_text())]
    ends = {Place(t.name, p): 0 for t in declared.topics.values() for p in range(t.partitions)}
    ends |= {entry.place: entry.end for entry in sorted(entries, key=lambda e: e.start)}
    return ArchiveHistory(str(folder), Manifest(entries, ends), [])


def replayed(folder: Path, name: str) -> int:
    """Verify one processor; gives how many inputs it had."""
    found = verify(runnables(topology.load(), DECIDERS)[name].room, opened(folder), Window())
    assert found.first is None, found.first
    return found.records


def balanced(folder: Path) -> int:
    """The balance of all of it; rows are those of the archive, as for days that Postgres has let go."""
    from gateway.reconciling import actions, progress

    declared, history = topology.load(), opened(folder)

    def ids_of_rows(first: int) -> Iterator[bytes]:
        return actions.cold_ids(history, first, 1 << 62)

    made = actions.Actions(history, declared, ids_of_rows)
    found = made.account(made.window(None, None))
    assert (found.unaccounted, found.accepted) == (0, found.records), found
    said = progress.account(history, declared, None, None)
    assert not any(stream.unbalanced for stream in said.values())
    return found.records


def highest_mb() -> float:
    """The most that this process has had resident."""
    # Not getrusage: it begins with what the parent had when it forked.
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def child(what: str, folder: Path) -> None:
    """One reading; prints its figures."""
    before, begun = highest_mb(), time.process_time()
    count = balanced(folder) if what == "reconcile" else replayed(folder, what)
    took = time.process_time() - begun
    print(json.dumps({"records": count, "before_mb": before, "mb": highest_mb(), "cpu_s": took}))


def measured(what: str, folder: Path) -> Json:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.history_memory", "--child", what, "--folder", str(folder)]
    out: Json = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return out


def row(what: str, few: Json, many: Json) -> Json:
    """Two lengths, and what they say of GOAL_RECORDS where both are beyond what fills the window."""
    slope = (many["mb"] - few["mb"]) / (many["records"] - few["records"])
    goal = many["mb"] + slope * (GOAL_RECORDS - many["records"])
    return {
        "reading": what,
        "inputs": f"{few['records']:,} / {many['records']:,}",
        "highest_mb": f"{few['mb']:.0f} / {many['mb']:.0f}",
        "bytes_an_input": round(slope * 1_048_576, 1),
        "mb_at_10m": round(goal) if few["records"] >= STEADY_RECORDS else None,
        "inputs_per_cpu_s": round(many["records"] / many["cpu_s"]),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--actions", type=int, nargs=2, default=[100_000, 400_000], help="two lengths (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.folder)
        return
    found: list[dict[str, Json]] = []
    for count in given.actions:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), count)
            found.append({what: measured(what, Path(folder)) for what in (*ROOMS, "reconcile")})
    table = [row(what, found[0][what], found[1][what]) for what in found[0]]
    show({"goal_mb": GOAL_MB, "table": table}, rows(table), given.json)


if __name__ == "__main__":
    main()
