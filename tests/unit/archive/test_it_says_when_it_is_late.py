"""The alarm: what waits for too long is said in /healthz and in a metric, and a run that reads nothing too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processors.host.places import Place
from projections.archive.project import Columns
from projections.archive.store import ALARM_SECONDS, FLUSH_SECONDS, ArchiveStore, Gathering
from projections.errors import NotReady
from projections.metrics import Metrics, RunnerMetrics
from projections.operating import Operating
from projections.runner import Runner
from schemas.record import Output
from tests.support.archived import MAP, MemoryLedger, World
from tests.unit.projections.memory import MemoryLog, MemorySource, MemoryStore

PLACE = Place("actions.raw", 0)


class Late:
    """A store whose clocks are the test's."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, {"actions.raw": 1})
        self.now = 0.0
        ledger = MemoryLedger(self.world.shared)
        self.store = ArchiveStore(
            ledger,
            self.world.files,
            Columns(MAP),
            clock=lambda: self.now,
            wall=lambda: self.world.clock.wall_ms() / 1000 + self.now,
        )
        self.reader = self.world.reader(self.store)
        self.source = Gathering(self.reader, self.store)

    def read(self) -> None:
        batch = self.source.read(100, 0.0)
        if batch.positions:
            self.store.write(batch.records, batch.before, batch.positions)


@pytest.fixture
def late(tmp_path: Path) -> Late:
    return Late(tmp_path)


def test_what_is_gathered_is_flushed_after_a_minute(late: Late) -> None:
    late.world.log.append(Output("actions.raw", 0, b"t/a", b"x"))
    late.read()
    late.now = FLUSH_SECONDS - 1
    late.read()
    assert late.world.shared.entries == []
    assert late.store.behind() == pytest.approx(FLUSH_SECONDS - 1)
    assert late.store.alarm() is None
    late.now = FLUSH_SECONDS
    late.read()
    assert [entry.records for entry in late.world.shared.entries] == [1]
    assert late.store.behind() == 0.0


def test_a_record_that_waits_too_long_is_an_alarm(late: Late, monkeypatch: pytest.MonkeyPatch) -> None:
    late.world.log.append(Output("actions.raw", 0, b"t/a", b"x"))
    late.world.clock.advance(int(ALARM_SECONDS * 1000) + 5_000)  # it lay there before it was read
    late.read()
    alarm = late.store.alarm()
    assert alarm is not None
    assert "305 s behind" in alarm

    def full(name: str, data: memoryview) -> None:
        raise NotReady("archive_unreachable", "a test", "no space is left", "make some")

    monkeypatch.setattr(late.world.files, "write", full)
    late.now = FLUSH_SECONDS
    with pytest.raises(NotReady):
        late.read()
    assert late.world.shared.entries == []


def test_a_run_that_reads_nothing_any_more_is_an_alarm(late: Late) -> None:
    late.read()
    late.now = ALARM_SECONDS + 1
    assert late.store.alarm() is not None, "nobody has called it since: its sessions fail"
    late.read()
    assert late.store.alarm() is None


def test_healthz_shows_the_alarm_and_stays_green(late: Late) -> None:
    metrics = Metrics()
    metrics.behind(late.store.behind)
    log = MemoryLog()
    runner = Runner(
        "archive",
        (),
        lambda: MemorySource(log),
        MemoryStore(),
        RunnerMetrics(metrics, "archive"),
        alarm=late.store.alarm,
    )
    operating = Operating("127.0.0.1", 0, [runner], metrics)
    try:
        runner.start()
        late.now = ALARM_SECONDS + 1
        status, _, body = operating.answer("/healthz")
        assert status == 200, "a restart would not help"
        assert "301 s behind" in json.loads(body)["projections"]["archive"]["alarm"]
        assert b"archive_behind_seconds 301.0" in operating.answer("/metrics")[2]
    finally:
        runner.stop()
        assert runner.join(5)
        operating._server.server_close()
