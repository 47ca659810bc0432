"""Sets of ids that do not fit into memory: written to files by their first bits, compared file by file.

64 files for each set; of 10 million ids a file holds 156,000, some 20 MB as a set in memory, whatever the window.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ID_BYTES = 16
BUCKETS = 64
# id, number of the partition, offset
_ENTRY = struct.Struct(">16sIq")
# One write to a file: 64 files of a set hold 4 MB of buffers at most.
BUFFER_BYTES = 65_536

Entry = tuple[bytes, int, int]


class Spill:
    """One set of (id, partition, offset) in files below `folder`. Add, then `close`, then read buckets."""

    def __init__(self, folder: Path, name: str) -> None:
        self._paths = [folder / f"{name}.{number:02d}" for number in range(BUCKETS)]
        self._files: list[IO[bytes]] = [path.open("wb", BUFFER_BYTES) for path in self._paths]
        self.entries = 0

    def add(self, identity: bytes, partition: int = 0, offset: int = 0) -> None:
        """One more; the same one again changes nothing in a comparison."""
        self._files[identity[0] % BUCKETS].write(_ENTRY.pack(identity, partition, offset))
        self.entries += 1

    def close(self) -> None:
        """Nothing more is added."""
        for file in self._files:
            file.close()

    def bucket(self, number: int) -> Iterator[Entry]:
        """The entries of one of the BUCKETS, in the order they were added."""
        with self._paths[number].open("rb") as file:
            while chunk := file.read(_ENTRY.size * 2_048):
                yield from _ENTRY.iter_unpack(chunk)

    def ids(self, number: int) -> set[bytes]:
        """The ids of one bucket."""
        return {entry[0] for entry in self.bucket(number)}
