"""Records a second into and out of the archive: `python -m bench.archive [--records N] [--json]`.

The real store (gathering, columns with heads, files, hashes, a manifest in memory instead of Postgres) over actions of
1,000 keys in batches as the runner reads them. The unit is a bare pyarrow write of the same records' six plain columns
with the same compression in the same run. CPU time of the process, all its threads; absolute times of a shared machine
say little. Reading back is ArchiveHistory, the unit there a bare read of the same files' columns.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.figures import Json, rows, show
from bench.per_event import actions
from processors.host.places import Place
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Manifest
from projections.archive.project import ROW_GROUP_RECORDS, ZSTD_LEVEL, Columns
from projections.archive.store import ArchiveStore
from projections.runner import BATCH_RECORDS
from schemas import topology
from schemas.record import Record
from tests.support.archived import MemoryLedger, SharedManifest

KEYS = 1_000
FAILING = 50  # 2 % notable, as on normal traffic


def bare(records: Sequence[Record], folder: Path) -> None:
    """Six plain columns in one file: what pyarrow costs without anything of ours."""
    table = pa.table(
        {
            "partition": pa.array([r.partition for r in records], pa.int32()),
            "offset": pa.array([r.offset for r in records], pa.int64()),
            "append_time": pa.array([r.append_time for r in records], pa.int64()),
            "key": pa.array([r.key for r in records], pa.binary()),
            "value": pa.array([r.value for r in records], pa.binary()),
            "topic": pa.array([r.topic for r in records], pa.string()),
        }
    )
    pq.write_table(
        table,
        folder / "bare.parquet",
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=["topic", "key"],
        row_group_size=ROW_GROUP_RECORDS,
    )


def timed(do: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(count: int) -> Json:
    """One run: write barely, write really, read barely, read really."""
    declared = topology.load()
    rooms = runnables(declared, DECIDERS)
    records = actions(rooms, KEYS, count, FAILING)
    place = Place(records[0].topic, records[0].partition)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = timed(lambda: bare(records, folder))
        shared = SharedManifest()
        files = Files(str(folder / "archive"))
        store = ArchiveStore(MemoryLedger(shared), files, Columns(declared))
        store.open()
        store.begin({place: 0})
        store.positions()
        written = timed(lambda: _write(store, place, records))
        read_plain = timed(lambda: _read_barely(folder / "bare.parquet"))
        history = ArchiveHistory(files, Manifest(shared.entries, shared.positions))
        found: list[int] = []
        read = timed(lambda: found.append(sum(1 for _ in history.read(place, 0, count))))
        size = sum(entry.bytes for entry in shared.entries)
    assert found == [count], "what was written is what is read"
    return {
        "records": count,
        "write": _figures(count, written, plain),
        "read": _figures(count, read, read_plain),
        "bytes_per_record": round(size / count, 1),
        "value_bytes": round(sum(len(r.value or b"") for r in records) / count, 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000, 1),
    }


def _write(store: ArchiveStore, place: Place, records: Sequence[Record]) -> None:
    for at in range(0, len(records), BATCH_RECORDS):
        batch = records[at : at + BATCH_RECORDS]
        store.write(batch, {place: at}, {place: at + len(batch)})
    store.flush()


def _read_barely(path: Path) -> None:
    source = pq.ParquetFile(path)
    for number in range(source.num_row_groups):
        source.read_row_group(number).to_pylist()


def _figures(count: int, ours: tuple[float, float], bare_: tuple[float, float]) -> Json:
    return {
        "per_second_cpu": round(count / ours[0]),
        "per_second_wall": round(count / ours[1]),
        "bare_per_second_cpu": round(count / bare_[0]),
        "ratio": round(ours[0] / bare_[0], 2),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive")
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.records)
    table = [{"what": what, **found[what]} for what in ("write", "read")]
    rest = {name: found[name] for name in ("records", "bytes_per_record", "value_bytes", "rss_mb")}
    show(found, rows(table) + "\n" + ", ".join(f"{k} {v}" for k, v in rest.items()), given.json)


if __name__ == "__main__":
    main()
