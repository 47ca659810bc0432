"""Moves one projection along the log: read, write with compare-and-set, again. One thread a projection.

    session: open the store → positions → check against the log → assign → read and write until told to stop
    an error of store or log: close both, back off (bounded), begin a new session from the stored positions
    lost compare-and-set: read the positions again, seek, rebuild the batch
    a stored position below the log's start: Refused `rebuild_from_archive`; the runner dies and health says so (the
    archive waits instead, with an alarm, until a person accepts the loss)

A crash is the normal way to stop: everything that matters is in the store.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import psycopg

from processors.host import points
from processors.host.errors import HostError
from processors.host.places import Ends, Place
from processors.host.reader import Batch
from projections.errors import NotReady, PositionLost, ProjectionError, Refused
from projections.metrics import RunnerMetrics
from projections.store import Store

LOG = logging.getLogger("mandate.projections")

# 40 ms a transaction at 5,000 rows of 250 bytes; bytes in memory are bounded by the reader's fetch queue (4 MB).
BATCH_RECORDS = 5_000
READ_SECONDS = 0.5
# Pace: 20 ms or the length of the last transaction, so that a busy store gets larger batches, not more transactions.
# A batch of PACED_BELOW records is large: who is behind goes on at once (half of its time was spent waiting).
PACE_SECONDS_MIN = 0.02
PACE_SECONDS_MAX = 0.5
PACED_BELOW = 2_000
# Positions that only passed transaction markers need not be stored at once: once a second keeps `as_of` true.
MARKERS_SECONDS = 1.0
LAG_SECONDS = 5.0
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 5.0
# A broker that was just restarted shows its old end for some seconds; longer means another log.
ABOVE_END_SECONDS_MAX = 60.0
# Sessions in a row that ended by an unexpected error (a bug) before a single batch: then the runner stays dead.
UNEXPECTED_MAX = 5

# Errors of the world around us: tried again without limit, with back-off. What Postgres says about our rows or
# statements (a broken constraint, say) is not among them: it would come again for ever, and health must turn red.
EXPECTED = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
    HostError,
    NotReady,
)


class LogSource(Protocol):
    """What the runner needs of a reader of the log: `processors.host.reader.LogReader`, or one in memory."""

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read these places from these positions from now on."""

    def read(self, limit: int, seconds: float) -> Batch:
        """Up to `limit` committed records, and the positions after them."""

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """Where the log begins and ends."""

    def lag(self) -> Mapping[Place, int]:
        """Records not yet read, by place."""

    def close(self) -> None:
        """Leave."""


