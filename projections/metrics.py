"""Every metric of a projection process, once: kind, meaning, and what to do when it looks wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from processors.host.places import Place
from schemas.record import Record

# A single row takes 0.4 ms, 20,000 rows 130 ms; the statement time-out is 30 s.
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0)


class Metrics:
    """The collectors of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        # Records projected. Flat while lag grows: Postgres is away or slow; see the log of the process.
        self.records = Counter("projection_records", "Records projected", ["projection"], registry=r)
        # Records that could not be read, kept in projection_rejects. Not zero: somebody writes to our topics.
        self.rejects = Counter("projection_rejects", "Records that could not be read", ["projection"], registry=r)
        # Committed records not yet projected. Growing: read models are late, pages and timers are not.
        self.lag = Gauge(
            "projection_lag_records", "Committed records not yet projected", ["projection", "place"], registry=r
        )
        # Begin to commit. Above 0.2 s: Postgres's disk or CPU.
        self.transaction = Histogram(
            "projection_transaction_seconds", "Begin to commit", ["projection"], buckets=SECONDS, registry=r
        )
        # Lost compare-and-sets. Steady: two processes run the same projection.
        self.lost = Counter("projection_positions_lost", "Lost compare-and-sets", ["projection"], registry=r)
        # Sessions that ended by an error. Grows while Postgres or Kafka is away.
        self.failed = Counter("projection_sessions_failed", "Sessions ended by an error", ["projection"], registry=r)
        # 1 while the runner works (trying again included), 0 when it is dead: see /healthz for why.
        self.up = Gauge("projection_up", "1 while the runner works", ["projection"], registry=r)
        # Age of the oldest record that is in no file yet; 60 s are normal. Above 300: alarm, see /healthz; at 600
        # changelogs may be compacted before they are archived.
        self.archive_behind = Gauge("archive_behind_seconds", "Age of the oldest unarchived record", registry=r)
        # Files of the archive, and their bytes. Flat while records come: its place or Postgres is away.
        self.archive_files = Counter("archive_files", "Files published", registry=r)
        self.archive_bytes = Counter("archive_bytes", "Bytes of the files published", registry=r)
        # From the first file to the copy of the manifest. Above 5 s: the archive's disk or network.
        self.archive_flush = Histogram("archive_flush_seconds", "One flush", buckets=SECONDS, registry=r)

    def behind(self, seconds: Callable[[], float]) -> None:
        """How late the archive is, asked when the metrics are."""
        self.archive_behind.set_function(seconds)

    def flushed(self, files: int, size: int, seconds: float) -> None:
        """The archive published this many files."""
        self.archive_files.inc(files)
        self.archive_bytes.inc(size)
        self.archive_flush.observe(seconds)


class RunnerMetrics:
    """The metrics of one projection; what its runner calls."""

    def __init__(self, metrics: Metrics, projection: str) -> None:
        self._m = metrics
        self._name = projection
        for counter in (metrics.records, metrics.rejects, metrics.lost, metrics.failed):
            counter.labels(projection)

    def written(self, records: Sequence[Record], rejected: int, seconds: float) -> None:
        """One transaction was committed."""
        self._m.records.labels(self._name).inc(len(records))
        if rejected:
            self._m.rejects.labels(self._name).inc(rejected)
        self._m.transaction.labels(self._name).observe(seconds)

    def lag(self, behind: Mapping[Place, int]) -> None:
        """How far behind each place is."""
        for place, count in behind.items():
            self._m.lag.labels(self._name, f"{place.topic}/{place.partition}").set(count)

    def position_lost(self) -> None:
        """A compare-and-set found another position."""
        self._m.lost.labels(self._name).inc()

    def session_failed(self) -> None:
        """A session ended by an error."""
        self._m.failed.labels(self._name).inc()
