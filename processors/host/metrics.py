"""Every metric of a processor process, once: kind, meaning, and what to do when it looks wrong.

Labels are bounded: rooms by topology.yaml, reasons by the words that rooms return, partitions by birth.
Counted per transaction, not per record (an increment costs as much as reading a record's head).
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From the fastest transaction measured (12 ms) to the deadline of a commit that waits for a broker (25 s).
SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
# 100k parts restore in 0.24 s; the budget for a killed room is 2.5 s.
RESTORE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """The collectors of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        # Records decided. Flat while lag grows: look at room_restoring and room_held_partitions.
        self.records = Counter("room_records", "Input records decided", ["room"], registry=r)
        # Decisions by the room's own reason. A sudden new reason is a change of input, not of the host.
        self.decisions = Counter("room_decisions", "Decisions by reason", ["room", "reason"], registry=r)
        # Records produced, changelog included.
        self.outputs = Counter("room_outputs", "Records produced, changelog included", ["room"], registry=r)
        # Committed input records not yet read. Growing: the room is too slow or stands; see transaction time.
        self.lag = Gauge("room_lag_records", "Committed input records not yet read", ["room", "partition"], registry=r)
        # Begin to commit. Above 0.2 s: the broker's disk or CPU; the pacing widens batches by itself.
        self.transaction = Histogram(
            "room_transaction_seconds", "Begin to commit", ["room"], buckets=SECONDS, registry=r
        )
        # Assignment to first decision. Above 2.5 s: the changelog is too long (is it compacted?) or a dead
        # predecessor's transaction must time out first.
        self.restore = Histogram(
            "room_restore_seconds", "Assignment to first decision", ["room"], buckets=RESTORE_SECONDS, registry=r
        )
        # 1 while state is being restored. Stays 1: an undecided transaction holds the positions; find it with
        # kafka-transactions.sh find-hanging.
        self.restoring = Gauge("room_restoring", "1 while state is being restored", ["room"], registry=r)
        # Parts of state in memory; 0.3 to 1 KB each.
        self.keys = Gauge("room_state_keys", "Live parts of state", ["room", "partition"], registry=r)
        # Transactions aborted, by why. Now and then: a rebalance. Steady: two processes with the same slot.
        self.aborts = Counter("room_aborts", "Transactions aborted", ["room", "why"], registry=r)
        # Producers replaced because an outcome stayed unknown. Grows while a broker is away.
        self.renewed = Counter(
            "room_producers_renewed", "Producers replaced after an unknown outcome", ["room"], registry=r
        )
        # Records whose decide raised, before they are redone. Not zero: a bug; see dead.letters
        # (decide_failed).
        self.failures = Counter("room_decide_failures", "Records whose decide raised", ["room"], registry=r)
        # Ticks sent because a timer was due and nothing arrived.
        self.ticks = Counter("room_ticks", "Ticks sent", ["room"], registry=r)
        # Partitions that stand because the broker's clock is ahead of ours. Not zero: correct the clocks.
        self.held = Gauge("room_held_partitions", "Partitions held by the clock guard", ["room"], registry=r)
        # Partitions assigned.
        self.owned = Gauge("room_owned_partitions", "Partitions assigned", ["room"], registry=r)


class RoomMetrics:
    """The metrics of one room; what its loop calls."""

    def __init__(self, metrics: Metrics, room: str) -> None:
        self._m = metrics
        self._room = room
        for counter in (metrics.records, metrics.outputs, metrics.renewed, metrics.failures, metrics.ticks):
            counter.labels(room)

    def committed(self, records: int, outputs: int, seconds: float, reasons: Mapping[str, int]) -> None:
        """One transaction was committed."""
        self._m.records.labels(self._room).inc(records)
        self._m.outputs.labels(self._room).inc(outputs)
        self._m.transaction.labels(self._room).observe(seconds)
        for reason, count in reasons.items():
            if count > 0:
                self._m.decisions.labels(self._room, reason).inc(count)

    def restoring(self) -> None:
        """State was thrown away."""
        self._m.restoring.labels(self._room).set(1)

    def restored(self, seconds: float, partitions: int) -> None:
        """State is complete."""
        self._m.restoring.labels(self._room).set(0)
        self._m.restore.labels(self._room).observe(seconds)
        self._m.owned.labels(self._room).set(partitions)

    def unassigned(self) -> None:
        """Nothing is assigned."""
        self._m.restoring.labels(self._room).set(0)
        self._m.owned.labels(self._room).set(0)

    def state(self, lag: Mapping[int, int], keys: Mapping[int, int]) -> None:
        """How far behind and how large, by partition."""
        for partition, behind in lag.items():
            self._m.lag.labels(self._room, str(partition)).set(behind)
        for partition, count in keys.items():
            self._m.keys.labels(self._room, str(partition)).set(count)

    def aborted(self, why: str) -> None:
        """A transaction was aborted or its outcome is unknown."""
        self._m.aborts.labels(self._room, why).inc()

    def producer_renewed(self) -> None:
        """A producer was replaced."""
        self._m.renewed.labels(self._room).inc()

    def decide_failed(self) -> None:
        """A decide raised."""
        self._m.failures.labels(self._room).inc()

    def ticked(self) -> None:
        """A tick was sent."""
        self._m.ticks.labels(self._room).inc()

    def holding(self, partitions: int) -> None:
        """Partitions that the clock guard holds."""
        self._m.held.labels(self._room).set(partitions)
