"""The archive wired to a real log, a real manifest and real files: what `python -m projections archive` runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from processors.host import points
from processors.host.places import Place
from processors.host.reader import LogReader
from projections.archive.files import Files
from projections.archive.ledger import NAME, PostgresLedger
from projections.archive.project import Columns
from projections.archive.store import ArchiveStore, Gathering, Step
from projections.archive.upkeep import Night, compact
from projections.metrics import Metrics, RunnerMetrics
from projections.runner import Runner
from projections.settings import Settings
from schemas.topology import Topology


def make_runner(
    places: Sequence[Place], given: Settings, declared: Topology, metrics: Metrics, at: Step = points.reached
) -> Runner:
    """The archive's runner; `at` is told each step of store.py. Raises Refused: setting_missing, setting_wrong."""
    store = ArchiveStore(
        PostgresLedger(given.postgres, at),
        Files(given.archive_place),
        Columns(declared),
        flushed=metrics.flushed,
        at=at,
    )
    metrics.behind(store.behind)
    files = Files(given.archive_place)
    Night(lambda: compact(given.postgres, files, time.time(), declared), lambda: float(store.archived)).start()
    return Runner(
        NAME,
        places,
        lambda: Gathering(LogReader(given.kafka, name=f"projection-{NAME}", following=True), store),
        store,
        RunnerMetrics(metrics, NAME),
        alarm=store.alarm,
        lost=store.lost,
    )
