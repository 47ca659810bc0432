"""A log in memory with the parts of a broker in which real bugs were found. Deterministic, one thread, manual
clock.

Partitions, append times with ties, transactions whose markers take offsets, the last stable offset under
interleaved producers, aborted records, markers that arrive late on some partitions, an EndTxn that arrives
late, fencing by epoch, transaction time-outs, and consumer groups (memory_groups.py). Called by memory.py and
by tests that play the broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from processors.host.clock import ManualClock
from processors.host.errors import AbortNeeded, Fatal
from processors.host.memory_groups import Group
from processors.host.places import Ends, Place, Placed
from schemas.partitioning import partition_of
from schemas.record import Output, Record

TRANSACTION_TIMEOUT_MS = 5_000
SESSION_TIMEOUT_MS = 6_000

# group -> place -> (position, note)
Offsets = dict[str, dict[Place, tuple[int, str]]]


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction. `undecided`: places whose marker has not arrived; `outcome` None: still open.

    `started_ms` None: the coordinator knows nothing of it yet, and no time-out runs.
    """

    name: str
    epoch: int
    started_ms: int | None = None
    outcome: bool | None = None
    undecided: dict[Place, int] = field(default_factory=dict)
    offsets: Offsets = field(default_factory=dict)
    # How many positions had been sent to any coordinator when this one was.
    sent: dict[tuple[str, Place], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    """One offset: a record, or a marker (record None). `transaction` None: written plainly."""

    record: Record | None
    transaction: Transaction | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What `init_producer` gave: requests under an older epoch are fenced."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class LateEnd:
    """An EndTxn on its way through the network."""

    identity: Identity
    commit: bool


class MemoryLog:
    """Topics, transactions and groups of one pretended broker."""

    def __init__(
        self,
        clock: ManualClock,
        topics: Mapping[str, int],
        *,
        transaction_timeout_ms: int = TRANSACTION_TIMEOUT_MS,
    ) -> None:
        self.clock = clock
        self._transaction_timeout_ms = transaction_timeout_ms
        self.late: list[LateEnd] = []
        # Topics whose markers wait for `deliver_markers`, as when a partition's leader is slow to write one.
        self.slow_markers: set[str] = set()
        self._topics: dict[str, list[list[_Entry]]] = {}
        self._lows: dict[Place, int] = {}
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._undecided: dict[Place, list[Transaction]] = {}
        self._groups: dict[str, Group] = {}
        self._positions_sent = 0
        for topic, partitions in topics.items():
            self.create(topic, partitions)

    # --- topics
    # ---------------------------------------------------------------------------------------------------

    def create(self, topic: str, partitions: int) -> None:
        """Add a topic; an existing one stays as it is."""
        self._topics.setdefault(topic, [[] for _ in range(partitions)])

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises Fatal `topic_missing`."""
        return len(self._of(topic))

    def append(self, output: Output) -> Placed:
        """Write one record plainly, as an idempotent producer without transactions does."""
        return self._append(output, None)

    def delete_before(self, place: Place, offset: int) -> None:
        """Retention: records below `offset` are no longer kept."""
        self._lows[place] = offset

    def ends(self, place: Place) -> Ends:
        """First kept offset, last stable offset, high watermark."""
        self.expire()
        entries = self._of(place.topic)[place.partition]
        stable = min((t.undecided[place] for t in self._undecided.get(place, ())), default=len(entries))
        return Ends(self._lows.get(place, 0), stable, len(entries))

    def written(self, topic: str) -> int:
        """Offsets given out so far in all partitions; moves with every record and every marker."""
        return sum(len(entries) for entries in self._of(topic))

    def read(self, place: Place, position: int, limit: int, *, committed: bool = True) -> tuple[list[Record], int]:
        """Up to `limit` records from `position` and the position after them, markers and aborted records
        passed."""
        low, stable, high = self.ends(place)
        if not low <= position <= high:
            raise Fatal(
                "offset_out_of_log",
                f"{place.topic}[{place.partition}]",
                f"position {position}, the log keeps {low} to {high}",
                "Restore the input from the archive.",
            )
        entries = self._of(place.topic)[place.partition]
        end = stable if committed else high
        found: list[Record] = []
        while position < end and len(found) < limit:
            entry = entries[position]
            position += 1
            if entry.record is None:
                continue
            if committed and entry.transaction is not None and entry.transaction.outcome is not True:
                continue
            found.append(entry.record)
        return found, position

    def records(self, topic: str) -> list[Record]:
        """All committed records of a topic, by partition and offset. For tests."""
        found: list[Record] = []
        for partition in range(self.partitions(topic)):
            place = Place(topic, partition)
            low, _, high = self.ends(place)
            found += self.read(place, low, high - low)[0]
        return found

    def author(self, place: Place, offset: int) -> str:
        """The transactional id under which a record was written; empty for what was written plainly. For tests."""
        transaction = self._of(place.topic)[place.partition][offset].transaction
        return "" if transaction is None else transaction.name

    # --- transactions
    # ---------------------------------------------------------------------------------------------

    def init_producer(self, name: str) -> Identity:
        """A new epoch of this name; what the epoch before left open is aborted at once."""
        self.expire()
        self._epochs[name] = self._epochs.get(name, -1) + 1
        if name in self._open:
            self._end(self._open[name], commit=False)
        return Identity(name, self._epochs[name])

    def holds(self, identity: Identity) -> bool:
        """Whether a transaction of this producer is open."""
        found = self._open.get(identity.name)
        return found is not None and found.epoch == identity.epoch

    def begin(self, identity: Identity) -> None:
        """Open a transaction. No request is sent: who is fenced learns it when the broker is first asked for
        something."""
        if self._epochs.get(identity.name) == identity.epoch:
            self._open[identity.name] = Transaction(identity.name, identity.epoch)

    def write(self, identity: Identity, outputs: Iterable[Output]) -> None:
        """Write records into the open transaction."""
        transaction = self._asked(identity)
        for output in outputs:
            self._append(output, transaction)

    def add_offsets(self, identity: Identity, group: str, positions: Mapping[Place, tuple[int, str]]) -> None:
        """Make positions of a group part of the transaction. The group has checked the membership."""
        transaction = self._asked(identity)
        transaction.offsets.setdefault(group, {}).update(positions)
        for place in positions:
            self._positions_sent += 1
            transaction.sent[group, place] = self._positions_sent

    def end(self, identity: Identity, commit: bool) -> None:
        """Commit or abort."""
        self._end(self._current(identity), commit)

    def delay_end(self, identity: Identity, commit: bool = True) -> None:
        """The EndTxn leaves the producer, and arrives only when `deliver_late` is called."""
        self.late.append(LateEnd(identity, commit))

    def deliver_late(self) -> int:
        """Every EndTxn on its way arrives; those of fenced epochs are refused. Gives how many took effect."""
        effective = 0
        for late in self.late:
            transaction = self._open.get(late.identity.name)
            if transaction is not None and transaction.epoch == late.identity.epoch:
                self._end(transaction, late.commit)
                effective += 1
        self.late.clear()
        return effective

    def deliver_markers(self) -> None:
        """Markers that were slow arrive."""
        self.slow_markers.clear()
        decided = {id(t): t for waiting in self._undecided.values() for t in waiting if t.outcome is not None}
        for transaction in decided.values():
            self._mark(transaction)

    def expire(self) -> None:
        """Abort transactions that are open longer than their time-out; their producers are fenced."""
        now = self.clock.wall_ms()
        for transaction in list(self._open.values()):
            if transaction.started_ms is not None and now - transaction.started_ms > self._transaction_timeout_ms:
                self._epochs[transaction.name] += 1
                self._end(transaction, commit=False)

    # --- groups
    # ---------------------------------------------------------------------------------------------------

    def group(self, name: str, topic: str) -> Group:
        """The consumer group of this name."""
        if name not in self._groups:
            self._groups[name] = Group(name, topic, self.partitions(topic), self.clock, SESSION_TIMEOUT_MS)
        return self._groups[name]

    def unstable(self, group: str) -> frozenset[Place]:
        """Places whose positions an undecided transaction holds."""
        self.expire()
        return frozenset(place for t in self._open.values() for place in t.offsets.get(group, {}))

    # --- inside
    # ---------------------------------------------------------------------------------------------------

    def _of(self, topic: str) -> list[list[_Entry]]:
        if topic not in self._topics:
            raise Fatal("topic_missing", topic, "the log has no such topic", "Create it first.")
        return self._topics[topic]

    def _append(self, output: Output, transaction: Transaction | None) -> Placed:
        partitions = self._of(output.topic)
        partition = output.partition
        if partition is None:
            partition = partition_of(output.key or b"", len(partitions))
        entries = partitions[partition]
        place = Place(output.topic, partition)
        record = Record(
            output.topic, partition, len(entries), self.clock.wall_ms(), output.key, output.value, output.headers
        )
        if transaction is not None and place not in transaction.undecided:
            transaction.undecided[place] = len(entries)
            self._undecided.setdefault(place, []).append(transaction)
        entries.append(_Entry(record, transaction))
        return Placed(output.topic, partition, record.offset)

    def _fence(self, identity: Identity) -> None:
        self.expire()
        if self._epochs.get(identity.name) != identity.epoch:
            raise Fatal(
                "client_fatal",
                f"the producer {identity.name}",
                "a newer one of this name exists, or its transaction timed out",
                "The process ends and is started again.",
            )

    def _current(self, identity: Identity) -> Transaction:
        self._fence(identity)
        transaction = self._open.get(identity.name)
        if transaction is None or transaction.epoch != identity.epoch:
            raise AbortNeeded("no_transaction", f"the producer {identity.name}", "nothing is open", "Begin first.")
        return transaction

    def _asked(self, identity: Identity) -> Transaction:
        """The open transaction, now known to the coordinator."""
        transaction = self._current(identity)
        if transaction.started_ms is None:
            transaction.started_ms = self.clock.wall_ms()
        return transaction

    def _end(self, transaction: Transaction, commit: bool) -> None:
        del self._open[transaction.name]
        transaction.outcome = commit
        if commit:
            for name, positions in transaction.offsets.items():
                for place, position in positions.items():
                    self._groups[name].settle(place, position, transaction.sent[name, place])
        self._mark(transaction)

    def _mark(self, transaction: Transaction) -> None:
        for place in list(transaction.undecided):
            if place.topic in self.slow_markers:
                continue
            del transaction.undecided[place]
            self._undecided[place].remove(transaction)
            self._of(place.topic)[place.partition].append(_Entry(None, transaction))