class Runner:
    """One projection. `start` its thread, `stop` to drain; `dead` says why it will not go on."""

    def __init__(
        self,
        name: str,
        places: Sequence[Place],
        source: Callable[[], LogSource],
        store: Store,
        metrics: RunnerMetrics,
        *,
        pause: Callable[[float], object] | None = None,
        alarm: Callable[[], str | None] = lambda: None,
        lost: Callable[[Place, int, int], ProjectionError] | None = None,
    ) -> None:
        self.name = name
        # What a stored position below the log's start means: (place, position, where the log begins).
        self._lost = lost or self._rebuild_from_archive
        # What a person should look at although it lives (None: nothing); /healthz shows it.
        self.alarm = alarm
        self.dead: str | None = None
        self.error: BaseException | None = None
        self._places = tuple(places)
        self._make_source = source
        self._store = store
        self._metrics = metrics
        self._stopping = threading.Event()
        # How it waits (back-off, pace): until told to stop, or as long; tests wait in no time.
        self._pause = pause or self._stopping.wait
        self._thread: threading.Thread | None = None
        self._source: LogSource | None = None
        self._stored: dict[Place, int] = {}
        self._reached: dict[Place, int] = {}
        self._progress = False
        self._above_since: float | None = None
        self._markers_at = 0.0
        self._lag_at = 0.0

    def start(self) -> None:
        """Run in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=f"projection-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the batch in hand."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread; False when it still runs."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """True while the thread does its work, trying again included."""
        return self.dead is None and self._thread is not None and self._thread.is_alive()

    def run(self) -> None:
        """Sessions until stopped or dead. Never raises; `dead` and `error` say what ended it."""
        backoff, unexpected = BACKOFF_SECONDS_MIN, 0
        while not self._stopping.is_set():
            self._progress = False
            try:
                self._session()
                continue
            except Refused as error:
                return self._die(error, f"{error.code}: {error.why}")
            except EXPECTED as error:
                unexpected = 0
                LOG.warning("projection %s: %s; trying again in %.1f s", self.name, error, backoff)
            except Exception as error:  # a bug must not look like an outage: counted, and given up after some
                unexpected = 1 if self._progress else unexpected + 1
                LOG.exception("projection %s: unexpected error %d of %d", self.name, unexpected, UNEXPECTED_MAX)
                if unexpected >= UNEXPECTED_MAX:
                    return self._die(error, f"{type(error).__name__}: {error}")
            finally:
                self._close()
            self._metrics.session_failed()
            backoff = BACKOFF_SECONDS_MIN if self._progress else min(backoff * 2, BACKOFF_SECONDS_MAX)
            self._pause(backoff)

    def _die(self, error: BaseException, why: str) -> None:
        LOG.error("projection %s stays down: %s", self.name, error)
        self.error, self.dead = error, why

    def _session(self) -> None:
        self._store.open()
        source = self._source = self._make_source()
        self._take_positions(source)
        while not self._stopping.is_set():
            batch = source.read(BATCH_RECORDS, READ_SECONDS)
            self._reached.update(batch.positions)
            # Compared with what is stored, not with where the reader was: marker-only moves may not be stored yet.
            due = time.monotonic() >= self._markers_at
            if batch.records or (due and self._reached != self._stored):
                self._write(source, batch)
            if time.monotonic() >= self._lag_at:
                self._lag_at = time.monotonic() + LAG_SECONDS
                self._metrics.lag(source.lag())
                self._look_back(source)

    def _look_back(self, source: LogSource) -> None:
        """A store that was emptied or set back is noticed without a write too, and filled again from the log."""
        found = self._store.positions()
        if any(found.get(place) != at for place, at in self._stored.items()):
            LOG.warning("projection %s: its positions were changed by somebody else; read again from there", self.name)
            self._metrics.position_lost()
            self._take_positions(source)

    def _take_positions(self, source: LogSource) -> None:
        ends = source.ends(self._places)
        stored = self._store.positions()
        missing = {place: ends[place].low for place in self._places if place not in stored}
        if missing:
            self._store.begin(missing)
            stored = self._store.positions()
        for place in self._places:
            self._check(place, stored[place], ends[place])
        self._above_since = None
        self._stored = {place: stored[place] for place in self._places}
        self._reached = dict(self._stored)
        source.assign(dict(self._stored))

    def _check(self, place: Place, position: int, ends: Ends) -> None:
        what = f"projection {self.name} at {place.topic}[{place.partition}]"
        if position < ends.low:
            raise self._lost(place, position, ends.low)
        if position > ends.high:
            now = time.monotonic()
            self._above_since = self._above_since or now
            if now - self._above_since > ABOVE_END_SECONDS_MAX:
                raise Refused(
                    "position_above_log",
                    what,
                    f"it stands at {position}, the log ends at {ends.high}",
                    "The database belongs to another log: point it at that one, or begin with an empty database.",
                )
            raise NotReady(
                "log_recovering", what, f"the log ends at {ends.high}, below {position}", "It is tried again."
            )

    def _rebuild_from_archive(self, place: Place, position: int, low: int) -> ProjectionError:
        return Refused(
            "rebuild_from_archive",
            f"projection {self.name} at {place.topic}[{place.partition}]",
            f"it stands at {position}, the log keeps only from {low}",
            "Records between the two are in no row: rebuild from archive.",
        )

    def _write(self, source: LogSource, batch: Batch) -> None:
        began = time.monotonic()
        after = {place: at for place, at in self._reached.items() if at != self._stored[place]}
        before = {place: self._stored[place] for place in after}
        points.reached("projection.read")
        try:
            rejected = self._store.write(batch.records, before, after)
        except PositionLost as lost:
            LOG.warning("projection %s: %s", self.name, lost)
            self._metrics.position_lost()
            self._take_positions(source)
            return
        points.reached("projection.committed")
        self._stored.update(after)
        self._progress = True
        ended = time.monotonic()
        self._markers_at = ended + MARKERS_SECONDS
        self._metrics.written(batch.records, rejected, ended - began)
        if 0 < len(batch.records) < PACED_BELOW:
            self._pause(min(max(PACE_SECONDS_MIN, ended - began), PACE_SECONDS_MAX))

    def _close(self) -> None:
        self._store.close()
        if self._source is not None:
            self._source.close()
            self._source = None
