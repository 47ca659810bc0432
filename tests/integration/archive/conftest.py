"""A migrated database per test, and the map under names of the test's own on the shared broker."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer

from processors.host.admin import Admin, TopicState
from processors.host.history import LogHistory
from processors.host.places import Place
from projections import migrate
from projections.archive import ledger
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Manifest
from projections.archive.verify import verify
from schemas import topology
from schemas.record import Record
from tests.support.fix_stack import KafkaServer
from tests.support.waiting import until

NUMBERS = itertools.count(1)
CHECKOUT = Path(topology.__file__).parent.parent
DEADLINE_S = 60.0


class Archived:
    """Topics, a database and a folder of one test."""

    def __init__(self, bootstrap: str, dsn: str, folder: Path) -> None:
        self.bootstrap, self.dsn, self.folder = bootstrap, dsn, folder / "archive"
        suffix = f".archive{next(NUMBERS)}"
        text = topology.default_path().read_text()
        for name in topology.load().topics:
            text = re.sub(rf"(?<!stream: )\b{re.escape(name)}\b", name + suffix, text)
        # The one name that is in the code; nobody writes to it here.
        text = text.replace(
            "topics:\n",
            "topics:\n  dead.letters: {stream: dead.letters, key: k, partitions: 2,"
            ' retention_ms: -1, max_bytes: 2097152, why: "x"}\n',
        )
        self.file = folder / "topology.yaml"
        self.file.write_text(text)
        self.map = topology.load(self.file)
        self.name = lambda topic: topic + suffix
        with closing(Admin(bootstrap)) as admin:
            there = admin.names()
            wanted = [t for t in self.map.topics.values() if t.name not in there]
            admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in wanted])
        settings = {"bootstrap.servers": bootstrap, "transactional.id": f"archive{next(NUMBERS)}", "linger.ms": 1}
        self._producer = Producer(settings)
        self._producer.init_transactions(60)
        self._children: list[subprocess.Popen[bytes]] = []

    def write(self, topic: str, values: list[bytes], *, abort: bool = False) -> None:
        """One transaction, over all partitions in turn."""
        self._producer.begin_transaction()
        for n, value in enumerate(values):
            partition = n % self.map.partitions(self.name(topic))
            self._producer.produce(
                self.name(topic), key=b"t/a", value=value, partition=partition, headers=[("n", b"%d" % n)]
            )
        self._producer.flush(60)
        if abort:
            self._producer.abort_transaction(60)
        else:
            self._producer.commit_transaction(60)

    def start(self, *arguments: str, module: str = "archive_process") -> subprocess.Popen[bytes]:
        """A process of the archive; see tests/support/archive_process.py (and removal_process.py)."""
        env = os.environ | {
            "MANDATE_KAFKA": self.bootstrap,
            "MANDATE_POSTGRES": self.dsn,
            "MANDATE_ARCHIVE": str(self.folder),
            "MANDATE_TOPOLOGY": str(self.file),
            "PYTHONPATH": str(CHECKOUT),
        }
        command = [sys.executable, "-m", f"tests.support.{module}", *(arguments or ("SIGTERM", "never", "1"))]
        child = subprocess.Popen(command, env=env, cwd=CHECKOUT)
        self._children.append(child)
        return child

    def manifest(self) -> Manifest:
        """As the database says now."""
        return ledger.load(self.dsn) or Manifest(())

    def records(self) -> dict[Place, list[Record]]:
        """Everything that is archived."""
        manifest = self.manifest()
        history = ArchiveHistory(Files(str(self.folder)), manifest)
        return {place: list(history.read(place, *history.bounds(place))) for place in manifest.places}

    def positions_reached(self) -> dict[Place, int]:
        """Wait until the archive stands at the end of every place as of now; gives those ends."""
        places = [Place(t.name, p) for t in self.map.topics.values() for p in range(t.partitions)]
        with closing(LogHistory(self.bootstrap)) as log:
            ends = {place: log.bounds(place)[1] for place in places}

        def there() -> bool:
            manifest = self.manifest()
            return all(manifest.position(place) >= end for place, end in ends.items())

        until(there, DEADLINE_S, "the archive to catch up")
        return ends

    def caught_up(self) -> None:
        """Wait until everything that is committed is archived, and check that it is the same and whole."""
        with closing(LogHistory(self.bootstrap)) as log:
            ends = self.positions_reached()
            found = self.records()
            for place, end in ends.items():
                # A log is read only where it has something: each new place costs a reader half a second.
                held = list(log.read(place, 0, end)) if end else []
                assert found[place] == held, place

    def whole(self) -> None:
        """No fault, and no file that nobody names."""
        assert verify(self.manifest(), Files(str(self.folder))).faults == ()
        names = {name for name in Files(str(self.folder)).names("log") if name.endswith(".parquet")}
        manifest = self.manifest()
        assert names == {e.file for p in manifest.places for e in manifest.entries(p) if e.kind == "file"}

    def end(self, child: subprocess.Popen[bytes]) -> None:
        """SIGTERM, and wait."""
        child.terminate()
        assert child.wait(60) == 0

    def close(self) -> None:
        """Nothing is left running."""
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait(60)


@pytest.fixture
def archived(kafka: KafkaServer, database: str, tmp_path: Path) -> Iterator[Archived]:
    """The archive's surroundings."""
    assert migrate.apply(database)
    with closing(Archived(kafka.bootstrap, database, tmp_path)) as made:
        yield made
