"""The archive on a log and a manifest in memory, its files in a folder of the test; a run may be stopped anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from processors.host.clock import ManualClock
from processors.host.memory import MemoryReader
from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Entry, Manifest
from projections.archive.project import Columns
from projections.archive.removal import Request
from projections.archive.store import ArchiveStore
from projections.errors import NotReady, PositionLost
from schemas import topology
from schemas.record import Record

MAP = topology.load()
STEPS = tuple(f"archive.{s}" for s in ("gathered", "written", "moved", "listed", "published", "mirrored"))


class Stopped(Exception):
    """The process died here."""


class SharedManifest:
    """What Postgres holds: shared by all runs."""

    def __init__(self) -> None:
        self.run = 0
        self.positions: dict[Place, int] = {}
        self.entries: list[Entry] = []
        self.unmirrored: set[tuple[Place, int]] = set()


class MemoryLedger:
    """A Ledger of one run over a SharedManifest; all or nothing, as a transaction."""

    def __init__(self, shared: SharedManifest, at: Callable[[str], None] = lambda _: None) -> None:
        self._shared = shared
        self._at = at
        self._run = 0

    def open(self) -> None:
        """Begin a run."""
        self._shared.run += 1
        self._run = self._shared.run

    def _hold(self) -> None:
        if self._shared.run != self._run:
            raise NotReady("archive_overtaken", "a test", "another run has begun", "wait")

    def positions(self) -> Mapping[Place, int]:
        """Stored positions."""
        return dict(self._shared.positions)

    def begin(self, lows: Mapping[Place, int]) -> None:
        """First positions."""
        self._hold()
        self._shared.positions = {**lows, **self._shared.positions}

    def publish(self, before: Mapping[Place, int], after: Mapping[Place, int], entries: Sequence[Entry]) -> None:
        """Compare, move, add; all or nothing."""
        self._hold()
        if any(self._shared.positions[place] != at for place, at in before.items()):
            raise PositionLost("position_lost", "a test", "moved", "read again")
        self._at("archive.moved")
        self._at("archive.listed")
        self._shared.positions.update(after)
        self._shared.entries += entries
        self._shared.unmirrored |= {(entry.place, entry.day) for entry in entries}

    def not_mirrored(self) -> Sequence[tuple[Place, int]]:
        """Copies that are not."""
        return sorted(self._shared.unmirrored)

    @contextmanager
    def copying(self, place: Place, day: int) -> Iterator[Sequence[Entry]]:
        """Entries of a day."""
        found = [e for e in self._shared.entries if e.place == place and e.day == day]
        yield sorted(found, key=lambda e: e.start)
        self._shared.unmirrored -= {(place, day)}

    def empty(self) -> bool:
        """No entry."""
        return not self._shared.entries

    def manifest(self) -> Manifest:
        """All of it."""
        return Manifest(self._shared.entries, self._shared.positions)

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Take over the copies."""
        self._shared.entries = list(entries)
        self._shared.positions = {e.place: e.end for e in sorted(entries, key=lambda e: e.start)}

    @contextmanager
    def sweeping(self) -> Iterator[frozenset[str] | None]:
        """What must stay."""
        self._hold()
        yield frozenset(e.file for e in self._shared.entries if e.file is not None)

    def close(self) -> None:
        """Nothing is open."""


class MemoryMerging:
    """Merging and removing over the manifest in memory."""

    def __init__(self, shared: SharedManifest) -> None:
        self._shared = shared
        self._ledger = MemoryLedger(shared)
        self.superseded: list[str] = []
        self.refuse = False
        self.finished: list[Request] = []

    def manifest(self) -> Manifest:
        """All of it."""
        return self._ledger.manifest()

    def replace(self, before: Sequence[Entry], after: Entry, over: Sequence[Entry] = ()) -> bool:
        """One row for these, and what lies over it."""
        if self.refuse:
            return False
        assert set(before) <= set(self._shared.entries)
        self._shared.entries = [e for e in self._shared.entries if e not in before] + [after, *over]
        self._shared.unmirrored |= {(after.place, after.day)}
        self.superseded += [e.file for e in before if e.file is not None]
        return True

    def copying(self, place: Place, day: int) -> AbstractContextManager[Sequence[Entry]]:
        """The entries of a day."""
        return self._ledger.copying(place, day)

    def expired(self) -> Sequence[str]:
        """All that is superseded."""
        return list(self.superseded)

    def forget(self, files: Sequence[str]) -> None:
        """They are deleted."""
        self.superseded = [name for name in self.superseded if name not in files]

    def not_mirrored(self) -> Sequence[tuple[Place, int]]:
        """Copies that are not."""
        return self._ledger.not_mirrored()

    def files_before(self, request: Request) -> Sequence[Entry]:
        """Every file of days before."""
        return [e for e in self._shared.entries if e.kind == "file" and e.day < request.before]

    def done(self, request: Request) -> None:
        """It is done."""
        self.finished.append(request)


class World:
    """A log, a manifest and a folder. `store` begins a run; `archive` brings a run to the end of the log."""

    def __init__(self, folder: Path, topics: Mapping[str, int]) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(self.clock, topics)
        self.folder = folder
        self.files = Files(str(folder))
        self.shared = SharedManifest()

    @property
    def places(self) -> list[Place]:
        """Every place of the log."""
        return [Place(t, p) for t in self.log._topics for p in range(self.log.partitions(t))]

    def store(self, at: Callable[[str], None] = lambda _: None, flush_records: int = 1_000) -> ArchiveStore:
        """A new run, not yet begun."""
        ledger = MemoryLedger(self.shared, at)
        return ArchiveStore(ledger, self.files, Columns(MAP), at=at, flush_records=flush_records, wall=lambda: 0.0)

    def reader(self, store: ArchiveStore) -> MemoryReader:
        """A reader where this run stands; begins the run."""
        store.open()
        reader = MemoryReader(self.log)
        missing = {p: self.log.ends(p).low for p in self.places if p not in store.positions()}
        if missing:
            store.begin(missing)
        reader.assign(dict(store.positions()))
        return reader

    def archive(self, store: ArchiveStore, most: int = 7) -> None:
        """Read to the end in batches of at most `most`, flushing as the store does, and once at the end."""
        reader = self.reader(store)
        while (batch := reader.read(most, 0.0)).positions:
            store.write(batch.records, batch.before, batch.positions)
        store.close()

    def committed(self, place: Place) -> list[Record]:
        """What the log holds."""
        low, stable, _ = self.log.ends(place)
        return self.log.read(place, low, 1_000_000)[0] if stable > low else []

    def history(self) -> ArchiveHistory:
        """What the archive holds now."""
        return ArchiveHistory(self.files, Manifest(self.shared.entries, self.shared.positions))

    def archived(self, place: Place) -> list[Record]:
        """Everything of one place."""
        history = self.history()
        return list(history.read(place, *history.bounds(place)))
