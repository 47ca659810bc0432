"""A recorded log as a file: gzip of JSON lines, the first of them its head, then one line a record.

{"versions": {"dedup": 2, ...}, "topics": {"actions.raw": 4, ...}, "ends": [["actions.raw", 0, 17], ...]}
[topic, partition, offset, append time, key, value, [[header, value], ...]]     bytes in base64, null for none
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from processors.host.places import Place
from schemas.record import Record
from tests.support.histories import ListHistory

FOLDER = Path(__file__).parent
SUFFIX = ".jsonl.gz"


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: the decision versions that made it, and what was recorded."""

    versions: Mapping[str, int]
    history: ListHistory


def files() -> list[Path]:
    """Every recorded log, by name."""
    return sorted(FOLDER.glob(f"*{SUFFIX}"))


def name_of(versions: Mapping[str, int]) -> str:
    """The file's name for these versions: `dedup2-incidents1-…`."""
    return "-".join(f"{room}{versions[room]}" for room in sorted(versions)) + SUFFIX


def write(path: Path, recording: Recording) -> int:
    """Write a file, the same bytes for the same log; gives its size in bytes."""
    history = recording.history
    ends = [[place.topic, place.partition, end] for place, end in sorted(history.ends.items())]
    head = {"versions": dict(sorted(recording.versions.items())), "topics": dict(history.topics), "ends": ends}
    lines = [json.dumps(head)]
    for place in sorted(history.records):
        lines += [json.dumps(_plain(r), separators=(",", ":")) for r in history.records[place]]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    return path.stat().st_size


def read(path: Path) -> Recording:
    """Read a file."""
    lines = iter(gzip.decompress(path.read_bytes()).decode().splitlines())
    head = json.loads(next(lines))
    records: dict[Place, list[Record]] = {}
    for record in _records(lines):
        records.setdefault(Place(record.topic, record.partition), []).append(record)
    ends = {Place(topic, partition): end for topic, partition, end in head["ends"]}
    return Recording(head["versions"], ListHistory(head["topics"], records, ends))


def _records(lines: Iterator[str]) -> Iterator[Record]:
    for line in lines:
        topic, partition, offset, time, key, value, headers = json.loads(line)
        pairs = tuple((name, b64decode(content)) for name, content in headers)
        yield Record(topic, partition, offset, time, _bytes(key), _bytes(value), pairs)


def _plain(r: Record) -> list[object]:
    headers = [[name, _text(content)] for name, content in r.headers]
    return [r.topic, r.partition, r.offset, r.append_time, _text(r.key), _text(r.value), headers]


def _text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
